//! Wire values as containerd and CRI-O send them. The verbose part of `Status` is cut down from what real nodes said.

use super::*;

const CNI: &str = r#"{
    "PluginDirs": ["/opt/cni/bin"], "PluginConfDir": "/etc/cni/net.d", "PluginMaxConfNum": 1, "Prefix": "eth",
    "Networks": [
        {"Config": {"Name": "cni-loopback", "Plugins": [{"Network": {"type": "loopback", "ipam": {}}}]}, "IFName": "lo"},
        {"Config": {"Name": "cbr0", "Plugins": [{"Network": {"type": "flannel"}}, {"Network": {"type": "portmap"}}]}}
    ]}"#;

fn verbose(info: &[(&str, &str)]) -> RuntimeStatus {
    let info = info.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    status(&v1::StatusResponse { info, ..Default::default() })
}

#[test]
fn containerd_tells_its_cni_directories_and_plugins() {
    let status = verbose(&[("cniconfig", CNI), ("lastCNILoadStatus", "OK"), ("config", r#"{"cni":{"confDir":"/x"}}"#)]);
    assert_eq!(status.cni_conf_dir, Some("/etc/cni/net.d".into()));
    assert_eq!(status.cni_bin_dirs, [PathBuf::from("/opt/cni/bin")]);
    assert_eq!(status.cni_plugins, ["flannel".into(), "portmap".into()]);
    assert_eq!((status.cni_load_error, status.sandbox_image), (None, None));
}

#[test]
fn a_load_error_is_kept_whether_or_not_it_comes_as_json() {
    let error = "cni config load failed: no network config found in /etc/cni/net.d: cni plugin not initialized";
    for said in [error.to_owned(), format!("\"{error}\"")] {
        assert_eq!(verbose(&[("lastCNILoadStatus", &said)]).cni_load_error.as_deref(), Some(error));
    }
}

#[test]
fn older_containerd_and_cri_o_tell_the_pause_image() {
    let old = verbose(&[("config", r#"{"sandboxImage":"registry.k8s.io/pause:3.6","cni":{"binDir":"/opt/cni/bin"}}"#)]);
    assert_eq!(old.sandbox_image.as_deref(), Some("registry.k8s.io/pause:3.6"));
    assert_eq!(old.cni_bin_dirs, [PathBuf::from("/opt/cni/bin")]);
    let crio = verbose(&[("config", r#"{"sandboxImage":"registry.k8s.io/pause:3.10","crio":{"Conmon":""}}"#)]);
    assert_eq!(crio.sandbox_image.as_deref(), Some("registry.k8s.io/pause:3.10"));
}

#[test]
fn verbose_parts_of_any_other_shape_tell_nothing() {
    for odd in ["", "null", "[]", "{", "7", r#""x""#, r#"{"Networks":{},"PluginDirs":3,"cni":[],"sandboxImage":{}}"#] {
        let status = verbose(&[("config", odd), ("cniconfig", odd)]);
        assert_eq!(status, RuntimeStatus::default(), "{odd}");
    }
}

#[test]
fn conditions_keep_their_words() {
    let condition = v1::RuntimeCondition {
        r#type: "NetworkReady".into(),
        status: false,
        reason: "NetworkPluginNotReady".into(),
        message: "Network plugin returns error: cni plugin not initialized".into(),
    };
    let wire = v1::RuntimeStatus { conditions: vec![condition] };
    let status = status(&v1::StatusResponse { status: Some(wire), ..Default::default() });
    let network = status.condition("NetworkReady").unwrap();
    assert!(!network.status && network.message.ends_with("cni plugin not initialized"));
}

#[test]
fn sandboxes_join_on_the_uid_and_strangers_are_left_out() {
    let metadata =
        v1::PodSandboxMetadata { name: "web-0".into(), uid: "u1".into(), namespace: "prod".into(), attempt: 2 };
    let pod =
        v1::PodSandbox { id: "s1".into(), metadata: Some(metadata), state: 1, created_at: 1, ..Default::default() };
    let found = sandboxes(&[pod, v1::PodSandbox::default()]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].pod.as_str(), found[0].attempt, found[0].ready), ("u1", 2, false));
}

#[test]
fn containers_are_known_by_their_labels_and_their_image_by_the_specs_name() {
    let image =
        v1::ImageSpec { image: "sha256:ab".into(), user_specified_image: "nginx:1".into(), ..Default::default() };
    let labels = HashMap::from([(POD_UID.into(), "u1".into()), (CONTAINER_NAME.into(), "web".into())]);
    let wire = v1::Container { labels, image: Some(image), state: 1, created_at: 0, ..Default::default() };
    let found = containers(&[wire, v1::Container::default()]);
    assert_eq!(found.len(), 1);
    assert_eq!((&*found[0].name, &*found[0].image, found[0].state), ("web", "nginx:1", RunState::Running));
    assert_eq!(found[0].created, None);
}
