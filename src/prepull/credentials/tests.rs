//! Sources of credentials as a whole: what is found, what changes, and that nothing of it is ever printed.

use std::path::{Path, PathBuf};

use super::*;
use crate::model::Time;

const CONFIG: &str = "\
kind: CredentialProviderConfig
apiVersion: kubelet.config.k8s.io/v1
providers:
- name: sh
  matchImages: [r.io]
  defaultCacheDuration: 1h
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  env: [{name: SECRET, value: hunter2}]
  args:
  - -c
  - >-
    printf '{\"kind\":\"CredentialProviderResponse\",\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\"cacheKeyType\":\"Image\",\"auth\":{\"r.io\":{\"username\":\"bob\",\"password\":\"%s\"}}}' \"$SECRET\"
";

const FILE: &str = r#"{"auths":{"r.io":{"username":"bob","password":"hunter2"}}}"#;

fn credentials() -> Credentials {
    Credentials::new(Clock::starting_at(Time::UNIX_EPOCH))
}

struct Scene(tempfile::TempDir);

impl Scene {
    fn with(files: &[(&str, &str)]) -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| scene.put(name, text));
        scene
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str) -> CredentialSource {
        CredentialSource::File(self.path(name))
    }

    fn providers(&self, name: &str, bin_dir: &Path) -> CredentialSource {
        CredentialSource::Providers { config: self.path(name), bin_dir: bin_dir.to_owned() }
    }
}

#[tokio::test]
async fn credentials_come_from_a_file_a_plugin_or_plugins_of_a_directory() {
    let scene = Scene::with(&[("c.json", FILE), ("providers.yaml", CONFIG), ("providers.d/1.yaml", CONFIG)]);
    let bin = Path::new("/bin");
    for source in [scene.file("c.json"), scene.providers("providers.yaml", bin), scene.providers("providers.d", bin)] {
        let found = credentials().find(&source, "r.io/a:1").await.unwrap();
        assert!(found == [RegistryAuth::basic("bob", "hunter2")], "{source:?}");
        assert!(credentials().find(&source, "q.io/a:1").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn nothing_that_was_read_or_heard_is_ever_printed() {
    let broken = FILE.replace(":{\"username", ": hunter2");
    let twice = CONFIG.replace("kind:", "hunter2: [\nkind:");
    let fails = CONFIG.replace("printf", "echo hunter2 >&2; exit 1; printf");
    let scene = Scene::with(&[
        ("c.json", FILE),
        ("broken.json", &broken),
        ("good.yaml", CONFIG),
        ("broken.yaml", &twice),
        ("fails.yaml", &fails),
        ("d/1.yaml", CONFIG),
        ("d/2.yaml", CONFIG),
    ]);
    let (credentials, bin) = (credentials(), Path::new("/bin"));
    let mut printed = format!("{credentials:?}");
    for (source, good) in [
        (scene.file("c.json"), true),
        (scene.file("broken.json"), false),
        (scene.file("none.json"), false),
        (scene.providers("good.yaml", bin), true),
        (scene.providers("good.yaml", Path::new("/nowhere")), false),
        (scene.providers("broken.yaml", bin), false),
        (scene.providers("fails.yaml", bin), false),
        (scene.providers("d", bin), false),
    ] {
        let fresh = Credentials::new(Clock::starting_at(Time::UNIX_EPOCH));
        let found = fresh.find(&source, "r.io/a").await;
        assert_eq!(found.is_ok(), good, "{source:?}: {found:?}");
        let error = found.as_ref().err().map(ToString::to_string);
        printed += &format!("{found:?} {found:#?} {error:?} {:?}", fresh.mark(&source).await);
    }
    assert!(!printed.contains("hunter2") && printed.contains("is broken at line 1"), "{printed}");
}

#[tokio::test]
async fn a_mark_changes_with_what_credentials_come_from_and_only_then() {
    let scene = Scene::with(&[("c.json", FILE), ("d/1.yaml", CONFIG)]);
    let credentials = credentials();
    let file = scene.file("c.json");
    let first = credentials.mark(&file).await;
    assert!(first.is_some() && first == credentials.mark(&file).await);
    scene.put("c.json", &FILE.replace("hunter2", "hunter3"));
    assert_ne!(credentials.mark(&file).await, first);
    scene.put("c.json", FILE);
    assert_eq!(credentials.mark(&file).await, first);
    assert_eq!(credentials.mark(&scene.file("none.json")).await, None);

    let plugins = scene.providers("d", scene.0.path());
    let mut before = credentials.mark(&plugins).await;
    assert!(before.is_some() && before == credentials.mark(&plugins).await);
    for (name, text) in
        [("d/1.yaml", CONFIG.replace("hunter2", "hunter3")), ("sh", String::new()), ("sh", "new".to_owned())]
    {
        scene.put(name, &text);
        let after = credentials.mark(&plugins).await;
        assert!(after.is_some() && after != before, "{name}");
        before = after;
    }
}

#[test]
fn every_failure_tells_what_to_do_or_where_to_look() {
    let path = || PathBuf::from("/etc/p.yaml");
    let plugin = |error| CredentialError::Plugin("ecr".to_owned(), error).to_string();
    for (said, expected) in [
        (CredentialError::Unanswered(path()).to_string(), "look at its mount"),
        (CredentialError::TooLarge(path()).to_string(), "/etc/p.yaml is larger"),
        (plugin(PluginError::Missing(path())), "credential provider ecr: /etc/p.yaml is not there; binDir names"),
        (plugin(PluginError::Forbidden(path())), "look at its mode"),
        (plugin(PluginError::NeedsPod), "use credentials from a file"),
    ] {
        assert!(said.contains(expected), "{said}");
    }
}
