//! Whether swap is on though the kubelet was told not to run with it. Proof of nothing while the kubelet runs: it looks
//! when it starts.

use std::path::Path;

use super::Node;
use super::kubelet_config::KubeletConfig;
use super::lost::unknown;
use crate::model::reading::Reading;

/// Its id.
pub const ID: &str = "swap";

const SWAPS: &str = "/proc/swaps";
const SIZE_AT_MOST: u64 = 64 * 1024;

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    vec![one(node)]
}

/// Any line but the first is one too many (Kubernetes: NewContainerManager in pkg/kubelet/cm/container_manager_linux.go).
fn one(node: &Node) -> Reading {
    let content = match node.root().read(Path::new(SWAPS), SIZE_AT_MOST) {
        Ok(content) => content,
        Err(lost) => return unknown(ID, "", Path::new(SWAPS), &lost),
    };
    let text = String::from_utf8_lossy(&content);
    let Some(device) = text.lines().skip(1).find_map(|line| line.split_whitespace().next()) else {
        return Reading::fine(ID, "", "off");
    };
    match KubeletConfig::read(node) {
        Ok(config) if config.get("failSwapOn") == Some("false") => {
            Reading::fine(ID, "", format!("on ({device}), and the kubelet is told to run with it"))
        }
        Ok(_) => {
            let says = format!("on ({device}), and the kubelet does not start with it (failSwapOn)");
            Reading::suspect(ID, "", "SwapUnsupported", says).with("device", device)
        }
        Err(lost) => unknown(ID, "", &node.kubelet_root, &lost),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{CONFIG, Host};
    use super::*;
    use crate::model::reading::Missing::{Access, Answer, Subject};
    use crate::model::reading::Verdict::{Fine, Suspect, Unknown};

    const HEADER: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    fn on() -> Host {
        Host::default().file(SWAPS, format!("{HEADER}/dev/dm-1   partition\t999420\t0\t-2\n"))
    }

    #[test]
    fn swap_matters_only_where_the_kubelet_refuses_it() {
        assert_eq!(one(&Host::default().file(SWAPS, HEADER).node()).verdict, Fine);
        assert_eq!(one(&on().file(CONFIG, "failSwapOn: false").node()).verdict, Fine);
        let told = on().file(CONFIG, "failSwapOn: true").kubelet(&["--fail-swap-on=false"]);
        assert_eq!(one(&told.node()).verdict, Fine, "a flag goes over the file");
        for config in ["failSwapOn: true", "kind: KubeletConfiguration"] {
            let reading = one(&on().file(CONFIG, config).node());
            assert_eq!((reading.verdict, reading.cause), (Suspect, "SwapUnsupported"));
            assert_eq!(reading.facts, [("device", "/dev/dm-1".to_owned())]);
        }
    }

    #[test]
    fn what_the_kubelet_was_told_must_be_known() {
        assert_eq!(one(&on().node()).verdict, Unknown(Subject));
        assert_eq!(one(&on().huge(CONFIG).node()).verdict, Unknown(Answer));
        let senseless = on().file(CONFIG, "a: b").kubelet(&["--fail-swap-on=perhaps"]);
        assert_eq!(one(&senseless.node()).verdict, Unknown(Answer));
        assert_eq!(one(&Host::default().node()).verdict, Unknown(Subject));
        assert_eq!(one(&on().mounted(&["/run"], "").node()).verdict, Unknown(Access));
    }
}
