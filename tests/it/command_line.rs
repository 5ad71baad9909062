//! The program as a shell sees it: what it prints where, and its exit codes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn kubewhy(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubewhy")).args(args).env_clear().output().unwrap()
}

fn file(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("config.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_file_in_order_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "report: {events: off}\n");
    let output = kubewhy(&["config", "check", path.to_str().unwrap()]);
    assert_eq!((output.status.code(), words(&output.stderr).as_str()), (Some(0), ""));
    assert!(words(&output.stdout).ends_with("config.yaml: in order\n"));
}

#[test]
fn a_look_at_a_node_ends_with_1_where_something_is_broken_and_with_2_where_it_could_not_be_told() {
    let host = tempfile::tempdir().unwrap();
    let look = |more: &[&str]| {
        let args = ["check", "--host-root", host.path().to_str().unwrap()];
        kubewhy(&args.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let nowhere = kubewhy(&["check", "--host-root", "/nowhere"]);
    assert_eq!(nowhere.status.code(), Some(64), "that is no node");
    let unseen = look(&[]);
    assert_eq!(unseen.status.code(), Some(2));
    assert!(words(&unseen.stdout).contains("? disk (kubelet): /var/lib/kubelet"), "{}", words(&unseen.stdout));
    std::fs::create_dir_all(host.path().join("etc/cni/net.d")).unwrap();
    std::fs::write(host.path().join("etc/cni/net.d/10-net.conflist"), "{").unwrap();
    let broken = look(&["--cni-conf-dir", "/etc/cni/net.d", "-o", "json"]);
    assert_eq!(broken.status.code(), Some(1));
    let readings: serde_json::Value = serde_json::from_slice(&broken.stdout).unwrap();
    let causes: Vec<_> = readings.as_array().unwrap().iter().filter(|one| one["verdict"] == "broken").collect();
    assert_eq!((causes.len(), &causes[0]["cause"]), (1, &"CniConfigInvalid".into()), "{causes:?}");
}

#[test]
fn a_look_at_a_node_compares_the_clocks_where_the_api_server_is_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            drop(stream.read(&mut [0; 1024]));
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2020 03:00:00 GMT\r\n\r\nok"));
        }
    });
    let host = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(host.path().join("etc/kubernetes")).unwrap();
    let config = format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n"
    );
    std::fs::write(host.path().join("etc/kubernetes/kubelet.conf"), config).unwrap();
    let output = kubewhy(&["check", "--host-root", host.path().to_str().unwrap()]);
    let said = words(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("ClockSkewed: The clock of this node is") && said.contains("ahead of the API server's"),
        "{said}"
    );
}

#[test]
fn one_mount_is_asked_in_silence() {
    let host = tempfile::tempdir().unwrap();
    std::fs::create_dir(host.path().join("data")).unwrap();
    for (path, code) in [("/data", 0), ("/nowhere", 2)] {
        let output = kubewhy(&["probe-mount", "--host-root", host.path().to_str().unwrap(), "--", path]);
        assert_eq!((output.status.code(), output.stdout, output.stderr), (Some(code), vec![], vec![]), "{path}");
    }
}

#[test]
fn a_faulty_file_ends_with_64_and_every_fault_on_stderr() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "report:\n  events: some\n  spraed: 1s\ncauses: {ImageNotFond: {}}\n");
    let output = kubewhy(&["config", "check", path.to_str().unwrap()]);
    let said = words(&output.stderr);
    assert_eq!((output.status.code(), words(&output.stdout).as_str()), (Some(64), ""));
    for place in
        [":2:11: some stands here", ":3:3: spraed is no setting", ":4:10: ImageNotFond: there is no such cause"]
    {
        assert!(said.contains(&format!("{}{place}", path.display())), "{said}");
    }
}

#[test]
fn the_verdict_is_there_for_programs_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "prepull: {sets: [{name: base}]}\n");
    let output = kubewhy(&["config", "check", "-o", "json", path.to_str().unwrap()]);
    let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(verdict["accepted"], false);
    assert_eq!((&verdict["faults"][0]["line"], &verdict["faults"][0]["column"]), (&1.into(), &18.into()));
}

#[test]
fn mistakes_in_the_command_line_end_with_64_and_help_with_0() {
    assert_eq!(kubewhy(&["run", "--no-such-flag"]).status.code(), Some(64));
    assert_eq!(kubewhy(&["run", "--health-address", "nowhere"]).status.code(), Some(64));
    for endpoint in ["foo", "tcp://127.0.0.1:2375"] {
        let output = kubewhy(&["run", "--standalone", "--runtime-endpoint", endpoint]);
        assert_eq!(output.status.code(), Some(64), "{endpoint}");
        assert!(words(&output.stderr).contains("unix:///path, or auto"), "{}", words(&output.stderr));
    }
    assert_eq!(kubewhy(&[]).status.code(), Some(64));
    assert_eq!(kubewhy(&["--help"]).status.code(), Some(0));
    assert_eq!(kubewhy(&["version"]).stdout, kubewhy(&["--version"]).stdout);
}

#[test]
fn a_pull_by_hand_without_its_credentials_or_a_runtime_ends_at_once_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    let output = kubewhy(&["prepull", "--credentials", nowhere, "a:1"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(words(&output.stderr).contains("is no file; give --credentials"), "{}", words(&output.stderr));
    let plan = ["prepull", "--plan", "--runtime-endpoint", nowhere];
    let output = kubewhy(&[&plan[..], &["a:1"]].concat());
    assert_eq!(output.status.code(), Some(69), "{}", words(&output.stderr));

    // Off the cluster a file is planned all the same: each set for a node that has its labels.
    let sets = "prepull:\n  sets:\n  - {name: one, images: [a:1], nodes: {matchLabels: {pool: one}}}\n  \
        - {name: two, images: [a:1], nodes: {matchLabels: {pool: two}}}\n";
    let path = file(dir.path(), sets);
    let plan = ["prepull", "--plan", "--host-root", nowhere, "-f", path.to_str().unwrap()];
    let output = kubewhy(&plan);
    let said = words(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output.stderr));
    for set in ["set one: 1 image for nodes with pool=one", "set two: 1 image for nodes with pool=two"] {
        assert!(said.contains(set), "{said}");
    }
    let output = kubewhy(&[&plan[..], &["--node-label", "pool=two"]].concat());
    assert!(!words(&output.stdout).contains("set one"), "{}", words(&output.stdout));
}

#[test]
fn metrics_that_ask_the_api_server_need_one_and_an_address() {
    let dir = tempfile::tempdir().unwrap();
    let guarded = ["run", "--standalone", "--metrics-auth", "--state-dir", dir.path().to_str().unwrap()];
    let output = kubewhy(&guarded);
    assert_eq!(output.status.code(), Some(64));
    assert!(words(&output.stderr).contains("--metrics-address"), "{}", words(&output.stderr));
    let output = kubewhy(&[&guarded[..], &["--metrics-address", "127.0.0.1:0"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output.stderr).contains("kubewhy: --metrics-auth asks the API server"), "{}", words(&output.stderr));
}

#[test]
fn the_configuration_says_what_is_logged_from_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let config = file(dir.path(), "log: {level: \"info,kubewhy::report=debug\"}\n");
    let here = |name: &str| dir.path().join(name).into_os_string();
    let mut agent = Command::new(env!("CARGO_BIN_EXE_kubewhy"));
    agent
        .args(["run", "--standalone", "--node-name", "node-7", "--health-address", "127.0.0.1:0", "--config"])
        .arg(config);
    for (flag, name) in
        [("--state-dir", "state"), ("--host-root", "host"), ("--api-socket", "api"), ("--runtime-endpoint", "cri")]
    {
        agent.arg(flag).arg(here(name));
    }
    let mut agent = agent.env_clear().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = std::io::BufReader::new(agent.stderr.take().unwrap());
    let said = std::io::BufRead::lines(log).map_while(Result::ok).find(|line| line.contains("another log level"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&agent), rustix::process::Signal::TERM).unwrap();
    assert_eq!(agent.wait().unwrap().code(), Some(0));
    assert!(said.is_some_and(|line| line.contains("kubewhy::report=debug")));
}

/// The lock is held by this test, so the program waits for it when the signal comes.
#[test]
fn an_agent_that_waits_for_the_lock_ends_when_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let lock = std::fs::File::open(dir.path()).unwrap();
    lock.try_lock().unwrap();
    let mut agent = Command::new(env!("CARGO_BIN_EXE_kubewhy"));
    agent.args(["run", "--standalone", "--state-dir", dir.path().to_str().unwrap()]).stderr(Stdio::piped());
    let mut agent = agent.spawn().unwrap();
    let mut log = std::io::BufReader::new(agent.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut log, &mut line).unwrap();
    assert!(line.contains("another agent holds this node"), "{line}");
    let told = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&agent), rustix::process::Signal::TERM).unwrap();
    assert_eq!(agent.wait().unwrap().code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(5));
}
