//! Plugins that are shell scripts. Time is real here: what is to end by itself is given a minute, what is to be cut off a
//! moment.

use std::io::Write as _;

use super::super::configuration;
use super::*;
use crate::client::cri::auth::RegistryAuth;

const V1: &str = "credentialprovider.kubelet.k8s.io/v1";
const MINUTE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(200);

/// An answer with the password hunter2, which the lines before it may change.
const GOOD: &str = r#"echo '{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Image","auth":{"r.io":{"username":"bob","password":"hunter2"}}}'"#;

/// A directory with one plugin.
struct Scene(tempfile::TempDir);

impl Scene {
    /// The script is written by another process: a file that this one has open for writing while a test beside this one forks
    /// could not be executed.
    fn new(script: &str) -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        let write = r#"cat >"$0" && chmod 755 "$0""#;
        let mut sh = std::process::Command::new("sh");
        let mut writing = sh.arg("-c").arg(write).arg(scene.file("plugin")).stdin(Stdio::piped()).spawn().unwrap();
        writing.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(writing.wait().unwrap().success());
        scene
    }

    fn sh(body: &str) -> Self {
        Self::new(&format!("#!/bin/sh\n{body}\n"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn plugin(&self) -> Plugin {
        let text = format!(
            "kind: CredentialProviderConfig\napiVersion: kubelet.config.k8s.io/v1\nproviders:\n- {{name: plugin, matchImages: \
             [r.io], defaultCacheDuration: 1h, apiVersion: {V1}, args: [get, 'two words'], env: [{{name: PROFILE, value: \
             hunter2}}, {{name: FOLDER, value: '{}'}}]}}",
            self.0.path().display()
        );
        Plugin::new(self.0.path(), configuration::parse(text.as_bytes()).unwrap().remove(0))
    }

    async fn ask(&self, within: Duration) -> Result<Answer, PluginError> {
        self.plugin().ask(&Location::of_image("r.io/team/app:1"), within).await
    }

    /// How it fails, in words; nothing that it printed is among them.
    async fn fails(&self, within: Duration) -> PluginError {
        let error = self.ask(within).await.err().expect("it fails");
        assert!(!format!("{error} {error:?} {error:#?}").contains("hunter2"), "{error:?}");
        error
    }
}

#[tokio::test]
async fn it_is_asked_as_the_kubelet_asks_and_its_answer_is_used() {
    let scene = Scene::sh(&format!(r#"cat >"$FOLDER/asked"; echo "$#|$1|$2|$PROFILE|$PATH" >"$FOLDER/given"; {GOOD}"#));
    let answer = scene.ask(MINUTE).await.ok().unwrap();
    assert!(answer.keyring.find(&Location::of_image("r.io/a")) == [RegistryAuth::basic("bob", "hunter2")]);
    let asked = std::fs::read_to_string(scene.file("asked")).unwrap();
    assert_eq!(
        asked,
        format!("{{\"kind\":\"CredentialProviderRequest\",\"apiVersion\":\"{V1}\",\"image\":\"r.io/team/app\"}}\n")
    );
    let given = std::fs::read_to_string(scene.file("given")).unwrap();
    assert_eq!(given.trim_end(), format!("2|get|two words|hunter2|{}", std::env::var("PATH").unwrap()));
}

#[tokio::test]
async fn one_that_does_not_read_its_request_may_answer() {
    assert!(Scene::sh(&format!("exec <&-; {GOOD}")).ask(MINUTE).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_the_kubelet_would_not_use_is_none() {
    for (from, to) in [("/v1\"", "/v1beta1\""), ("CredentialProviderResponse", "Status"), ("echo", "echo hunter2")] {
        let error = Scene::sh(&GOOD.replace(from, to)).fails(MINUTE).await;
        assert!(matches!(error, PluginError::Answer(_)), "{error}");
    }
    assert!(matches!(Scene::sh("exit 0").fails(MINUTE).await, PluginError::Answer(_)));
}

#[tokio::test]
async fn one_that_fails_is_told_by_its_status_alone() {
    let scene = Scene::sh(&format!("{GOOD}; echo 'no: password=hunter2' >&2; exit 3"));
    assert_eq!(scene.fails(MINUTE).await.to_string(), "it failed (exit status: 3); the agent's log has its words");
}

#[test]
fn of_its_complaint_one_short_line_without_secrets_is_logged() {
    let plugin = Scene::sh("").plugin();
    let said =
        "denied: https://bob:secret9@r.io/?sig=secret9\nAuthorization: Bearer c2VjcmV0OXNlY3JldDk\nprofile hunter2\n";
    let logged = plugin.complaint(format!("{said}{}", "x".repeat(5_000)).as_bytes());
    assert!(logged.starts_with("denied: https://[redacted]@r.io/"), "{logged}");
    for secret in ["secret9", "c2VjcmV0", "hunter2", "\n"] {
        assert!(!logged.contains(secret), "{logged}");
    }
    assert!(logged.len() <= LOGGED_AT_MOST + 10, "{}", logged.len());
}

#[tokio::test]
async fn one_that_hangs_is_killed_with_all_that_it_started() {
    let scene = Scene::sh(r#"sleep 1000 & echo $! >"$FOLDER/child"; wait"#);
    let error = loop {
        let error = scene.fails(MOMENT).await; // on a slow machine it may be cut off before it has written
        if std::fs::read_to_string(scene.file("child")).is_ok_and(|pid| pid.ends_with('\n')) {
            break error;
        }
    };
    assert!(matches!(error, PluginError::Late(MOMENT)), "{error}");
    ends(&scene).await;
}

#[tokio::test]
async fn one_that_nobody_waits_for_any_more_is_killed_too() {
    let scene = Scene::sh(r#"sleep 1000 & echo $! >"$FOLDER/child"; wait"#);
    let plugin = scene.plugin();
    let asking = tokio::spawn(async move { plugin.ask(&Location::of_image("r.io/a"), MINUTE).await.is_ok() });
    while !std::fs::read_to_string(scene.file("child")).is_ok_and(|pid| pid.ends_with('\n')) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    ends(&scene).await;
}

/// Waits until the child is gone, or is a zombie that somebody else is to reap.
async fn ends(scene: &Scene) {
    let pid = std::fs::read_to_string(scene.file("child")).unwrap();
    let stat = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
    while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn one_that_never_stops_printing_is_cut_off() {
    assert!(matches!(Scene::sh("while :; do echo hunter2; done").fails(MINUTE).await, PluginError::TooLarge));
    let complains = Scene::sh(&format!("head -c 1000000 /dev/zero >&2; {GOOD}"));
    assert!(complains.ask(MINUTE).await.is_ok(), "what it says besides is not waited for");
}

#[tokio::test]
async fn one_that_can_t_be_started_is_told_with_what_to_do() {
    let scene = Scene::new("#!/nowhere/ld.so\n");
    let error = scene.fails(MINUTE).await;
    assert!(error.to_string().contains("run kubewhy on the host, or use credentials from a file"), "{error}");
    std::fs::set_permissions(scene.file("plugin"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(matches!(scene.fails(MINUTE).await, PluginError::Forbidden(_)));
    std::fs::remove_file(scene.file("plugin")).unwrap();
    assert!(matches!(scene.fails(MINUTE).await, PluginError::Missing(_)));
}

#[tokio::test]
async fn a_file_that_is_no_program_does_not_start() {
    assert!(matches!(Scene::new("\u{1}\u{2} no program").fails(MINUTE).await, PluginError::Start(..)));
}
