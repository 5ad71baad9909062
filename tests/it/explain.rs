//! `kubewhy explain` as a shell sees it: every way in, every form out, and no secret on any of them.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const NOT_FOUND: &str = r#"Failed to pull image "registry.example.com/shop/cart:2.14.1": rpc error: code = NotFound desc = failed to pull and unpack image "registry.example.com/shop/cart:2.14.1": failed to resolve reference "registry.example.com/shop/cart:2.14.1": registry.example.com/shop/cart:2.14.1: not found"#;

fn explain(args: &[&str], input: &str) -> Output {
    explain_with(&[], args, input.as_bytes())
}

fn explain_with(variables: &[(&str, &str)], args: &[&str], input: &[u8]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kubewhy"))
        .arg("explain")
        .args(args)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = program.stdin.take().unwrap();
    _ = stdin.write_all(input); // one that needs no input may have closed it
    drop(stdin);
    program.wait_with_output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    words(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_message_is_explained_from_an_argument_a_file_and_stdin_alike() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("message.txt");
    std::fs::write(&file, NOT_FOUND).unwrap();
    let said = words(&explain(&[NOT_FOUND], ""));
    assert!(said.starts_with("ImageNotFound\nregistry.example.com has no 2.14.1 of shop/cart."), "{said}");
    assert!(said.contains("\nApp: check that CI pushed 2.14.1"), "{said}");
    assert_eq!(words(&explain(&[file.to_str().unwrap()], "")), said);
    assert_eq!(words(&explain(&[], NOT_FOUND)), said);
    assert_eq!(words(&explain(&["-"], NOT_FOUND)), said);
}

#[test]
fn a_name_of_no_file_is_not_taken_for_a_message() {
    for name in ["./none", "/none/at/all", "../none", "kubelet.log", "message.txt", "/"] {
        let output = explain(&[name], "");
        assert_eq!((output.status.code(), words(&output)), (Some(1), String::new()), "{name}");
    }
    assert!(String::from_utf8_lossy(&explain(&["./none"], "").stderr).contains("no such file"));
    assert!(explain(&["/bin/x: no such file"], "").status.success());
}

#[test]
fn lines_that_were_taken_for_one_message_are_owned_up_to() {
    assert!(words(&explain(&[], "one\ntwo\n")).contains("2 lines were read as one message"));
    assert!(!words(&explain(&[], NOT_FOUND)).contains("as one message"));
}

#[test]
fn a_pod_whose_events_are_gone_is_explained_by_its_containers() {
    let state = "    State:          Waiting\n      Reason:       ErrImagePull\n      Message:      ";
    for events in ["Events:  <none>\n", ""] {
        let text = format!("Name:  cart-0\nContainers:\n  web:\n{state}{NOT_FOUND}\n    Ready:  False\n{events}");
        let said = words(&explain(&[], &text));
        assert!(said.starts_with("ImageNotFound  (container web, Waiting, ErrImagePull)\n"), "{said}");
    }
}

#[test]
fn programs_get_one_object_for_a_message_and_a_list_for_several() {
    let one: Value = serde_json::from_slice(&explain(&["-o", "json", NOT_FOUND], "").stdout).unwrap();
    assert_eq!(
        (&one["cause"], &one["owner"], &one["stage"]),
        (&"ImageNotFound".into(), &"App".into(), &"ImagePull".into())
    );
    assert_eq!(one["facts"]["version"], "2.14.1");
    let log = format!("E1120 03:00:00.000000 7 a.go:1] {NOT_FOUND}\nI1120 03:00:01.000000 7 a.go:2] all is well\n");
    let several: Vec<Value> = serde_json::from_slice(&explain(&["-o", "json"], &log).stdout).unwrap();
    assert_eq!((several.len(), &several[0]["place"]), (2, &"line 1".into()));
}

#[test]
fn each_line_is_answered_by_one_and_a_bad_one_loses_no_other() {
    let input = format!(
        "{}\nno object\n\n{}\n",
        serde_json::json!({"message": NOT_FOUND}),
        r#"{"message": "", "reason": null}"#
    );
    let output = explain(&["--jsonl"], &input);
    let answers = lines(&output);
    assert_eq!((output.status.code(), answers.len()), (Some(65), 3));
    for key in ["cause", "confidence", "summary", "advice", "stage", "owner", "facts"] {
        assert!(answers[0].get(key).is_some() && answers[2].get(key).is_some(), "{key}");
    }
    assert!(answers[1]["error"].as_str().unwrap().starts_with("line 2"));
    assert_eq!(answers[2]["cause"], "Unclassified");
}

#[test]
fn the_variable_for_the_output_does_not_hinder_line_by_line() {
    let line = serde_json::json!({ "message": NOT_FOUND }).to_string();
    let output = explain_with(&[("KUBEWHY_OUTPUT", "json")], &["--jsonl"], line.as_bytes());
    assert_eq!((output.status.code(), &lines(&output)[0]["cause"]), (Some(0), &"ImageNotFound".into()));
}

#[test]
fn a_line_that_is_too_long_is_answered_once_and_one_with_odd_bytes_as_well_as_can_be() {
    let mut input = vec![b'{'; 9 << 20];
    input.extend_from_slice(b"\n{\"message\": \"\xff not found\"}\nno object\n");
    let output = explain_with(&[], &["--jsonl"], &input);
    let answers = lines(&output);
    assert_eq!((output.status.code(), answers.len()), (Some(65), 3));
    assert!(answers[0]["error"].as_str().unwrap().starts_with("line 1: more than 4 MiB"));
    assert!(answers[1]["cause"].is_string());
    assert!(answers[2]["error"].as_str().unwrap().starts_with("line 3,"));
}

#[test]
fn what_kubectl_describe_prints_is_searched_for_its_events() {
    let text = format!(
        "Name:         cart-0\nEvents:\n  Type     Reason     Age                From               Message\n  ----     ------     ----               ----               -------\n  Normal   Scheduled  2m                 default-scheduler  Successfully assigned shop/cart-0 to node-7\n  Warning  Failed     12s (x3 over 50s)  kubelet            {NOT_FOUND}\n  Warning  Failed     12s (x3 over 50s)  kubelet            Error: ErrImagePull\n"
    );
    let said = words(&explain(&[], &text));
    assert!(said.starts_with("ImageNotFound  (Warning, Failed, 12s (x3 over 50s), kubelet)\n"), "{said}");
    assert!(said.contains("2 of 3 messages name no cause"), "{said}");
    let none = explain(&[], "Name:  cart-0\nEvents:  <none>\n");
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("nothing to explain"));
}

#[test]
fn the_catalogue_can_be_listed_and_looked_up() {
    let list = words(&explain(&["--list"], ""));
    assert_eq!(list.lines().count(), kubewhy::causes::ALL.len());
    let page = words(&explain(&["--cause", "imagenotfound"], ""));
    assert!(
        page.starts_with("ImageNotFound\n") && page.contains("What to do:") && page.contains("Messages that name it:"),
        "{page}"
    );
    let unknown = explain(&["--cause", "Gremlins"], "");
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("--list"));
}

/// Every kind of secret that errors are known to quote, each beginning `hush`.
const SECRETS: &[&str] = &[
    r#"failed to do request: Head "https://bob:hush1@r.example.com/v2/": dial tcp: lookup r.example.com: no such host"#,
    r#"Get "https://cdn.example.com/blobs/sha256:ab?X-Amz-Credential=hush2&X-Amz-Signature=hush3&Expires=1": 403 Forbidden"#,
    "failed to pull and unpack image \"r.example.com/a:1\": 401 Unauthorized (Authorization: Bearer hush4.hush4.hush4aaaaaaaaaaaaaaa)",
    "request failed: Authorization: Basic aHVzaDVodXNoNWh1c2g1aHVzaDU=",
    r#"mount failed: mount -t cifs -o username=bob,password=hush6 //nas/share /mnt: permission denied"#,
    r#"invalid config: {"auths":{"r.example.com":{"auth":"aHVzaDc6aHVzaDdodXNoNw=="}}} invalid username/password: unauthorized"#,
    r#"failed to fetch oauth token: {"token":"hush8hush8hush8","access_token":"hush9hush9hush9"}: 403 Forbidden"#,
    "error: AWS_SECRET_ACCESS_KEY=hush10hush10hush10 no basic auth credentials",
    r#"exec: "mysql --password=hush11": executable file not found in $PATH"#,
    "container web: env DB_PASSWORD: hush12X9 is refused",
    "POSTGRES_PASSWORD: hush",
    "error with headers X-Registry-Auth: aHVzaDEzaHVzaDEz== and X-Amz-Security-Token: hush14hush14HUSH",
    "denied: x-amz-signature: hush15hush15, AWS_SECRET_ACCESS_KEY: hush16/hush16",
    "request failed: map[auth:aHVzaDE3aHVzaDE3 email:a@b.c] map[X-Registry-Auth:[aHVzaDE4]] map[Authorization:[Token hush19]]",
    "mount failed: mount -t cifs -o user=bob,pass=hush20 //nas/share /mnt: permission denied, AccountKey=hush21==",
    "exit status 1: docker login -u bob -p hush22 r.example.com; curl -u bob:hush23 https://r.example.com; mc --password hush24",
    "denied: ghp_hush25hush25hush25, glpat-hush26hush26hush26, github_pat_hush27hush27hush27, dckr_pat_hush28hush28",
    "bad token hush29.hush29hush29hush of kubelet",
    "bad key -----BEGIN PRIVATE KEY-----\nhush30\nhush30\n-----END PRIVATE KEY-----",
    "got Set-Cookie: sid=hush31; Path=/",
    r#"api_key: "hush 32" is wrong"#,
    "failed to pull bob:hush33@r.example.com/v2: denied",
    r#"Get "https://bob:p/hush34@r.example.com/v2/": EOF"#,
];

#[test]
fn no_secret_comes_out_in_any_form() {
    for message in SECRETS {
        let line = serde_json::json!({ "message": message }).to_string();
        for output in
            [explain(&["-v", message], ""), explain(&["-o", "json", message], ""), explain(&["--jsonl"], &line)]
        {
            let said = words(&output);
            assert!(!said.is_empty() && !said.contains("hush") && !said.contains("aHVza"), "{message}\n{said}");
        }
    }
}

/// The bound is for a release build; one without optimisation gets the tenfold.
#[test]
fn it_starts_at_once() {
    let start = || {
        let start = Instant::now();
        explain(&[NOT_FOUND], "");
        start.elapsed()
    };
    let least = (0..10).map(|_| start()).min().unwrap();
    let bound = Duration::from_millis(if cfg!(debug_assertions) { 200 } else { 20 });
    assert!(least < bound, "{least:?}");
}
