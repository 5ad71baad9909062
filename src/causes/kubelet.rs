//! Causes that lie in the kubelet, or between it and the API server.

use std::time::Duration;

use super::OF_THE_NODE;
use crate::model::cause::{Cause, Right};
use crate::model::sign::{
    Operation::{ApiCall, Node},
    Sign,
};

/// Where "unauthorized" and x509 speak of a registry, of a plugin's own credentials or of a webhook, not of the kubelet's.
const NOT_THE_KUBELET: &[&str] = &[
    "pull",
    "manifest",
    "registry",
    "/v2/",
    "webhook",
    "failed (add)",
    "failed (delete)",
    "failed (check)",
    "plugin type",
    "multus",
    "clusterinformation",
    "cni ",
    "cni-",
    "mountvolume",
    "attachvolume",
    "probe",
    ":10250",
];

/// Where a call that fails is made to another server than the API server.
const NOT_THE_API: &[&str] = &[
    "/v2/",
    "pull image",
    "pulling image",
    "unpack image",
    "resolve reference",
    "webhook",
    ":2379",
    ":10250",
    ":10248",
    "metadata.google",
    "169.254.169.254",
];

/// The clock of the node is wrong.
pub(super) const CLOCK_SKEWED: Cause = Cause {
    id: "ClockSkewed",
    summary: "The clock of this node and the API server's are more than a minute apart, or a certificate or signature looks not yet valid here.",
    says: "The clock [of this node is {apart} the API server's; one of the two is wrong. Credentials|is wrong: it is {now} on this node, and a certificate begins at {begins}. The certificate itself|of this node {clock}. Certificates|is wrong: on this node a certificate is not valid yet. The certificate itself] and the network are fine.",
    rules_out: "Certificates, credentials and the network are not the cause.",
    advice: "timedatectl; chronyc tracking, here and on the control plane: set the wrong one.",
    mends: "It works again as soon as the time is right.",
    steps: &[
        "`timedatectl` and `date -u`, here and on a control-plane node: do they differ? A wrong time zone at the first start makes certificates of the future.",
        "`chronyc tracking` or `timedatectl timesync-status`: is a source reached (udp/123), is the offset small?",
        "`chronyc makestep` (or `systemctl restart systemd-timesyncd`), then `hwclock --systohc`, so that the next start is right too.",
        "If the clocks agree the certificate was made by one whose clock was ahead: wait, or have it made anew.",
    ],
    signs: &[
        Sign::of(&["current time ", " is before "]),
        Sign::of(&["certificate is not valid yet"]),
        Sign::of(&["certificate is not yet valid"]),
        Sign::of(&["token used before issued"]),
        Sign::of(&["token is not valid yet"]),
        Sign::of(&["requesttimetooskewed"]),
        Sign::of(&["request time and the current time is too large"]),
        Sign::of(&["signature not yet current"]),
        Sign::of(&["signature expired: ", "is now earlier than"]),
        Sign::of(&["clock skew"]).but(&["no clock skew"]),
        Sign::of(&["clock is skewed"]),
        Sign::of(&["clock difference against peer", "too high"]),
        Sign::of(&["clock is out of sync"]),
        Sign::of(&["clock is not synchron"]),
        Sign::of(&["clock not synchron"]),
        Sign::of(&["ntp", "not synchron"]),
        Sign::of(&["ntp service is not running"]),
        Sign::of(&["chrony", "not running"]),
    ],
    examples: &[
        r#"Unable to register node with API server: Post "https://10.0.0.2:6443/api/v1/nodes": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2024-01-01T00:03:11Z is before 2026-03-04T09:12:55Z"#,
        "An error occurred (RequestTimeTooSkewed): The difference between the request time and the current time is too large.",
    ],
    needs: &[Right::Pods],
    ..OF_THE_NODE
};

/// The API server does not accept the kubelet's certificate or token, or there is none.
pub(super) const KUBELET_CREDENTIAL_INVALID: Cause = Cause {
    id: "KubeletCredentialInvalid",
    summary: "The kubelet's certificate or token is expired, missing or not accepted by the API server.",
    says: "[The kubelet's login to the API server is about to end: {soon}|The kubelet of this node cannot log in to the API server: {flaw}|The kubelet of this node cannot log in to the API server: its certificate or token is missing, expired ({expired}) or refused|The kubelet of this node cannot log in to the API server: its certificate or token is missing, expired or refused]. Network and pods are not the cause.",
    rules_out: "The network to the API server and the pods are not the cause.",
    advice: "see /var/lib/kubelet/pki/kubelet-client-current.pem; renew it or join anew.",
    mends: "What runs goes on; nothing new starts.",
    steps: &[
        "`journalctl -u kubelet | grep -iE 'certificate|unauthorized|bootstrap' | tail`: expired, refused, or no bootstrap file?",
        "`openssl x509 -noout -subject -dates -in /var/lib/kubelet/pki/kubelet-client-current.pem`: is it over, is the subject `system:node:` and this node's name?",
        "`kubectl get csr`: a request of this node that is Pending needs `kubectl certificate approve NAME`.",
        "Expired: `kubeadm token create --print-join-command`, put a fresh `/etc/kubernetes/bootstrap-kubelet.conf` there (or `kubeadm kubeconfig user --org system:nodes --client-name system:node:NODE` as kubelet.conf), remove the old `kubelet-client-*`, restart the kubelet.",
        "\"signed by unknown authority\": the cluster's CA was changed or the node belongs to another one; compare `certificate-authority-data`. Lasting: `rotateCertificates: true`.",
    ],
    signs: &[
        Sign::of(&["bootstrap client certificate", "expired"]),
        Sign::of(&["currently active client certificate has expired"]),
        Sign::of(&["client certificate", "expired"]).within(&[Node, ApiCall]).but(NOT_THE_KUBELET),
        Sign::of(&["unable to load bootstrap kubeconfig"]),
        Sign::of(&["unable to load kubeconfig", "no such file"]).within(&[Node]),
        Sign::of(&["failed to run kubelet", "client-cert"]),
        Sign::of(&["failed to run kubelet", "kubelet-client-current.pem"]),
        Sign::of(&["failed to run kubelet", "kubeconfig"]),
        Sign::of(&["bootstrap-kubelet.conf", "no such file"]),
        Sign::of(&["cannot create certificate signing request"]).but(&["dial tcp", "timeout"]),
        Sign::of(&["failed while requesting a signed certificate", "unauthorized"]),
        Sign::of(&["failed while requesting a signed certificate", "forbidden"]),
        Sign::of(&["certificate request was not signed"]),
        Sign::of(&["certificate signing request", "denied"]).within(&[Node]),
        Sign::of(&["user \"system:anonymous\" cannot"]).but(NOT_THE_KUBELET),
        Sign::of(&["user \"system:bootstrap", "cannot"]).but(NOT_THE_KUBELET),
        Sign::of(&["is not allowed to modify node"]),
        Sign::of(&["can only access node lease with the same name"]),
        Sign::of(&["you must be logged in to the server"]),
        Sign::of(&["server has asked for the client to provide credentials"]).but(NOT_THE_KUBELET),
        Sign::of(&["error getting node", "unauthorized"]).but(NOT_THE_KUBELET),
        Sign::of(&["unable to read client-cert"]),
        Sign::of(&["kubelet.conf", "private key does not match public key"]),
        Sign::of(&["kubelet-client", "certificate has expired"]),
        Sign::of(&["server rejected event", "unauthorized"]),
        Sign::of(&["unable to connect to the server: ", "x509: "]),
        Sign::of(&["unable to authenticate the request"]),
        Sign::of(&["unauthorized"]).within(&[ApiCall, Node]).but(NOT_THE_KUBELET),
        Sign::of(&["x509: ", "signed by unknown authority"]).within(&[ApiCall]).but(NOT_THE_KUBELET),
        Sign::of(&["x509: certificate has expired"]).within(&[ApiCall]).but(NOT_THE_KUBELET),
        Sign::of(&["x509: certificate is valid for"]).within(&[ApiCall]).but(NOT_THE_KUBELET),
        Sign::of(&["tls: certificate required"]).within(&[ApiCall, Node]).but(NOT_THE_KUBELET),
        Sign::of(&["remote error: tls: bad certificate"]).within(&[ApiCall, Node]).but(NOT_THE_KUBELET),
        Sign::of(&["remote error: tls: expired certificate"]).within(&[ApiCall, Node]).but(NOT_THE_KUBELET),
        Sign::of(&["remote error: tls: unknown certificate"]).within(&[ApiCall, Node]).but(NOT_THE_KUBELET),
    ],
    examples: &[
        "part of the existing bootstrap client certificate in /etc/kubernetes/kubelet.conf is expired: 2026-03-04 09:12:55 +0000 UTC",
        "failed to run Kubelet: unable to load bootstrap kubeconfig: stat /etc/kubernetes/bootstrap-kubelet.conf: no such file or directory",
        r#""Error updating node status, will retry" err="error getting node \"node-7\": Unauthorized""#,
        r#"failed to list *v1.Service: Get "https://10.0.0.2:6443/api/v1/services?limit=500": x509: certificate signed by unknown authority"#,
    ],
    needs: &[Right::Pods, Right::KubeletDirs],
    ..OF_THE_NODE
};

/// The API server can't be reached from this node.
pub(super) const API_SERVER_UNREACHABLE: Cause = Cause {
    id: "ApiServerUnreachable",
    summary: "The API server cannot be reached from this node.",
    says: "This node cannot reach the API server[ at {api}]: [{failure}|refused, or no answer in time]. Images and the pods themselves are not the cause.",
    rules_out: "Registries, images and the pods themselves are not the cause.",
    advice: "curl -k https://ADDRESS/livez from here; look at load balancer, firewall and, for a service address, kube-proxy.",
    mends: "What waits for it goes on by itself.",
    steps: &[
        "From the node: `curl -k https://ADDRESS:PORT/livez` with the address of the message, and with `grep server: /etc/kubernetes/kubelet.conf`.",
        "Only the service address (10.96.0.1, 10.43.0.1, 172.30.0.1 …) fails: kube-proxy or its replacement does not run here: `kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy`, `iptables-save | grep -c KUBE-SVC`.",
        "\"connection refused\": nobody listens: `crictl ps -a --name kube-apiserver` on the control plane, then the load balancer. \"i/o timeout\", \"no route to host\": routes, security groups, firewall.",
        "After 40 s of it the node is NotReady, after 5 min its pods are evicted; running containers are left alone.",
    ],
    signs: &[
        Sign::of(&["dial tcp", "connection refused"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["dial tcp", "no route to host"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["dial tcp", "network is unreachable"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["dial tcp", "host is down"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["dial tcp", "operation timed out"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["dial tcp", "connection timed out"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["dial tcp", "i/o timeout"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["dial tcp", "connection reset"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["dial tcp", "no such host"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["dial tcp: lookup", "server misbehaving"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["dial tcp", "operation not permitted"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["tls handshake timeout"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["client.timeout exceeded"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["timeout exceeded while awaiting headers"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["request canceled while waiting for connection"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["http2: client connection lost"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["http2: server sent goaway"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["connection reset by peer"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["https://", "/api/v1", "\": eof"]).but(NOT_THE_API),
        Sign::of(&["/apis/", "\": eof"]).but(NOT_THE_API),
        Sign::of(&["https://", "/api/v1", "unexpected eof"]).but(NOT_THE_API),
        Sign::of(&["/apis/", "unexpected eof"]).but(NOT_THE_API),
        Sign::of(&["/api/v1", "context deadline exceeded"]).but(NOT_THE_API),
        Sign::of(&["/apis/", "context deadline exceeded"]).but(NOT_THE_API),
        Sign::of(&["https://", "/apis/", "service unavailable"]).but(NOT_THE_API),
        Sign::of(&["https://", "/api/v1", "service unavailable"]).but(NOT_THE_API),
        Sign::of(&["https://", "/apis/", "bad gateway"]).but(NOT_THE_API),
        Sign::of(&["https://", "/api/v1", "bad gateway"]).but(NOT_THE_API),
        Sign::of(&["update node status exceeds retry count"]),
        Sign::of(&["the server is currently unable to handle the request"]).within(&[ApiCall]).but(NOT_THE_API),
        Sign::of(&["the connection to the server", "was refused"]),
        Sign::of(&["unable to connect to the server: "]).but(&["x509"]),
        Sign::of(&["failed to reach api server"]),
        Sign::of(&["trying to reach api server"]),
    ],
    examples: &[
        r#""Failed to ensure lease exists, will retry" err="Get \"https://10.0.0.2:6443/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-7?timeout=10s\": dial tcp 10.0.0.2:6443: connect: connection refused""#,
        r#"plugin type="multus" name="multus-cni-network" failed (add): Multus: [shop/cart-0]: error getting pod: Get "https://10.96.0.1:443/api/v1/namespaces/shop/pods/cart-0": dial tcp 10.96.0.1:443: i/o timeout"#,
        r#"failed to watch *v1.Node: failed to list *v1.Node: Get "https://api.example.com:6443/api/v1/nodes": net/http: TLS handshake timeout"#,
    ],
    needs: &[Right::Pods, Right::KubeletDirs],
    ..OF_THE_NODE
};

/// The API server is reached directly, and not through its service address.
pub(super) const SERVICE_VIP_UNREACHABLE: Cause = Cause {
    id: "ServiceVipUnreachable",
    summary: "The API server answers on its own address, but not on its service address: kube-proxy's rules are missing or stale here.",
    says: "[The API server answers at {api}, but not at its service address {vip}|The API server answers on its own address, but not on its service address]: Service rules are missing or stale on this node. Pods that ask it fail.",
    rules_out: "The API server, the network to it and the kubelet's credentials are not the cause.",
    advice: "look at kube-proxy (or its replacement) on this node and its log; restart it.",
    mends: "It works once they are there.",
    after: Duration::from_secs(28),
    needs: &[Right::KubeletDirs],
    steps: &[
        "`kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy`: is one running on this node? With Cilium, Calico eBPF or kube-router in its place look at those.",
        "`iptables-save | grep -c KUBE-SVC`, `nft list table ip kube-proxy | head` or `ipvsadm -Ln | head`: are there rules at all, and does `kubectl get endpoints kubernetes` name the servers of today?",
        "`kubectl -n kube-system logs POD --tail=50`: a proxy that can't log in or lacks a kernel module says so. Restart it; `iptables -P FORWARD` and a firewall that was reloaded wipe its rules.",
    ],
    ..OF_THE_NODE
};

/// The API server knows no Node of this name.
pub(super) const NODE_NOT_REGISTERED: Cause = Cause {
    id: "NodeNotRegistered",
    summary: "The API server has no Node object of this node's name.",
    says: "[{asker}|The kubelet] finds no Node [named {node}|of this name] at the API server, so no pod is given to it. Runtime and images are not the cause.",
    rules_out: "Runtime and images are not the cause. A kubelet that cannot reach the API server says the same.",
    after: Duration::from_secs(28),
    advice: "kubectl get nodes against hostname: renamed, deleted, or not let in? systemctl restart kubelet registers anew.",
    mends: "A kubelet that just started registers within seconds.",
    steps: &[
        "`kubectl get nodes` and, on the node, `hostname` and `--hostname-override`: does the name differ (case, domain)? Cloud providers have names of their own.",
        "`journalctl -u kubelet | grep -iE 'register|node .* not found' | head`: the first refusal says why; later lines repeat that there is no Node.",
        "The Node was deleted: the kubelet registers only when it starts: `systemctl restart kubelet`. Autoscalers and cloud controllers delete Nodes whose machine they do not find.",
        "While the API server cannot be reached, or has just come up, these lines mean no more than that.",
    ],
    signs: &[
        Sign::of(&["node \"", "\" not found"]).but(OF_ANOTHER_OBJECT),
        Sign::of(&["nodes \"", "\" not found"]).but(OF_ANOTHER_OBJECT),
        Sign::of(&["hasn't been registered yet"]).within(&[Node]),
        Sign::of(&["node has not been registered"]),
        Sign::of(&["node not yet registered"]),
    ],
    examples: &[
        r#""Error getting node" err="node \"node-7\" not found""#,
        r#""Error updating node status, will retry" err="error getting node \"node-7\": nodes \"node-7\" not found""#,
    ],
    probe: None,
    needs: &[Right::Pods],
    ..OF_THE_NODE
};

/// Where the object that is not found is another one than the Node.
const OF_ANOTHER_OBJECT: &[&str] = &[
    "configmap",
    "secret",
    "mountvolume",
    "attachvolume",
    "volume",
    "serviceaccount",
    "runtimeclass",
    "pods \"",
    "pod \"",
    "failed (add)",
    "leases \"",
    "image",
];

/// Swap is on and the kubelet is not configured for it.
pub(super) const SWAP_UNSUPPORTED: Cause = Cause {
    id: "SwapUnsupported",
    summary: "Swap is on, and the kubelet of this node is not configured to run with it.",
    says: "The kubelet of this node does not start: swap is on[ ({device})] and it is not configured for that. Runtime and network are not the cause.",
    rules_out: "Runtime, network and pods are not the cause: the kubelet stops before it uses them.",
    advice: "swapoff -a and take it out of /etc/fstab, or failSwapOn: false in the kubelet's configuration.",
    mends: "systemd starts the kubelet again every 10 s; it then stays.",
    steps: &[
        "`swapon --show` or `cat /proc/swaps`: which device or file? zram counts too.",
        "`swapoff -a`, and comment its line out in `/etc/fstab` (or `systemctl mask` its `.swap` unit), else the next reboot brings it back.",
        "To keep it: `failSwapOn: false` and `memorySwap.swapBehavior: LimitedSwap` in `/var/lib/kubelet/config.yaml` (cgroup v2), then `systemctl restart kubelet`.",
    ],
    signs: &[
        Sign::of(&["running with swap on is not supported"]),
        Sign::of(&["swap", "--fail-swap-on"]),
        Sign::of(&["/proc/swaps contain"]),
        Sign::of(&["swap is on", "/proc/swaps"]),
        Sign::of(&["[error swap]"]),
        Sign::of(&["swap is supported for cgroup v2 only"]),
    ],
    examples: &[
        "failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false",
        "[preflight] Some fatal errors occurred: [ERROR Swap]: running with swap on is not supported. Please disable swap",
    ],
    needs: &[Right::Pods, Right::Proc, Right::KubeletDirs],
    ..OF_THE_NODE
};

/// The kubelet does not run, or keeps ending.
pub const KUBELET_DOWN: Cause = Cause {
    id: "KubeletDown",
    summary: "The kubelet of this node does not run, or no longer reports.",
    says: "The kubelet of this node does not run or does not report[: {flaw}]. Nothing starts or stops here until it does; what runs keeps running. The pods are not the cause.",
    rules_out: "The pods and their images are not the cause.",
    // systemd starts an ended one again after 10 s (Kubernetes' packages: kubelet.service, RestartSec).
    after: Duration::from_secs(15),
    advice: "systemctl status kubelet; journalctl -u kubelet -n 50; is the machine itself up?",
    mends: "Once it reports, the node is Ready within seconds.",
    steps: &[
        "Is the machine up and on the network (console, ping)? A stopped or overloaded machine looks the same from the API.",
        "`systemctl status kubelet` and `journalctl -u kubelet -n 50`: an unknown flag, a missing `/var/lib/kubelet/config.yaml`, a bad field of it stand in the last lines before the end.",
        "`curl -s http://127.0.0.1:10248/healthz` on the node: does it answer `ok`?",
        "`systemctl restart kubelet`; containers survive it. Out of memory kills: `dmesg -T | grep -i kubelet`; give it `kubeReserved`.",
    ],
    signs: &[
        Sign::of(&["kubelet stopped posting node status"]),
        Sign::of(&["kubelet never posted node status"]),
        Sign::of(&["kubelet isn't running or healthy"]),
        Sign::of(&["kubelet is not running"]),
        Sign::of(&["kubelet is not healthy"]),
        Sign::of(&["kubelet is unhealthy"]),
        Sign::of(&["kubelet on the node is unhealthy"]),
        Sign::of(&["kubelet is down"]),
        Sign::of(&[":10248/healthz"]),
        Sign::of(&[":10248: connect: connection refused"]),
        Sign::of(&[":10250: connect: connection refused"]),
        Sign::of(&["kubelet.service failed"]),
        Sign::of(&["failed to start kubelet"]),
        Sign::of(&["kubelet.service: failed"]),
        Sign::of(&["kubelet.service entered failed"]),
        Sign::of(&["kubelet.service: unit entered failed"]),
        Sign::of(&["kubelet.service: main process exited"]),
        Sign::of(&["kubelet.service: control process exited"]),
        Sign::of(&["kubelet.service: scheduled restart job"]),
        Sign::of(&["kubelet.service: service hold-off time over"]),
        Sign::of(&["kubelet.service holdoff time over"]),
        Sign::of(&["kubelet.service: service restartsec="]),
        Sign::of(&["kubelet.service: start request repeated too quickly"]),
        Sign::of(&["failed to run kubelet"]).but(&["cgroup"]),
        Sign::of(&["failed to load kubelet config file"]),
        Sign::of(&["failed to parse kubelet flag"]),
        Sign::of(&["unknown flag: --", "kubelet"]),
        Sign::of(&["failed to construct kubelet"]),
        Sign::of(&["failed to validate kubelet"]),
        Sign::of(&["failed to start containermanager"]).but(&["cgroup"]),
    ],
    examples: &[
        "Kubelet stopped posting node status.",
        "[kubelet-check] The HTTP call equal to 'curl -sSL http://localhost:10248/healthz' failed with error: Get \"http://localhost:10248/healthz\": dial tcp 127.0.0.1:10248: connect: connection refused.",
        "kubelet.service: Main process exited, code=exited, status=1/FAILURE",
        "failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to read kubelet config file: open /var/lib/kubelet/config.yaml: no such file or directory",
    ],
    ..OF_THE_NODE
};
