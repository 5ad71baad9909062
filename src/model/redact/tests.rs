//! What must never come out, and what must come out as it went in.

use std::borrow::Cow;

use super::{MARK, redact};

#[test]
fn secrets_of_every_known_shape_are_taken_out() {
    for (text, clean) in [
        ("Get \"https://bob:hunter2@reg.io/v2/\": EOF", "Get \"https://[redacted]@reg.io/v2/\": EOF"),
        ("https://t0ken@reg.io: 401", "https://[redacted]@reg.io: 401"),
        ("https://a.io/b?X-Amz-Signature=ab&c=d: 403", "https://a.io/b?[redacted]: 403"),
        ("see \"https://a.io/t?x=1\\u0026y=2\" now", "see \"https://a.io/t?[redacted]\" now"),
        ("{\\\"u\\\":\\\"https://a.io/t?x=1\\\"} now", "{\\\"u\\\":\\\"https://a.io/t?[redacted]\\\"} now"),
        ("Authorization: Bearer abc.DEF-123", "Authorization: Bearer [redacted]"),
        ("authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted]"),
        ("password=hunter2 for bob", "password=[redacted] for bob"),
        ("DB_PASSWORD='hun ter2', next", "DB_PASSWORD='[redacted]', next"),
        ("password: hunter2", "password: [redacted]"),
        ("{\"auth\": \"dXNlcjpwYXNz\"}", "{\"auth\": \"[redacted]\"}"),
        ("{\\\"auth\\\":\\\"dXNl\\\",\\\"a\\\":1}", "{\\\"auth\\\":\\\"[redacted]\\\",\\\"a\\\":1}"),
        ("\"identitytoken\":\"a\\\"b\"", "\"identitytoken\":\"[redacted]\""),
        ("Credential=AKIA/2026/x, Signature=00ff", "Credential=[redacted], Signature=[redacted]"),
        ("r.io/t?access_token=abc&scope=pull", "r.io/t?access_token=[redacted]&scope=pull"),
        ("got eyJhbGciOiJ.eyJzdWIi.c2ln-x done", "got [redacted] done"),
        ("password=\"never closed", "password=\"[redacted]"),
        ("pässwörter: https://ü:ß@h/", "pässwörter: https://[redacted]@h/"),
    ] {
        assert_eq!(redact(text), clean);
    }
}

#[test]
fn secrets_behind_variables_headers_and_in_what_go_prints_are_taken_out() {
    for (text, clean) in [
        ("env DB_PASSWORD: hunter2X9", "env DB_PASSWORD: [redacted]"),
        ("POSTGRES_PASSWORD: x", "POSTGRES_PASSWORD: [redacted]"),
        ("X-Registry-Auth: eyJ1c2VybmFtZSI6==", "X-Registry-Auth: [redacted]"),
        ("X-Amz-Security-Token: FwoGZXIvYXdz/x+", "X-Amz-Security-Token: [redacted]"),
        ("x-amz-signature: 0a1b2c3d, next", "x-amz-signature: [redacted], next"),
        ("AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7", "AWS_SECRET_ACCESS_KEY: [redacted]"),
        ("map[auth:dXNlcjpwYXNz email:a]", "map[auth:[redacted] email:a]"),
        ("auth: dXNlcjpwYXNz", "auth: [redacted]"),
        ("map[X-Registry-Auth:[eyJhIjoiYiJ9] A:[b]]", "map[X-Registry-Auth:[[redacted]] A:[b]]"),
        ("map[Authorization:[Token abc]]", "map[Authorization:[[redacted]]]"),
        ("&AuthConfig{Username:bob,Password:abc,Auth:,}", "&AuthConfig{Username:bob,Password:[redacted],Auth:,}"),
        ("Authorization: Token abc123def", "Authorization: Token [redacted]"),
        ("api_key: \"abc def\" is wrong", "api_key: \"[redacted]\" is wrong"),
        ("Set-Cookie: sid=ab; Path=/", "Set-Cookie: [redacted]"),
    ] {
        assert_eq!(redact(text), clean);
        assert_eq!(redact(clean), clean);
    }
}

#[test]
fn secrets_of_commands_and_of_known_forms_are_taken_out() {
    for (text, clean) in [
        ("mount -o user=bob,pass=abc,ro", "mount -o user=bob,pass=[redacted],ro"),
        ("AccountName=a;AccountKey=ab+/c==;x", "AccountName=a;AccountKey=[redacted];x"),
        ("run --password abc --tls", "run --password [redacted] --tls"),
        ("docker login -u bob -p abc reg.io", "docker login -u bob -p [redacted] reg.io"),
        ("curl -u bob:abc https://a.io", "curl -u [redacted] https://a.io"),
        ("bad ghp_0123456789ab.", "bad [redacted]."),
        ("glpat-0123456789ab, xoxb-12-34-abcdef", "[redacted], [redacted]"),
        ("AKIAIOSFODNN7EXAMPLE dckr_pat_0123456789", "AKIAIOSFODNN7EXAMPLE [redacted]"),
        ("token abcdef.0123456789abcdef expired", "token [redacted] expired"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----",
        ),
        ("pull bob:p@ss@reg.io/v2 failed", "pull [redacted]@reg.io/v2 failed"),
        ("https://user:p/SECRET@reg.io/v2", "https://[redacted]@reg.io/v2"),
        ("https://user:p?SECRET@reg.io/v2", "https://[redacted]@reg.io/v2"),
    ] {
        assert_eq!(redact(text), clean);
        assert_eq!(redact(clean), clean);
    }
}

#[test]
fn what_is_no_secret_survives_to_the_byte() {
    for text in [
        "docker.io/library/nginx@sha256:aaaa",
        "docker://nginx@sha256:aaaa and docker://quay.io/a/b@sha256:bbbb",
        "write to ops@example.com or https://example.com/~ops@home",
        "Www-Authenticate: Bearer realm=\"https://auth.docker.io/token\",service=\"registry\"",
        "no basic auth credentials; Basic authentication. failed; bearer token missing",
        "failed to fetch anonymous token: unexpected status from GET request to https://a.io/token: 401 Unauthorized",
        "failed to fetch oauth token: denied",
        "secret \"db-password\" not found",
        "couldn't find key token in Secret default/db",
        "references non-existent secret key: password",
        "invalid password: access denied",
        "MountVolume.SetUp failed for volume \"auth\" : hostPath type check failed",
        "automountServiceAccountToken=false",
        "scope=repository:a/b:pull digest=sha256:abc",
        "password= ",
        "why? because",
        "fetch token: 403; password is wrong; object \"ns\"/\"secret\" not registered",
        "failed to fetch token: serviceaccounts \"default\" is forbidden: User \"system:node:n1\" cannot create",
        "MountVolume.SetUp failed for volume \"kube-api-access-x7k2p\" : failed to fetch token: serviceaccount token: \
         Post \"https://10.0.0.1:443/api/v1/namespaces/a/serviceaccounts/default/token\": context deadline exceeded",
        "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.",
        "couldn't find key DB_PASSWORD in Secret shop/db",
        "DB_PASSWORD: secret \"db\" not found",
        "secret: shop/registry-credentials-7f9d8 not found; auth: AccessDenied: x509: unknown authority",
        "registry.example.com:5000/shop/cart:2.14.1@sha256:0123456789abcdef and nginx:1.27@sha256:ab",
        "Back-off pulling image \"quay.io/shop/token:v7.4.0-alpine\": ErrImagePull: auth:1.25.3 and a/password:1.2.34",
        "unknown flag: --password; --password is deprecated; --token must be set; --password --tls",
        "run -u 1000:1000 -p 8080:80 --user 0:0",
        "https://10.0.0.1:6443/api?",
        "http://[::1]:10248/healthz@x and https://a.io:8080/~bob@home",
        "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
        "server.kubernetesdomain is down; abcdef.0123456789abcdef.example.com too",
        "status: {Reason:Failed Message:x Token:} at 10:23:45.123456 kubelet.go:2345] ops@example.com",
        "authorization: Unauthorized; Authorization: denied; cookie: none",
        "cannot find volume \"db_password\": object \"shop\"/\"db\" not registered",
    ] {
        assert_eq!(redact(text), text);
        assert!(matches!(redact(text), Cow::Borrowed(_)));
    }
}

#[test]
fn no_text_makes_it_stop_or_grow_without_reason() {
    let pieces = [
        "://",
        "@",
        "?",
        "\\",
        "\"",
        "auth",
        "=",
        ":",
        "ü",
        "Bearer ",
        "eyJ",
        ".",
        " ",
        "password",
        "\0",
        "map[",
        "]",
        "--token ",
        "Cookie",
        "-u ",
        "ghp_",
        "-----BEGIN PRIVATE KEY-----",
    ];
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..20_000 {
        let text: String = (0..random.usize(0..12)).map(|_| pieces[random.usize(0..pieces.len())]).collect();
        assert!(redact(&text).len() <= text.len() + 12 * MARK.len());
    }
}

#[test]
fn a_megabyte_of_traps_takes_one_pass() {
    for trap in [
        "://",
        "password=\"",
        "password: ",
        "Bearer ",
        "\"auth\":",
        "eyJaaaaaa.",
        "?",
        "\\",
        "token:",
        "a:",
        "[",
        "map[auth:",
        "authorization:",
        "cookie:",
        "--password ",
        "-u a:",
        "-----BEGIN ",
        "https://a:b/",
        "'token':'",
    ] {
        assert!(redact(&trap.repeat((1 << 20) / trap.len())).len() < 1 << 22);
    }
}
