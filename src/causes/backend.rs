//! A CNI plugin whose other half is not there: how plugins word that their daemon, its socket or its state file is missing.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Probe, Right, Scope};
use crate::model::sign::{Operation, Sign};
use crate::model::stage::Stage;

/// The API server behind an address of the node itself, or the runtime: not the plugin's own daemon.
const NOT_ITS_DAEMON: &[&str] = &[
    ":6443",
    ":6444",
    ":443/",
    ":443:",
    "/apis/",
    "containerd.sock",
    "crio.sock",
    "dockershim.sock",
    "docker.sock",
    "cri-dockerd.sock",
    "/csi",
    "pull image",
];

const NETWORK: &[Operation] = &[Operation::Network];

/// The plugin ran and did not find its own daemon.
pub(super) const CNI_BACKEND_DOWN: Cause = Cause {
    id: "CniBackendDown",
    stage: Stage::Network,
    scope: Scope::Node,
    summary: "The CNI plugin runs, but the network add-on's daemon on this node does not answer, or a file of it is missing.",
    says: "Pods with their own network cannot start on this node: CNI[ plugin {plugin}] runs, but its daemon does not answer[: {file} {absence}| at {socket}| on port {port}][; {pods} waiting].",
    rules_out: "The plugin and its configuration are there; runtime, images and the pods are fine.",
    advice: "look at the network add-on's pod here (kubectl get pods -A -o wide) and its log; cordon meanwhile.",
    mends: "Once it runs, pods start.",
    after: Duration::from_secs(5),
    probe: Some(Probe::Node),
    needs: &[Right::Pods, Right::PodEvents, Right::NodeState],
    signs: &[
        // flannel (cni-plugin: loadFlannelSubnetEnv)
        Sign::of(&["loadflannelsubnetenv failed"]),
        Sign::of(&["subnet.env", "no such file"]),
        Sign::of(&["subnet.env", "is missing"]),
        // calico (cni-plugin: DetermineNodename)
        Sign::of(&["calico/node container is running"]),
        Sign::of(&["/lib/calico/nodename"]),
        Sign::of(&["calico is shutting down on this node"]),
        // cilium (plugins/cilium-cni, pkg/client)
        Sign::of(&["unable to connect to cilium"]),
        Sign::of(&["failed to create cilium agent client"]),
        Sign::of(&["is the agent running"]).within(NETWORK),
        Sign::of(&["/cilium.sock", "dial unix"]),
        Sign::of(&["could not connect to cilium"]),
        // weave, aws ipamd, azure CNS, kuryr, dhcp, open vswitch, openshift-sdn
        Sign::of(&["127.0.0.1:6784", "connection refused"]),
        Sign::of(&["127.0.0.1:6784", "i/o timeout"]),
        Sign::of(&["127.0.0.1:50051", "connection refused"]),
        Sign::of(&["addnetwork grpc call", "code = unavailable"]),
        Sign::of(&["delnetwork grpc call", "code = unavailable"]),
        Sign::of(&[":10090", "connection refused"]),
        Sign::of(&["error dialing dhcp daemon"]),
        Sign::of(&["database connection failed"]).within(NETWORK),
        Sign::of(&["failed to connect to ovsdb"]).within(NETWORK),
        Sign::of(&["/db.sock", "failed"]).within(NETWORK),
        Sign::of(&["openshift sdn network process is not"]),
        Sign::of(&["openshift-sdn pod", "not running"]),
        // multus (pkg/multus: readiness indicator file; thick plugin: shim)
        Sign::of(&["readinessindicatorfile", "still waiting"]),
        Sign::of(&["readinessindicatorfile", "pollimmediate"]),
        Sign::of(&["readiness indicator file"]),
        Sign::of(&["have you checked that your default network is ready"]),
        Sign::of(&["failed to send cni request", "connection refused"]),
        Sign::of(&["failed to send cni request", "no such file"]),
        Sign::of(&["failed to send cni request", "connection reset"]),
        Sign::of(&["failed to send cni request", ": eof"]),
        // whatever plugin, on a local socket or port
        Sign::of(&["dial unix", "no such file"]).within(NETWORK).but(NOT_ITS_DAEMON),
        Sign::of(&["dial unix", "connection refused"]).within(NETWORK).but(NOT_ITS_DAEMON),
        Sign::of(&["dial unix", "i/o timeout"]).within(NETWORK).but(NOT_ITS_DAEMON),
        Sign::of(&["dial tcp 127.0.0.1:", "connection refused"]).within(NETWORK).but(NOT_ITS_DAEMON),
        Sign::of(&["dial tcp [::1]:", "connection refused"]).within(NETWORK).but(NOT_ITS_DAEMON),
        Sign::of(&["127.0.0.1:", "actively refused it"]).within(NETWORK).but(NOT_ITS_DAEMON),
        Sign::of(&["host='127.0.0.1'", "connection refused"]).within(NETWORK).but(NOT_ITS_DAEMON),
        Sign::of(&["host='localhost'", "connection refused"]).within(NETWORK).but(NOT_ITS_DAEMON),
        Sign::of(&["//./pipe/", "cannot find the file"]).within(NETWORK).but(NOT_ITS_DAEMON),
        Sign::of(&["\\pipe\\", "cannot find the file"]).within(NETWORK).but(NOT_ITS_DAEMON),
        Sign::of(&["network for sandbox", "code = unavailable"]).but(NOT_ITS_DAEMON),
        Sign::of(&["pod network sandbox", "code = unavailable"]).but(NOT_ITS_DAEMON),
        Sign::of(&["networkplugin cni", "code = unavailable"]).but(NOT_ITS_DAEMON),
        Sign::of(&["plugin type=", "code = unavailable"]).but(NOT_ITS_DAEMON),
        Sign::of(&["grpc: the connection is unavailable"]).within(NETWORK),
        Sign::of(&["all subconns are in transientfailure"]).within(NETWORK).but(NOT_ITS_DAEMON),
    ],
    examples: &[
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "5db402": plugin type="flannel" failed (add): failed to load flannel 'subnet.env' file: open /run/flannel/subnet.env: no such file or directory. Check the flannel pod log for this node."#,
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "5db402": plugin type="calico" failed (add): stat /var/lib/calico/nodename: no such file or directory: check that the calico/node container is running and has mounted /var/lib/calico/"#,
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "5db402": plugin type="cilium-cni" failed (add): unable to connect to Cilium agent: failed to create cilium agent client after 30.000000 seconds timeout: Get "http://localhost/v1/config": dial unix /var/run/cilium/cilium.sock: connect: no such file or directory"#,
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to set up sandbox container "5db402" network for pod "cart-0": networkPlugin cni failed to set up pod "cart-0_shop" network: add cmd: Error received from AddNetwork gRPC call: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing dial tcp 127.0.0.1:50051: connect: connection refused""#,
        r#"failed to setup network for sandbox "5db402": plugin type="antrea" failed (add): rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /var/run/antrea/cni.sock: connect: connection refused""#,
    ],
    steps: &[
        "Find the network add-on's pod on this node: `kubectl get pods -A -o wide --field-selector spec.nodeName=NODE | grep -E 'calico|cilium|flannel|weave|aws-node|azure-cns|ovn|antrea|multus'`.",
        "Read why it is not up: `kubectl -n kube-system describe pod POD; kubectl -n kube-system logs POD --all-containers; kubectl -n kube-system logs -p POD`.",
        "If it runs: does its socket or file exist where the plugin looks for it (`ls -l /run/cilium /run/flannel /var/lib/calico`)? A hostPath that was mounted elsewhere, or a reboot that emptied /run, hides it; restart the pod.",
        "No such pod here: look at the DaemonSet's node selector, tolerations and image pulls.",
        "Meanwhile keep new pods away: `kubectl cordon NODE`.",
    ],
    ..USUAL
};
