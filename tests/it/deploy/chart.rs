//! Holds the chart to kustomize: the same values, the same objects. And to what it refuses.

use serde_json::{Value, json};

use super::render::{self, Overlay, by_name, folder, one, pod, templated};
use super::{list, text};

/// One way to install, by both.
#[derive(Clone, Debug, Default)]
struct Way<'a> {
    values: Vec<&'a str>,
    arguments: Vec<&'a str>,
    overlay: Overlay<'a>,
}

fn way<'a>(values: &[&'a str], of: &'a str) -> Way<'a> {
    Way { values: values.to_vec(), overlay: Overlay { of, ..Overlay::default() }, ..Way::default() }
}

impl<'a> Way<'a> {
    fn mounts(mut self, folder: &'a str) -> Self {
        self.overlay.mounts = Some(folder);
        self
    }

    /// With the patch that deploy/socket shows, for this directory.
    fn socket_in(mut self, directory: &str) -> Self {
        self.overlay.more = render::shown("socket", "patches:").replace("/run/crio", directory);
        self
    }

    fn with(&self, parts: &[(&'a str, &'a str)]) -> Self {
        let mut with = self.clone();
        with.values.extend(parts.iter().map(|(value, _)| *value));
        with.overlay.components.extend(parts.iter().map(|(_, component)| *component));
        with
    }

    fn set(&self) -> Vec<&str> {
        let values = self.values.iter().chain(&["namespaceCreate=true"]).flat_map(|value| ["--set", value]);
        values.chain(self.arguments.iter().copied()).collect()
    }
}

const PARTS: &[(&str, &str)] = &[
    ("parts.storage=true", "storage"),
    ("parts.condition=true", "condition"),
    ("parts.prepullMarks=true", "prepull-marks"),
    ("parts.metricsAuth=true", "metrics-auth"),
];

/// Every profile on every distribution that it is offered on.
fn profiles() -> Vec<Way<'static>> {
    let socket = |value: &'static str| way(&["profile=socket", value], "socket");
    let k3s = "/run/k3s/containerd";
    vec![
        way(&[], "base"),
        way(&["distribution=k3s"], "k3s"),
        way(&["distribution=rke2"], "rke2"),
        way(&["distribution=microk8s"], "microk8s"),
        way(&["distribution=openshift"], "openshift"),
        way(&["profile=deep"], "deep"),
        way(&["profile=deep", "distribution=k3s"], "deep").mounts("k3s"),
        way(&["profile=deep", "distribution=rke2"], "deep").mounts("rke2"),
        way(&["profile=deep", "distribution=microk8s"], "deep").mounts("microk8s"),
        way(&["profile=socket"], "socket"),
        socket("socketDirectory=/run/crio").socket_in("/run/crio"),
        socket("distribution=k3s").socket_in(k3s).mounts("k3s"),
        socket("distribution=rke2").socket_in(k3s),
        socket("distribution=microk8s").socket_in("/var/snap/microk8s/common/run"),
        socket("socketGroup=9470").with(&[("profile=socket", "non-root")]),
    ]
}

/// What cannot be had of both alike for each of them.
fn others() -> Vec<Way<'static>> {
    let older = |of| Way { arguments: vec!["--kube-version", "1.29"], ..way(&[], of) };
    let elsewhere = Way { arguments: vec!["--namespace", "elsewhere"], ..way(&[], "base") };
    let overlay = Overlay { more: render::shown("base", "namespace: elsewhere"), ..elsewhere.overlay.clone() };
    let kubelet = way(&["identity=kubelet"], "kubelet-identity");
    let [storage, condition, marks, metrics] = [PARTS[0], PARTS[1], PARTS[2], PARTS[3]];
    let mut others = vec![
        older("pre-1.30"),
        older("pre-1.30").with(&[storage, metrics]),
        Way { overlay, ..elsewhere }.with(PARTS),
        kubelet.with(&[metrics]),
        kubelet,
    ];
    others.extend([storage, condition, marks, metrics].map(|part| way(&[], "base").with(&[part])));
    others
}

#[test]
fn the_chart_and_kustomize_make_the_same_objects() {
    let test = "the chart beside kustomize";
    let (Some(kustomize), Some(helm)) = (render::kustomize(test), render::helm(test)) else { return };
    let with_parts: Vec<_> = profiles().iter().map(|way| way.with(PARTS)).collect();
    for way in profiles().into_iter().chain(with_parts).chain(others()) {
        let by_helm = templated(&helm, &way.set()).unwrap_or_else(|error| panic!("{:?}: {error}", way.values));
        let (by_helm, by_kustomize) = (by_name(&by_helm), by_name(&way.overlay.built(&kustomize)));
        assert_eq!(by_helm.keys().collect::<Vec<_>>(), by_kustomize.keys().collect::<Vec<_>>(), "{way:?}");
        for (name, object) in by_kustomize {
            assert_eq!(by_helm[&name], object, "{name} of {way:?}");
        }
    }
}

/// What is refused, and the word that the refusal has.
const REFUSED: &[(&[&str], &str)] = &[
    (&["profil=deep"], "profil "),
    (&["profile=full"], "\"socket\", \"standard\", \"deep\""),
    (&["distribution=kops"], "\"rke2\""),
    (&["parts.metrics=true"], "parts: Additional property metrics"),
    (&["parts.storage=maybe"], "parts.storage"),
    (&["image.tga=1"], "image: Additional property tga"),
    (&["image.digest=0123"], "image.digest"),
    (&["socketGroup=staff"], "socketGroup"),
    (&["config.report.evnts=all"], "config.report: Additional property evnts"),
    (&["config.report.events=nodes"], "config.report.events"),
    (&["config.causes.ImagePullSlow.aftr=5m"], "config.causes.ImagePullSlow: Additional property aftr"),
    (&["config.prepull.parallel=many"], "config.prepull"),
    (&["socketDirectory=/run/crio"], "profile: socket"),
    (&["socketGroup=9470"], "profile: socket"),
    (&["profile=socket", "socketDirectory=run"], "socketDirectory"),
    (&["profile=deep", "distribution=openshift"], "profile: deep is not offered"),
    (&["profile=socket", "distribution=openshift"], "profile: socket is not offered"),
    (&["identity=kubelet", "profile=deep"], "identity: kubelet"),
    (&["identity=kubelet", "distribution=k3s"], "identity: kubelet"),
    (&["identity=kubelet", "parts.storage=true"], "parts.storage"),
];

#[test]
fn what_makes_no_sense_is_refused_by_its_name() {
    let Some(helm) = render::helm("what the chart refuses") else { return };
    for (values, word) in REFUSED {
        let arguments: Vec<&str> = values.iter().flat_map(|value| ["--set", *value]).collect();
        let said = templated(&helm, &arguments).err().unwrap_or_else(|| panic!("{values:?} is taken"));
        assert!(said.contains(word), "{values:?}: {said}");
    }
    for part in ["parts.condition=true", "parts.prepullMarks=true"] {
        let said = templated(&helm, &["--set", part, "--kube-version", "1.29"]).unwrap_err();
        assert!(said.contains("need Kubernetes 1.30"), "{said}");
    }
    // As YAML 1.1 has it, `off` is no word.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "config: {report: {events: off}}").unwrap();
    let said = templated(&helm, &["--values", file.path().to_str().unwrap()]).unwrap_err();
    assert!(said.contains("config.report.events") && said.contains("\"off\""), "{said}");
}

#[test]
fn the_configuration_is_one_that_the_agent_takes() {
    let Some(helm) = render::helm("the chart's configuration") else { return };
    let set = |values: &[&str]| {
        let arguments: Vec<&str> = values.iter().flat_map(|value| ["--set", *value]).collect();
        let objects = templated(&helm, &arguments).unwrap();
        let file = text(&one(&objects, "ConfigMap")["data"]["config.yaml"]);
        kubewhy::config::parse(file.as_bytes(), &[]).unwrap_or_else(|faults| panic!("{faults:?}\n{file}"))
    };
    let usual = set(&[]);
    assert!(usual.notes.is_empty(), "{:?}", usual.notes);
    assert_eq!(usual.settings, kubewhy::model::settings::Settings::default());
    let quiet = set(&["config.report.events=off", "config.report.slowStart=5m"]);
    assert_eq!(quiet.settings.report.events, kubewhy::model::settings::EventScope::Off);
}

#[test]
fn what_a_cluster_has_of_its_own_is_set() {
    let Some(helm) = render::helm("the values of a cluster") else { return };
    let digest = format!("sha256:{}", "0".repeat(64));
    let image = format!("image.repository=registry.example.com/kubewhy,image.digest={digest}");
    let more = "image.pullPolicy=Always,image.pullSecrets[0].name=registry,priorityClassName=critical,\
        nodeSelector.pool=general,resources.limits.memory=128Mi,updateStrategy.rollingUpdate.maxUnavailable=1";
    let objects = templated(&helm, &["--set", &image, "--set", more, "--set-json", "tolerations=[]"]).unwrap();
    let (pod, daemonset) = (pod(&objects), one(&objects, "DaemonSet"));
    let container = &pod["containers"][0];
    assert_eq!(container["image"], format!("registry.example.com/kubewhy@{digest}"));
    assert_eq!(container["imagePullPolicy"], "Always");
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "registry"}]));
    assert_eq!(pod["priorityClassName"], "critical");
    assert_eq!(pod["nodeSelector"], json!({"kubernetes.io/os": "linux", "pool": "general"}));
    assert_eq!(pod["tolerations"], json!([]));
    let resources = json!({"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"memory": "128Mi"}});
    assert_eq!(container["resources"], resources);
    assert_eq!(daemonset["spec"]["updateStrategy"]["rollingUpdate"], json!({"maxUnavailable": 1, "maxSurge": 0}));
    let volume = json!([{"name": "credentials", "secret": {"secretName": "registries"}}]).to_string();
    let mount = json!([{"name": "credentials", "mountPath": "/etc/kubewhy-credentials", "readOnly": true}]).to_string();
    let more = [format!("volumes={volume}"), format!("volumeMounts={mount}")];
    let objects = templated(&helm, &["--set-json", &more[0], "--set-json", &more[1]]).unwrap();
    let last = |value: &Value| list(value).last().unwrap()["name"].clone();
    let pod = render::pod(&objects);
    assert_eq!(last(&pod["volumes"]), "credentials");
    assert_eq!(last(&pod["containers"][0]["volumeMounts"]), "credentials");
    let tagged = templated(&helm, &["--set", "image.tag=edge"]).unwrap();
    assert_eq!(render::pod(&tagged)["containers"][0]["image"], "kubewhy:edge");
}

/// Every value that can be set is in `values.yaml`, where its reason is, and none is there that can't.
#[test]
fn the_values_and_their_schema_name_the_same() {
    let read = |file: &str| std::fs::read_to_string(folder("chart").join(file)).unwrap();
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    // What a chart above this one hands down.
    let settable: Vec<_> = keys(&schema["properties"]).into_iter().filter(|key| key != "global").collect();
    assert_eq!(keys(&values), settable);
    for part in ["parts", "image"] {
        assert_eq!(keys(&values[part]), keys(&schema["properties"][part]["properties"]), "{part}");
    }
    assert!(jsonschema::draft7::new(&schema).unwrap().is_valid(&values));
}

#[test]
fn the_chart_is_of_this_version() {
    let chart: Value = serde_saphyr::from_str(&std::fs::read_to_string(folder("chart/Chart.yaml")).unwrap()).unwrap();
    for key in ["version", "appVersion"] {
        assert_eq!(chart[key], env!("CARGO_PKG_VERSION"), "{key}");
    }
}

/// What `helm package` makes is whole: it renders the same without the folder that it was made in.
#[test]
fn the_packed_chart_renders_as_the_folder_does() {
    let Some(helm) = render::helm("the packed chart") else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(&helm).args(arguments).current_dir(dir.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let chart = folder("chart");
    let said = run(&["lint", "--strict", chart.to_str().unwrap()]);
    assert!(said.contains("0 chart(s) failed"), "{said}");
    run(&["package", chart.to_str().unwrap()]);
    let packed = format!("kubewhy-{}.tgz", env!("CARGO_PKG_VERSION"));
    let all = PARTS.iter().flat_map(|(value, _)| ["--set", *value]).collect::<Vec<_>>();
    let rendered = |chart: &str| run(&[&["template", "x", chart][..], &all].concat());
    assert_eq!(rendered(&packed), rendered(chart.to_str().unwrap()));
}
