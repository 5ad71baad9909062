//! Causes that are a want of something to be had once only: addresses for pods, ports of the node.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Owner, Probe, Right, Scope};
use crate::model::sign::{Operation, Sign};
use crate::model::stage::Stage;

const NETWORK: &[Operation] = &[Operation::Network];

/// Ranges of the API server's that can be full too: cluster addresses and node ports of Services.
const OF_SERVICES: &[&str] = &["serviceip", "service ip", "nodeport", "clusterip"];

/// No address is left for the pod.
pub(super) const POD_IP_EXHAUSTED: Cause = Cause {
    id: "PodIpExhausted",
    stage: Stage::Network,
    scope: Scope::Node,
    summary: "No pod IP address is left: the address range, pool or subnet that this node allocates from is used up.",
    says: "[Soon no IP address is left for pods: {soon}|No IP address is left {owned}|No IP address is left for pods][ ({plugin})][: all of {range} are in use][; {pods} waiting]. Nothing is wrong with the pods.",
    rules_out: "The network plugin runs; pods and images are fine.",
    advice: "fewer pods here (max-pods), a larger range or subnet, or free addresses that removed pods left behind.",
    mends: "Pods start as addresses come free.",
    after: Duration::from_secs(5),
    probe: Some(Probe::Node),
    needs: &[Right::Pods, Right::PodEvents, Right::NodeState],
    signs: &[
        // host-local, whereabouts, dhcp-like pools
        Sign::of(&["no ip addresses available"]),
        Sign::of(&["no ipv4 addresses available"]),
        Sign::of(&["no ipv6 addresses available"]),
        Sign::of(&["addresses available in pool"]),
        Sign::of(&["could not allocate ip in range"]),
        Sign::of(&["no more ip"]).within(NETWORK),
        Sign::of(&["no free ip"]).within(NETWORK),
        Sign::of(&["no free address"]).within(NETWORK),
        Sign::of(&["no ips available"]).within(NETWORK),
        Sign::of(&["no ip available"]).within(NETWORK),
        Sign::of(&["no available ip"]).within(NETWORK),
        Sign::of(&["no available address"]).within(NETWORK),
        Sign::of(&["noavailableaddress"]),
        Sign::of(&["no addresses available"]).within(NETWORK),
        Sign::of(&["no address available"]).within(NETWORK),
        Sign::of(&["out of ip addresses"]),
        Sign::of(&["run out of ip"]),
        Sign::of(&["ip exhausted"]).within(NETWORK),
        Sign::of(&["addresses exhausted"]).within(NETWORK),
        Sign::of(&["addresses are exhausted"]).within(NETWORK),
        Sign::of(&["not enough ip"]).within(NETWORK),
        Sign::of(&["not have enough ip"]).within(NETWORK),
        Sign::of(&["insufficient ip"]).within(NETWORK),
        Sign::of(&["pool exhausted"]).within(NETWORK),
        Sign::of(&["pool is exhausted"]).within(NETWORK),
        Sign::of(&["pool is full"]).within(NETWORK),
        Sign::of(&["subnet is full"]).within(NETWORK),
        Sign::of(&["ips are exhausted"]).within(NETWORK),
        Sign::of(&["pools are likely exhausted"]),
        Sign::of(&["ranges are exhausted"]).within(NETWORK),
        Sign::of(&["used out"]).within(NETWORK),
        // cilium, calico
        Sign::of(&["range is full"]).within(NETWORK).but(OF_SERVICES),
        Sign::of(&["allocated only 0"]).within(NETWORK),
        Sign::of(&["assigned 0 out of"]),
        Sign::of(&["no more free affine blocks"]),
        Sign::of(&["per host block limit"]),
        Sign::of(&["no ips available in pools"]),
        // clouds
        Sign::of(&["failed to assign an ip address to container"]),
        Sign::of(&["insufficientfreeaddressesinsubnet"]),
        Sign::of(&["insufficientcidrblocks"]),
        Sign::of(&["ipnotenough"]),
        Sign::of(&["ip_space_exhausted"]),
        // docker
        Sign::of(&["no available ipv4 addresses"]),
        Sign::of(&["no available ipv6 addresses"]),
    ],
    examples: &[
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "42bf93": plugin type="bridge" name="shopnet" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.244.7.1-10.244.7.254"#,
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to set up sandbox container "42bf93" network for pod "cart-0": networkPlugin cni failed to set up pod "cart-0_shop" network: add cmd: failed to assign an IP address to container"#,
        r#"failed to setup network for sandbox "42bf93": plugin type="cilium-cni" failed (add): unable to allocate IP via local cilium agent: [POST /ipam][502] postIpamFailure "No more IPs available""#,
        r#"failed to setup network for sandbox "42bf93": plugin type="calico" failed (add): failed to request IPv4 addresses: Assigned 0 out of 1 requested IPv4 addresses; No IPs available in pools: [10.244.0.0/16]"#,
    ],
    steps: &[
        "Count the pods against the range: `kubectl get pods -A -o wide --field-selector spec.nodeName=NODE | wc -l`, `kubectl get node NODE -o jsonpath={.spec.podCIDR}`.",
        "host-local (bridge, flannel, kindnet): addresses that removed pods left behind are files: `ls /var/lib/cni/networks/*/ | wc -l`; delete those whose container id `crictl pods -q` does not know. Calico: `calicoctl ipam check`; Cilium: `cilium-dbg status --verbose`; AWS: `curl -s localhost:61679/v1/enis`.",
        "Make room: lower `maxPods`, enlarge the node's CIDR mask or the pool; on clouds a larger subnet, prefix delegation or a bigger instance type.",
        "Meanwhile `kubectl cordon NODE`, and delete waiting pods so that they land elsewhere.",
    ],
    ..USUAL
};

/// Addresses are held for pods that are gone.
pub(super) const POD_IP_LEAKED: Cause = Cause {
    id: "PodIpLeaked",
    stage: Stage::Network,
    scope: Scope::Node,
    summary: "Pod IP addresses of this node are held for pods that are gone: the files that reserve them were left behind.",
    says: "[{leaked} of {used} pod IP addresses of this node|Pod IP addresses of this node][ (range {range})] are held for pods that are gone[: files left behind in {dir}]. The pods that wait are not the cause.",
    rules_out: "The range is large enough for the pods that run; images and registries are not the cause.",
    advice: "remove the files whose container id crictl pods -q does not list.",
    mends: "A reboot does not free them.",
    after: Duration::from_secs(28),
    probe: Some(Probe::Node),
    needs: &[Right::CniDirs, Right::NodeState],
    examples: &[],
    steps: &[
        "Each file in `/var/lib/cni/networks/NETWORK/` is an address, its first line the sandbox: `cd /var/lib/cni/networks/NETWORK; for f in *.*.*.*; do id=$(head -1 $f | tr -d '\\r'); crictl pods -q --no-trunc | grep -q $id || echo $f; done`.",
        "Remove those files, none of a sandbox that is listed: a pod that starts takes the address at once.",
        "They are left behind where a sandbox was removed without CNI DEL: a runtime killed, `/var/lib/containerd` emptied, a reboot with `crictl rmp -f`. Newer runtimes call the plugins' GC; update plugins and runtime.",
    ],
    ..USUAL
};

/// A port of the node that the pod asks for is held by something else.
pub(super) const HOST_PORT_CONFLICT: Cause = Cause {
    id: "HostPortConflict",
    stage: Stage::Sandbox,
    owner: Owner::App,
    summary: "A host port that the pod asks for is already in use on this node.",
    says: "The pod asks for a port of the node that something else on this node holds[: host port {port}]. Runtime, network and images are fine.",
    rules_out: "Runtime, network and images are fine.",
    advice: "take another hostPort, or better a Service; or delete the pod to try another node. Platform can see who holds it: ss -ltnp.",
    mends: "It starts once the port is free.",
    after: Duration::from_secs(5),
    needs: &[Right::Pods, Right::PodEvents],
    signs: &[
        Sign::of(&["cannot open hostport"]),
        Sign::of(&["hostport", "address already in use"]),
        Sign::of(&["host port", "already in use"]),
        Sign::of(&["host port", "conflict"]).but(&["resolved"]),
        Sign::of(&["hostportconflict"]),
        Sign::of(&["userland proxy", "already in use"]),
        Sign::of(&["external connectivity", "already in use"]),
        Sign::of(&["port is already allocated"]).but(&["provided port"]),
        Sign::of(&["ports are not available"]),
        Sign::of(&["bind: address already in use"]).within(&[Operation::Sandbox]),
        Sign::of(&["listen ", "address already in use"]).within(&[Operation::Sandbox]),
        Sign::of(&["predicate nodeports failed"]),
        Sign::of(&["predicate podfitshostports failed"]),
        Sign::of(&["free ports for the requested pod ports"]).but(&["nodes are available"]),
    ],
    examples: &[
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to add hostport mapping for sandbox k8s_cart-0_shop_7d0e_0(51ab): cannot open hostport 8080 for pod k8s_cart-0_shop_7d0e_0_: listen tcp4 :8080: bind: address already in use",
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox container for pod "cart-0": Error response from daemon: driver failed programming external connectivity on endpoint k8s_POD_cart-0_shop_7d0e_0 (a0bf63): Bind for 0.0.0.0:8080 failed: port is already allocated"#,
        "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    ],
    steps: &[
        "See which port the pod asks for: `kubectl get pod POD -o jsonpath={..hostPort}`.",
        "See who holds it on the node: `ss -ltnp 'sport = :8080'`; for rules without a listener: `iptables -t nat -S | grep CNI-HOSTPORT`. In 30000 to 32767 it may be kube-proxy, for a Service of type NodePort.",
        "Take another port, or none: a Service or Ingress does not bind the pod to the node's ports.",
        "If a removed pod left it behind (a docker-proxy, a rule of the port mapper): end that process, or restart the runtime.",
    ],
    ..USUAL
};
