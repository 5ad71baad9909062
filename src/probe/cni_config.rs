//! The CNI configuration in force: whether it can be loaded, asks for a version that exists, and names plugins that are
//! there. What a plugin itself thinks of it is not asked: that would run it.

use super::Node;
use super::cni::config::{InForce, in_force};
use super::cni::network::Network;
use super::cni::{self, CniDirs};
use crate::model::reading::{Missing, Reading};

/// Its id.
pub const ID: &str = "cni";

/// The versions of the specification that were released until now (containernetworking/cni: SPEC.md and its history). A list
/// that names none is of the first; the last is the newest.
const VERSIONS: &[&str] = &["", "0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let dir = node.cni.conf_dir.display().to_string();
    match in_force(node.root(), &node.cni) {
        Ok(InForce::Loaded { file, network }) => loaded(node, &file.display().to_string(), &network),
        Ok(InForce::Invalid { file, problem }) => {
            let file = file.display().to_string();
            let broken = Reading::broken(ID, "", "CniConfigInvalid", format!("{file} {problem}"));
            vec![broken.with("file", file).with("problem", problem)]
        }
        // The runtime may have one loaded still: that it needs one, only its own answer proves.
        Ok(InForce::None) => {
            vec![Reading::suspect(ID, "", "CniConfigMissing", format!("{dir} holds no configuration")).with("dir", dir)]
        }
        Err(problem) => vec![Reading::unknown(ID, "", Missing::Access, problem)],
    }
}

fn loaded(node: &Node, file: &str, network: &Network) -> Vec<Reading> {
    let version = &*network.version;
    let names = network.plugins.join(", ");
    let asks = format!("{file} asks for CNI version {version}");
    let config = match VERSIONS.contains(&version) {
        true => Reading::fine(ID, "", format!("{file} (network {}: {names})", network.name)),
        // It may have been released since, and the plugins may know it.
        false if is_newer(version) => {
            Reading::unknown(ID, "", Missing::Subject, format!("{asks}, newer than any known here"))
        }
        false => Reading::broken(ID, "", "CniConfigInvalid", asks).with("file", file).with("cniversion", version),
    };
    vec![config, plugins(node, file, network)]
}

/// It has the form of a version, and none that is known is as new.
fn is_newer(version: &str) -> bool {
    VERSIONS.iter().filter_map(|known| parts(known)).max() < parts(version)
}

/// Three numbers.
fn parts(version: &str) -> Option<[u32; 3]> {
    let parts: Result<Vec<_>, _> = version.split('.').map(str::parse).collect();
    parts.ok()?.try_into().ok()
}

fn plugins(node: &Node, file: &str, network: &Network) -> Reading {
    let host = cni::look(node.mounts.prefix(), &node.cni);
    match (host.missing_plugins.as_slice(), host.unreadable) {
        ([], None) => Reading::fine(ID, "plugins", "all there"),
        ([], Some(problem)) => Reading::unknown(ID, "plugins", Missing::Access, problem),
        (missing, _) => {
            let (missing, dirs) = (missing.join(", "), dirs(&node.cni));
            Reading::broken(ID, "plugins", "CniPluginMissing", format!("{missing} is not in {dirs}"))
                .with("plugin", missing)
                .with("dirs", dirs)
                .with("network", &*network.name)
                .with("file", file)
        }
    }
}

fn dirs(of: &CniDirs) -> String {
    let dirs: Vec<_> = of.bin_dirs.iter().map(|dir| dir.display().to_string()).collect();
    dirs.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Verdict;
    use crate::probe::cni::NamedBy;
    use crate::probe::scene::{Host, verdict};

    const FILE: &str = "etc/cni/net.d/10-shop.conflist";

    fn list(version: &str) -> String {
        format!(r#"{{"cniVersion":"{version}","name":"shop","plugins":[{{"type":"bridge"}}]}}"#)
    }

    #[test]
    fn a_version_that_was_never_released_cannot_be_used() {
        let config = |version| look(&Host::new().file(FILE, list(version)).file("opt/cni/bin/x", "").node());
        for version in ["", "0.3.1", "1.0.0", "1.1.0"] {
            assert_eq!(verdict(&config(version), "").0, Verdict::Fine, "{version}");
        }
        for version in ["1", "0.9.0", "v1.0.0", "1.0.0.0", "1.0.-1"] {
            assert_eq!(verdict(&config(version), ""), (Verdict::Broken, "CniConfigInvalid"), "{version}");
        }
        for version in ["1.1.1", "1.2.0", "2.0.0"] {
            assert_eq!(verdict(&config(version), "").0, Verdict::Unknown(Missing::Subject), "{version}");
        }
    }

    #[test]
    fn a_plugin_is_missing_where_the_runtime_looks_for_it_and_nowhere_else() {
        let host = Host::new().file(FILE, list("1.0.0")).file("opt/cni/bin/portmap", "").file("usr/lib/x", "");
        let mut node = host.node();
        assert_eq!(verdict(&look(&node), "plugins").0, Verdict::Unknown(Missing::Access));
        node.cni = CniDirs { named_by: NamedBy::Operator, ..CniDirs::default() };
        assert_eq!(verdict(&look(&node), "plugins"), (Verdict::Broken, "CniPluginMissing"));
    }

    #[test]
    fn a_directory_without_a_usable_file_is_told() {
        let empty = Host::new().file("etc/cni/net.d/readme", "");
        assert_eq!(verdict(&look(&empty.node()), ""), (Verdict::Suspect, "CniConfigMissing"));
        for broken in [Host::new().file(FILE, "{"), Host::new().huge(FILE), Host::new().pipe(FILE)] {
            assert_eq!(verdict(&look(&broken.node()), ""), (Verdict::Broken, "CniConfigInvalid"));
        }
        let unseen = Host::new().file("run/x", "");
        assert_eq!(verdict(&look(&unseen.node()), "").0, Verdict::Unknown(Missing::Access));
    }
}
