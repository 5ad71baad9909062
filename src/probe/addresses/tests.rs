//! Nodes that give out addresses, until none is left.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::reading::Verdict;
use crate::model::{Time, after};
use crate::probe::scene::{Host, now, of, verdict};

const STORE: &str = "var/lib/cni/networks/shop";
/// Thirteen addresses are left of sixteen.
const SUBNET: &str = "10.1.0.0/28";

fn host(ipam: &str) -> Host {
    let list = format!(r#"{{"name":"shop","plugins":[{{"type":"bridge","ipam":{ipam}}}]}}"#);
    Host::new().file("etc/cni/net.d/10.conflist", list).file(&format!("{STORE}/lock"), "")
}

fn host_local() -> Host {
    host(&format!(r#"{{"type":"host-local","ranges":[[{{"subnet":"{SUBNET}"}}]]}}"#))
        .file(&format!("{STORE}/last_reserved_ip.0"), "10.1.0.9")
}

fn take(host: Host, count: usize) -> Host {
    (0..count).fold(host, |host, n| {
        let file = format!("{STORE}/10.1.0.{}", n + 2);
        let host = host.file(&file, format!("sandbox-{n}\r\neth0"));
        let long_ago = now() - Duration::from_secs(3600);
        File::options().write(true).open(host.path(&file)).unwrap().set_modified(long_ago.into()).unwrap();
        host
    })
}

#[test]
fn a_range_fills_up() {
    for (count, expected) in [
        (0, (Verdict::Fine, "")),
        (11, (Verdict::Fine, "")),
        (12, (Verdict::Suspect, "PodIpExhausted")),
        (13, (Verdict::Broken, "PodIpExhausted")),
    ] {
        let readings = look(&take(host_local(), count).node());
        assert_eq!(verdict(&readings, SUBNET), expected, "{count}: {readings:?}");
        assert_eq!(of(&readings, SUBNET).amount.unwrap().limit, 13.0);
    }
}

#[test]
fn addresses_of_sandboxes_that_are_gone_are_told_only_where_the_runtime_told_its_own() {
    let host = take(host_local(), 13);
    let mut node = host.node();
    let ids: BTreeSet<Arc<str>> = (0..13).map(|n| format!("sandbox-{n}").into()).collect();
    node.sandboxes = Some(Arc::new(ids.clone()));
    assert_eq!(verdict(&look(&node), SUBNET), (Verdict::Broken, "PodIpExhausted"));
    node.sandboxes = Some(Arc::new(ids.into_iter().skip(3).collect()));
    let readings = look(&node);
    assert_eq!(verdict(&readings, SUBNET), (Verdict::Broken, "PodIpLeaked"));
    assert_eq!(of(&readings, SUBNET).says, "13 of 13 taken, 3 of them by pods that are gone");
}

#[test]
fn an_address_that_was_just_given_out_may_be_of_a_sandbox_under_way() {
    let host = take(host_local(), 2).file(&format!("{STORE}/10.1.0.9"), "sandbox-new\r\neth0");
    let mut node = host.node();
    node.now = Time::try_from(std::time::SystemTime::now()).unwrap();
    node.sandboxes = Some(Arc::new(["sandbox-0", "sandbox-1"].map(Into::into).into()));
    assert_eq!(verdict(&look(&node), SUBNET), (Verdict::Fine, ""));
}

#[test]
fn flannel_s_range_is_the_one_that_it_was_given() {
    let list = r#"{"name":"shop","plugins":[{"type":"flannel","delegate":{"isDefaultGateway":true}}]}"#;
    let host = Host::new().file("etc/cni/net.d/10.conflist", list).file("run/flannel/x", "");
    assert_eq!(verdict(&look(&host.node()), "").0, Verdict::Unknown(Missing::Subject));
    let ready = take(host.file("run/flannel/subnet.env", "FLANNEL_SUBNET=10.1.0.1/28\n"), 13);
    assert_eq!(verdict(&look(&ready.node()), SUBNET), (Verdict::Broken, "PodIpExhausted"));
}

#[test]
fn what_is_given_out_elsewhere_or_cannot_be_seen_is_unknown() {
    let calico = host(r#"{"type":"calico-ipam"}"#);
    assert_eq!(verdict(&look(&calico.node()), "").0, Verdict::Unknown(Missing::Subject));
    let elsewhere = host(&format!(r#"{{"type":"host-local","subnet":"{SUBNET}","dataDir":"/srv/cni"}}"#));
    assert_eq!(verdict(&look(&elsewhere.node()), "").0, Verdict::Unknown(Missing::Access));
}

#[test]
fn hostile_stores_are_looked_at_within_bounds() {
    let host = host_local().huge(&format!("{STORE}/10.1.0.3")).pipe(&format!("{STORE}/10.1.0.4"));
    let host = host.link(&format!("{STORE}/10.1.0.5"), "10.1.0.5");
    let mut node = host.node();
    node.now = after(Time::try_from(std::time::SystemTime::now()).unwrap(), Duration::from_secs(86_400));
    node.sandboxes = Some(Arc::default());
    assert_eq!(of(&look(&node), SUBNET).says, "3 of 13 taken");
    let looped = self::host(r#"{"type":"host-local","subnet":"10.1.0.0/28","dataDir":"/loop"}"#).link("loop", "loop");
    assert_eq!(look(&looped.node()).len(), 1);
}
