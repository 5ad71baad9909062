//! Certificates over their life, and files that are not what they should be.

use std::fs::File;
use std::io::Write as _;

use super::*;
use crate::model::reading::Verdict;
use crate::probe::scene::{Host, recorded};

const FILE: &str = "var/lib/kubelet/pki/kubelet-client-current.pem";
const KUBECONFIG: &str = "\
current-context: c
clusters: [{name: c, cluster: {server: 'https://192.0.2.1:6443'}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem}}]
";

fn at(host: &Host, now: &str) -> Reading {
    let mut node = host.node();
    node.now = now.parse().unwrap();
    look(&node).remove(0)
}

#[test]
fn a_certificate_is_fine_then_nearly_over_then_over() {
    let host = Host::new().file(FILE, recorded("kubelet-client.pem"));
    let fine = at(&host, "2026-11-21T00:00:00Z");
    assert_eq!((fine.verdict, &*fine.says), (Verdict::Fine, "valid for 41 d more, until 2027-01-01"));
    assert_eq!(fine.amount.unwrap().limit, 365.0 * 86_400.0);
    let soon = at(&host, "2026-12-20T00:00:00Z");
    assert_eq!((soon.verdict, soon.cause), (Verdict::Suspect, "KubeletCredentialInvalid"));
    let over = at(&host, "2027-01-03T02:00:00Z");
    assert_eq!((over.verdict, &*over.says), (Verdict::Broken, "its certificate expired 2 d 2 h ago, on 2027-01-01"));
    let early = at(&host, "2025-12-31T00:00:00Z");
    assert_eq!(early.verdict, Verdict::Broken);
    assert!(early.says.contains("not valid before 2026-01-01T00:00:00Z"), "{}", early.says);
}

#[test]
fn what_follows_the_certificate_is_not_read() {
    let host = Host::new().file(FILE, recorded("kubelet-client.pem"));
    let mut file = File::options().append(true).open(host.path(FILE)).unwrap();
    file.write_all(b"-----BEGIN EC PRIVATE KEY-----\nsecret\n").unwrap();
    let read = certificate(&host.node(), &Path::new("/").join(FILE)).unwrap();
    assert!(read.ends_with(END));
}

#[test]
fn a_certificate_that_the_kubeconfig_names_and_nobody_has_is_missing() {
    let host = Host::new().file("etc/kubernetes/kubelet.conf", KUBECONFIG).file("var/lib/kubelet/pki/x", "");
    let missing = at(&host, "2026-11-21T00:00:00Z");
    assert_eq!((missing.verdict, missing.cause), (Verdict::Broken, "KubeletCredentialInvalid"));
    let unnamed = Host::new().file("var/lib/kubelet/pki/x", "");
    assert_eq!(at(&unnamed, "2026-11-21T00:00:00Z").verdict, Verdict::Unknown(Missing::Subject));
    let unseen = Host::new().file("etc/x", "");
    assert_eq!(at(&unseen, "2026-11-21T00:00:00Z").verdict, Verdict::Unknown(Missing::Access));
}

#[test]
fn a_kubelet_with_neither_kubeconfig_nor_bootstrap_file_cannot_log_in() {
    let command = ["/usr/bin/kubelet", "--kubeconfig=/etc/kubernetes/kubelet.conf"];
    let host = Host::new().process(9, 'S', &command).file("etc/kubernetes/x", "");
    let reading = at(&host, "2026-11-21T00:00:00Z");
    assert_eq!(reading.verdict, Verdict::Broken);
    assert!(reading.says.contains("nor /etc/kubernetes/bootstrap-kubelet.conf is there"), "{}", reading.says);
    let joining = host.file("etc/kubernetes/bootstrap-kubelet.conf", "");
    assert_eq!(at(&joining, "2026-11-21T00:00:00Z").verdict, Verdict::Unknown(Missing::Access));
}

#[test]
fn hostile_files_hold_no_certificate() {
    for host in [
        Host::new().huge(FILE),
        Host::new().pipe(FILE),
        Host::new().link(FILE, "kubelet-client-current.pem"),
        Host::new().file(FILE, "no certificate"),
    ] {
        assert!(matches!(at(&host, "2026-11-21T00:00:00Z").verdict, Verdict::Unknown(_)));
    }
}
