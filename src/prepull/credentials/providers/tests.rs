//! Plugins run by `sh`, which count how often they are asked.

use std::path::PathBuf;

use super::*;
use crate::model::Time;

struct Scene {
    folder: tempfile::TempDir,
    providers: Providers,
}

impl Scene {
    fn new() -> Self {
        let clock = Clock::starting_at(Time::UNIX_EPOCH);
        Self { folder: tempfile::tempdir().unwrap(), providers: Providers::new(clock) }
    }

    /// Plugins, by the script of each. All are `sh` under another name.
    fn of(&self, plugins: &[(&str, &str)]) -> Vec<Provider> {
        let provider = |(name, script): &(&str, &str)| {
            let link = self.folder.path().join(name);
            if !link.exists() {
                std::os::unix::fs::symlink("/bin/sh", link).unwrap();
            }
            format!(
                "- {{name: {name}, matchImages: [r.io, '*.r.io'], defaultCacheDuration: 1h, apiVersion: \
                 credentialprovider.kubelet.k8s.io/v1, args: [-c, {}], env: [{{name: FOLDER, value: '{}'}}]}}\n",
                serde_json::to_string(&format!("echo >>\"$FOLDER/{name}.asked\"\n{script}")).unwrap(),
                self.folder.path().display()
            )
        };
        let list: String = plugins.iter().map(provider).collect();
        let file = self.folder.path().join("config.yaml");
        std::fs::write(
            &file,
            format!("kind: CredentialProviderConfig\napiVersion: kubelet.config.k8s.io/v1\nproviders:\n{list}"),
        )
        .unwrap();
        read(&file).unwrap()
    }

    async fn find(&self, plugins: &[(&str, &str)], image: &str) -> Result<Vec<RegistryAuth>, CredentialError> {
        self.providers.find(self.of(plugins), &self.bin_dir(), &Location::of_image(image)).await
    }

    fn bin_dir(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn asked(&self, name: &str) -> usize {
        std::fs::read_to_string(self.folder.path().join(format!("{name}.asked")))
            .map_or(0, |lines| lines.lines().count())
    }
}

/// A script that answers so.
fn answers(scope: &str, more: &str, auth: &str) -> String {
    format!(
        r#"echo '{{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"{scope}"{more},"auth":{auth}}}'"#
    )
}

const BOB: &str =
    r#"{"r.io":{"username":"bob","password":"hunter2"},"*.r.io":{"username":"bob","password":"hunter2"}}"#;
const EVE: &str =
    r#"{"r.io":{"username":"eve","password":"hunter2"},"r.io/team":{"username":"eve","password":"hunter3"}}"#;

fn auth(user: &str, password: &str) -> RegistryAuth {
    RegistryAuth::basic(user, password)
}

/// What a plugin takes is real time, and less than this.
const MINUTE: Duration = Duration::from_secs(60);

/// So long later.
async fn past(span: Duration) {
    tokio::time::pause();
    tokio::time::advance(span).await;
    tokio::time::resume();
}

#[tokio::test]
async fn answers_are_kept_for_what_they_are_good_for() {
    for (scope, times) in [("Image", [1, 1, 2, 3]), ("Registry", [1, 1, 1, 2]), ("Global", [1, 1, 1, 1])] {
        let scene = Scene::new();
        let script = answers(scope, "", BOB);
        for (image, times) in ["r.io/a:1", "r.io/a@sha256:ab", "r.io/b", "a.r.io/a"].into_iter().zip(times) {
            assert!(scene.find(&[("one", &script)], image).await.unwrap() == [auth("bob", "hunter2")]);
            assert_eq!(scene.asked("one"), times, "{scope} {image}");
        }
    }
}

#[tokio::test]
async fn answers_end_when_they_say_or_when_the_configuration_says() {
    for (more, seconds) in [
        ("", 3_600),
        (r#","cacheDuration":"5m""#, 300),
        (r#","cacheDuration":"0s""#, 0),
        (r#","cacheDuration":null"#, 3_600),
    ] {
        let scene = Scene::new();
        let script = answers("Global", more, BOB);
        let find = async || assert_eq!(scene.find(&[("one", &script)], "r.io/a").await.unwrap().len(), 1);
        find().await;
        past(Duration::from_secs(seconds).saturating_sub(MINUTE)).await;
        find().await;
        let before = scene.asked("one");
        past(2 * MINUTE).await;
        find().await;
        assert_eq!((before, scene.asked("one")), if seconds == 0 { (2, 3) } else { (1, 2) }, "{more}");
    }
}

#[tokio::test]
async fn a_plugin_that_is_configured_anew_is_asked_anew() {
    let scene = Scene::new();
    let (bob, eve) = (answers("Global", "", BOB), answers("Global", "", EVE));
    assert!(scene.find(&[("one", &bob)], "r.io/a").await.unwrap() == [auth("bob", "hunter2")]);
    assert!(scene.find(&[("one", &eve)], "r.io/a").await.unwrap() == [auth("eve", "hunter2")]);
}

#[tokio::test]
async fn one_image_is_asked_for_once_at_a_time() {
    let scene = Scene::new();
    let script = answers("Image", "", BOB);
    let plugins: &[(&str, &str)] = &[("one", &script)];
    let (first, second, other) =
        tokio::join!(scene.find(plugins, "r.io/a:1"), scene.find(plugins, "r.io/a:2"), scene.find(plugins, "r.io/b"));
    assert!(first.is_ok() && second.is_ok() && other.is_ok());
    assert_eq!(scene.asked("one"), 2);
}

#[tokio::test]
async fn of_several_plugins_the_longest_key_goes_first_and_then_the_earlier_plugin() {
    let scene = Scene::new();
    let (bob, eve) = (answers("Image", "", BOB), answers("Image", "", EVE));
    let found = scene.find(&[("one", &bob), ("two", &eve)], "r.io/team/a").await.unwrap();
    assert!(found == [auth("eve", "hunter3"), auth("bob", "hunter2"), auth("eve", "hunter2")]);
}

#[tokio::test]
async fn one_that_fails_is_passed_over_while_another_knows_credentials() {
    let scene = Scene::new();
    let bob = answers("Image", "", BOB);
    let none = answers("Image", "", "null");
    assert!(scene.find(&[("bad", "exit 1"), ("one", &bob)], "r.io/a").await.unwrap() == [auth("bob", "hunter2")]);
    let error = scene.find(&[("bad", "echo hunter2; exit 1"), ("none", &none)], "r.io/b").await.unwrap_err();
    assert_eq!(error.to_string(), "credential provider bad: it failed (exit status: 1); the agent's log has its words");
    assert!(scene.find(&[("none", &none)], "r.io/c").await.unwrap().is_empty(), "the kubelet pulls without");
}

#[tokio::test]
async fn no_plugin_is_run_for_an_image_that_it_does_not_serve() {
    let scene = Scene::new();
    assert!(scene.find(&[("one", "exit 1")], "q.io/a").await.unwrap().is_empty());
    assert_eq!(scene.asked("one"), 0);
}

#[tokio::test]
async fn a_plugin_that_serves_pods_only_is_not_run_and_that_is_said() {
    let scene = Scene::new();
    let mut providers = scene.of(&[("one", "exit 1")]);
    let file = scene.folder.path().join("config.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let tokens =
        "tokenAttributes: {serviceAccountTokenAudience: a, cacheType: Token, requireServiceAccount: true}, args";
    std::fs::write(&file, text.replace("args", tokens)).unwrap();
    providers.extend(read(&file).unwrap());
    providers.remove(0);
    let error = scene.providers.find(providers, &scene.bin_dir(), &Location::of_image("r.io/a")).await.unwrap_err();
    assert!(error.to_string().contains("pre-pulling has no pod"), "{error}");
    assert_eq!(scene.asked("one"), 0);
}

#[tokio::test]
async fn the_patience_with_a_plugin_ends() {
    let scene = Scene::new();
    let providers = Providers { patience: Duration::from_millis(100), ..Providers::new(scene.providers.clock) };
    let asked = scene.of(&[("one", "sleep 1000")]);
    let error = providers.find(asked, &scene.bin_dir(), &Location::of_image("r.io/a")).await.unwrap_err();
    assert!(matches!(error, CredentialError::Plugin(_, PluginError::Late(_))), "{error}");
}
