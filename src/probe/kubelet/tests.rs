//! Kubelets on made-up hosts, with a real server where one is to answer.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::*;
use crate::probe::scene::{Host, of, verdict};

const COMMAND: &[&str] = &["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml"];
const NO_LISTENER: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n   \
    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000\n";

/// A server that gives one answer to everybody who asks, and its port.
fn server(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            drop(stream.read(&mut [0; 256]));
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    port
}

/// A port on which nobody listens.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn host(port: u16) -> Host {
    Host::new()
        .whole()
        .file("var/lib/kubelet/config.yaml", format!("kind: KubeletConfiguration\nhealthzPort: {port}\n"))
}

#[test]
fn a_kubelet_that_runs_and_answers_is_fine() {
    let host = host(server("HTTP/1.0 200 OK\r\n\r\nok")).process(812, 'S', COMMAND);
    let readings = look(&host.node());
    assert_eq!(verdict(&readings, "process"), (Verdict::Fine, ""));
    assert_eq!(verdict(&readings, "healthz"), (Verdict::Fine, ""));
    assert_eq!(of(&readings, "process").says, "process 812, up for 1 d 3 h");
}

#[test]
fn no_process_and_no_listener_is_a_kubelet_that_is_down() {
    let host = host(nobody()).file("proc/1/net/tcp", NO_LISTENER);
    let readings = look(&host.node());
    assert_eq!(verdict(&readings, "process"), (Verdict::Broken, "KubeletDown"));
    assert_eq!(verdict(&readings, "healthz"), (Verdict::Broken, "KubeletDown"));
}

#[test]
fn its_last_words_go_with_it() {
    let log = "cut off\nNov 21 02:59:00 node-7 kubelet[812]: E1121 failed to run Kubelet: running with swap on\n";
    let host = host(nobody()).file("proc/1/net/tcp", NO_LISTENER).file("var/log/syslog", log);
    let readings = look(&host.node());
    let words = of(&readings, "process").facts.iter().find(|(name, _)| *name == "words").unwrap();
    assert!(words.1.ends_with("running with swap on"));
}

#[test]
fn it_is_heard_in_the_units_of_every_distribution() {
    for unit in ["snap.k8s.kubelet", "snap.kubelet-eks.daemon", "microshift"] {
        let log =
            format!("cut off\nNov 21 02:59:00 node-7 systemd[1]: {unit}.service: Failed with result 'exit-code'.\n");
        let host = host(nobody()).file("proc/1/net/tcp", NO_LISTENER).file("var/log/syslog", log);
        let words = of(&look(&host.node()), "process").fact("words").map(str::to_owned);
        assert!(words.is_some_and(|words| words.ends_with("'exit-code'.")), "{unit}");
    }
}

#[test]
fn a_stopped_one_is_down_though_its_port_takes_connections() {
    let host = host(server("")).process(812, 'T', COMMAND);
    assert_eq!(of(&look(&host.node()), "process").says, "its process 812 was stopped (state T)");
}

#[test]
fn another_answer_than_ok_is_told() {
    let host = host(server("HTTP/1.1 500 Internal Server Error\r\n\r\n")).process(812, 'S', COMMAND);
    let readings = look(&host.node());
    assert!(of(&readings, "healthz").says.ends_with("answers 500"), "{readings:?}");
}

#[test]
fn a_network_of_ones_own_tells_nothing() {
    let port = nobody();
    let line = format!("   1: 0100007F:{port:04X} 00000000:0000 0A 00000000:00000000\n");
    let apart = host(port).file("proc/1/net/tcp", format!("{NO_LISTENER}{line}"));
    let unseen = host(port);
    for host in [apart, unseen] {
        let readings = look(&host.node());
        assert_eq!(of(&readings, "healthz").verdict, Verdict::Unknown(Missing::Access), "{readings:?}");
        assert_eq!(of(&readings, "process").verdict, Verdict::Suspect, "{readings:?}");
    }
}

#[test]
fn a_container_s_own_processes_prove_nothing() {
    let host = Host::new().file("var/lib/kubelet/config.yaml", "healthzPort: 0").file("proc/1/comm", "app\n");
    let readings = look(&host.node());
    assert_eq!(of(&readings, "process").verdict, Verdict::Unknown(Missing::Access));
    assert_eq!(of(&readings, "healthz").verdict, Verdict::Unknown(Missing::Subject));
}

#[test]
fn in_a_container_neither_a_missing_process_nor_a_silent_port_is_the_host_s() {
    let port = nobody();
    let host = Host::new().file("var/lib/kubelet/config.yaml", format!("healthzPort: {port}\n"));
    let readings = look(&host.file("proc/1/net/tcp", NO_LISTENER).node());
    assert_eq!(of(&readings, "process").verdict, Verdict::Unknown(Missing::Access));
    assert!(matches!(of(&readings, "healthz").verdict, Verdict::Unknown(_)));
}

#[test]
fn a_host_without_a_kubelet_has_none_to_ask() {
    let host = Host::new().whole().file("var/lib/x", "");
    assert_eq!(of(&look(&host.node()), "process").verdict, Verdict::Unknown(Missing::Subject));
}

#[test]
fn hostile_files_are_read_in_part_or_not_at_all() {
    let host = Host::new()
        .whole()
        .huge("proc/7/cmdline")
        .pipe("proc/8/cmdline")
        .link("proc/9", "9")
        .huge("var/lib/kubelet/config.yaml")
        .pipe("proc/1/net/tcp");
    let readings = look(&host.node());
    assert_eq!(readings.len(), 2);
    assert_ne!(of(&readings, "process").verdict, Verdict::Fine);
}
