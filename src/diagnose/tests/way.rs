//! Errors of pulls → the host that is named for them, and what is said of its part in the pull.

use super::timeline::{Timeline, creating, of_pods, pod, said_of_pull, sandbox_failed, slot};
use crate::model::observation::Seen;

const IMAGE: &str = "r.example.com/shop/cart:2.14.1";

/// The sentence says all of `has` and none of `lacks`.
fn holds(image: &str, error: &str, cause: &str, has: &[&str], lacks: &[&str]) {
    let (id, said) = said_of_pull(image, error);
    assert_eq!(id, cause, "{said}");
    for words in has {
        assert!(said.contains(words), "{words:?} is missing: {said}");
    }
    for words in lacks.iter().chain(&[" ?", "  "]) {
        assert!(!said.contains(words), "{words:?} is said: {said}");
    }
    assert!(said.len() < 340, "{} bytes: {said}", said.len());
}

#[test]
fn a_proxy_that_fails_is_named_and_not_the_registry() {
    for (error, named, why) in [
        ("dial tcp 10.1.2.3:3128: connect: connection refused", "10.1.2.3:3128", "connection refused"),
        ("dial tcp 10.1.2.3:3128: i/o timeout", "10.1.2.3:3128", "no answer in time"),
        ("dial tcp: lookup proxy.corp on 10.0.0.2:53: no such host", "proxy.corp", "no such host"),
        ("dial tcp: lookup http on 10.0.0.2:53: server misbehaving", "http", "its URL is malformed"),
        ("dial tcp: lookup http: no such host", "http", "its URL is malformed"),
        ("tls: first record does not look like a TLS handshake", "of this node's runtime", "it does not speak TLS"),
        ("EOF", "of this node's runtime", "no connection"),
    ] {
        let error = format!(r#"failed to do request: Head "https://r.example.com/v2/": proxyconnect tcp: {error}"#);
        let starts = format!("The proxy {named} cannot be reached from this node: {why}. The registry was not asked.");
        let has = [&*starts, "HTTP_PROXY, HTTPS_PROXY, NO_PROXY", "systemctl cat"];
        holds(IMAGE, &error, "RegistryUnreachable", &has, &["r.example.com", "resolves", "curl"]);
    }
}

#[test]
fn a_token_server_that_fails_is_named() {
    let error = r#"failed to authorize: failed to fetch oauth token: Post "https://auth.docker.io/token": dial tcp: lookup auth.docker.io on 10.0.0.2:53: no such host"#;
    let has = [
        "The name auth.docker.io, where Docker Hub issues its tokens, does not resolve on this node (10.0.0.2:53: no such host)",
        "getent hosts auth.docker.io",
    ];
    holds("nginx:1", error, "RegistryNameUnresolved", &has, &["registry-1.docker.io", "spelled"]);
    let error =
        r#"failed to fetch anonymous token: Get "https://auth.docker.io/token": dial tcp 203.0.113.7:443: i/o timeout"#;
    let has = [
        "auth.docker.io, where Docker Hub issues its tokens, cannot be reached from this node: no answer in time. Its name resolves (203.0.113.7:443).",
        "does it run? Then firewall and routes (curl -v https://auth.docker.io/).",
    ];
    holds("nginx:1", error, "RegistryUnreachable", &has, &["registry-1.docker.io"]);
}

#[test]
fn a_store_of_layers_that_fails_is_named_and_the_registry_is_not_blamed() {
    let error = r#"failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://production.cloudflare.docker.com/registry-v2/docker/registry/v2/blobs/sha256/da/da86/data?[redacted]": dial tcp 203.0.113.8:443: i/o timeout"#;
    let has = [
        "production.cloudflare.docker.com, where Docker Hub keeps its layers, cannot be reached from this node: no answer in time. Its name resolves (203.0.113.8:443). The registry itself answered.",
    ];
    holds("nginx:1", error, "RegistryUnreachable", &has, &["untested", "registry-1"]);
    let error = r#"failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://layers.s3.amazonaws.com/docker/registry/v2/blobs/sha256/da/data?[redacted]: 403 Forbidden"#;
    let has = [
        "layers.s3.amazonaws.com, where r.example.com keeps its layers, refuses this pod's pull of shop/cart:2.14.1 (403).",
        "credentials need not be wrong. Platform: may this node fetch from layers.s3.amazonaws.com",
    ];
    holds(IMAGE, error, "ImageAccessDenied", &has, &["pull secret", "anonymous", "imagePullSecret"]);
}

#[test]
fn a_mirror_is_told_as_what_it_is() {
    let error = r#"failed to do request: Head "http://mirror.corp:5000/v2/library/nginx/manifests/1": dial tcp 10.0.0.5:5000: connect: connection refused"#;
    let has = ["mirror.corp:5000, asked in place of Docker Hub, cannot be", "(curl -v http://mirror.corp:5000/v2/)"];
    holds("nginx:1", error, "RegistryUnreachable", &has, &["The registry registry-1"]);
    let error = r#"Head "https://mirror.corp/v2/shop/token/manifests/1": dial tcp 10.0.0.5:443: i/o timeout"#;
    holds(IMAGE, error, "RegistryUnreachable", &["mirror.corp, asked in place of r.example.com,"], &["tokens"]);
}

#[test]
fn docker_hub_is_told_by_the_host_that_people_must_look_at() {
    let error = r#"failed to do request: Head "https://registry-1.docker.io/v2/library/nginx/manifests/1": dial tcp 203.0.113.9:443: connect: connection refused"#;
    let has = ["The registry registry-1.docker.io (Docker Hub) cannot", "(curl -v https://registry-1.docker.io/v2/)"];
    holds("nginx:1", error, "RegistryUnreachable", &has, &["//Docker Hub"]);
    let error = r#"dial tcp: lookup registry-1.docker.io: no such host"#;
    let has = ["The registry's name registry-1.docker.io (Docker Hub) does not", "(getent hosts registry-1.docker.io)"];
    holds("nginx:1", error, "RegistryNameUnresolved", &has, &[]);
    holds(
        "nginx:1",
        "401 Unauthorized",
        "ImageAccessDenied",
        &["Docker Hub refuses this pod's pull of library/nginx:1"],
        &[],
    );
}

#[test]
fn a_url_is_told_with_the_scheme_of_the_text_or_not_at_all() {
    let error = r#"Head \"http://r.example.com/v2/shop/cart/manifests/2.14.1\": dial tcp 203.0.113.9:80: connect: connection refused"#;
    holds(IMAGE, error, "RegistryUnreachable", &["(curl -v http://r.example.com/v2/)"], &["https://"]);
    holds(
        IMAGE,
        "net/http: TLS handshake timeout",
        "RegistryUnreachable",
        &["does r.example.com run? Then firewall and routes."],
        &["://"],
    );
}

#[test]
fn a_name_is_said_to_resolve_only_where_the_text_shows_it() {
    let named = r#"Head "https://r.example.com/v2/": dial tcp 203.0.113.9:443: i/o timeout"#;
    holds(IMAGE, named, "RegistryUnreachable", &["Its name resolves (203.0.113.9:443)."], &[]);
    let unnamed = "dial tcp 203.0.113.9:443: i/o timeout";
    holds(IMAGE, unnamed, "RegistryUnreachable", &["203.0.113.9:443: no answer in time"], &["resolves"]);
    let tls = r#"Head "https://r.example.com/v2/": net/http: TLS handshake timeout"#;
    holds(IMAGE, tls, "RegistryUnreachable", &["no TLS answer in time"], &["resolves"]);
    let address = r#"Head "https://10.0.0.7:5000/v2/": dial tcp 10.0.0.7:5000: connect: connection refused"#;
    let has = ["The registry 10.0.0.7:5000 cannot be reached from this node: connection refused."];
    holds("10.0.0.7:5000/cart:1", address, "RegistryUnreachable", &has, &["resolves"]);
    let v6 = r#"Head "https://[2001:db8::7]:5000/v2/": dial tcp [2001:db8::7]:5000: connect: connection refused"#;
    holds(
        "[2001:db8::7]:5000/cart:1",
        v6,
        "RegistryUnreachable",
        &["The registry [2001:db8::7]:5000 cannot"],
        &["resolves"],
    );
}

#[test]
fn of_several_requests_the_one_that_fits_the_cause_is_told() {
    let error = r#"(Mirrors also failed: [m.corp/cart:1: Get "https://m.corp/v2/": dial tcp 10.0.0.5:443: i/o timeout]): r.example.com: Get "https://r.example.com/v2/": 403 Forbidden see https://help.example.com/403"#;
    holds(
        IMAGE,
        error,
        "RegistryUnreachable",
        &["m.corp, asked in place of r.example.com, cannot"],
        &["(403)", "help"],
    );
}

#[test]
fn words_of_a_registry_at_another_stage_blame_no_registry() {
    let error =
        r#"plugin type="calico" failed (add): Get "https://10.96.0.1:443/api": dial tcp 10.96.0.1:443: i/o timeout"#;
    let mut t = Timeline::new();
    let now = t.now;
    t.see(Seen::PodChanged(Box::new(creating("cart", now, false)))).see(sandbox_failed(error, now));
    t.see(Seen::PodChanged(Box::new(pod("shop", t.now, slot(IMAGE, "CreateContainerError", error))))).wait(31);
    let findings = t.look();
    let said = of_pods(&findings);
    assert_eq!(said.len(), 2);
    for diagnosis in said {
        assert_eq!(diagnosis.cause.id, "ApiServerUnreachable");
        assert!(!diagnosis.sentence.contains("registry") && !diagnosis.sentence.contains(" ?"));
    }
}

#[test]
fn a_program_that_is_missed_while_the_container_is_created_is_told_in_full() {
    let mut t = Timeline::new();
    let error = r#"container create failed: exec: "nope": executable file not found in $PATH"#;
    t.see(Seen::PodChanged(Box::new(pod("cart", t.now, slot(IMAGE, "CreateContainerError", error))))).wait(5);
    let findings = t.look();
    let said = &of_pods(&findings)[0].sentence;
    assert!(said.contains("its image r.example.com/shop/cart:2.14.1 has no program nope."), "{said}");
}

#[test]
fn whatever_the_text_is_somebody_is_named() {
    let long = r#"Get "https://a": "#.repeat(2_000);
    let dense = "https://a:".repeat(2_000);
    for debris in ["https://:", "https://", "://", "\"://\":", "https://é/ü?\u{0}:", "https://[::", &long, &dense] {
        for failure in
            ["dial tcp : i/o timeout", "dial tcp: lookup  no such host", "proxyconnect tcp: dial tcp: lookup "]
        {
            let (_, said) = said_of_pull(IMAGE, &format!("{debris} {failure}"));
            assert!(said.starts_with(char::is_alphanumeric), "{said}");
        }
    }
}
