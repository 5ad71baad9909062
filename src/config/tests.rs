//! Whole files, good and bad.

use std::time::Duration;

use super::*;
use crate::model::cause::EventType;
use crate::model::settings::{CredentialSettings, CredentialSource, EventScope, First};

const CATALOGUE: &[&str] = &["ImagePullSlow", "ImagePullStalled", "RuntimeDown"];

/// As a platform team would write it.
pub(super) const FULL: &str = r#"apiVersion: kubewhy.dev/v1alpha1
report:
  events: node
  namespaces: {exclude: ["ci-*"], include: [shop]}
  crossNamespaceNames: true
  spread: 0
  slowStart: 5m
  nodeCondition: true
  runbookURL: https://wiki.example.com/kubewhy/{cause}
causes:
  ImagePullSlow: {after: 5m, type: Warning}
  RuntimeDown: {enabled: false}
  InotifyExhausted: {enabled: false}
timing: {busy: 500ms, calm: 20s}
log: {level: "info,kubewhy=debug"}
prepull:
  spread: 10m
  keepAtMost: 30%
  nodeLabels: true
  startupTaint: kubewhy.dev/images
  sets:
    - name: base
      images: [registry.example.com/base/jre:21, "registry.example.com/mesh/proxy@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
      nodes: {matchLabels: {pool: general, node-role.kubernetes.io/worker: ""}}
      first: {share: 5%, lead: 30m}
      window: {cron: "0 1 * * *", for: 4h, timeZone: Europe/Berlin}
      parallel: 3
      minFree: 20%
      credentials: {file: /etc/kubewhy/harbor.json, anyPodMayUse: true}
      keep: true
      refresh: 12h
      essential: true
"#;

fn accepted(text: &str) -> Accepted {
    parse(text.as_bytes(), CATALOGUE).unwrap_or_else(|faults| panic!("{}", lines(&faults)))
}

fn faults(text: &str) -> Vec<String> {
    parse(text.as_bytes(), CATALOGUE).unwrap_err().iter().map(ToString::to_string).collect()
}

fn lines(remarks: &[Remark]) -> String {
    remarks.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn everything_a_platform_team_writes_arrives() {
    let Accepted { settings, .. } = accepted(FULL);
    assert_eq!(settings.report.events, EventScope::Node);
    assert_eq!(settings.report.spread, Duration::ZERO);
    assert!(settings.report.cross_namespace_names && settings.report.node_condition);
    assert_eq!(settings.report.slow_start, Some(Duration::from_secs(300)));
    assert_eq!(accepted("report: {slowStart: off}").settings.report.slow_start, None);
    assert_eq!((&*settings.report.include[0], &*settings.report.exclude[0]), ("shop", "ci-*"));
    assert_eq!(settings.causes["ImagePullSlow"].after, Some(Duration::from_secs(300)));
    assert_eq!(settings.causes["ImagePullSlow"].kind, Some(EventType::Warning));
    assert_eq!(settings.causes["RuntimeDown"].enabled, Some(false));
    assert_eq!(settings.log_level.as_deref(), Some("info,kubewhy=debug"));
    assert_eq!((settings.timing.busy, settings.timing.calm), (Duration::from_millis(500), Duration::from_secs(20)));
    let set = &settings.prepull.sets[0];
    assert_eq!((&*set.name, set.images.len(), set.parallel), ("base", 2, 3));
    assert_eq!((&*set.match_labels["pool"], &*set.match_labels["node-role.kubernetes.io/worker"]), ("general", ""));
    assert!(set.credentials.as_ref().is_some_and(|credentials| credentials.any_pod_may_use));
    assert_eq!(set.first, Some(First { share: 5, lead: Duration::from_secs(1_800) }));
    assert_eq!(set.window.as_ref().map(|window| window.lasts), Some(Duration::from_secs(4 * 3_600)));
    assert!(set.keep && set.essential && set.min_free == 20);
    assert_eq!(set.refresh, Some(Duration::from_secs(12 * 3_600)));
    let prepull = &settings.prepull;
    assert_eq!((prepull.keep_at_most, prepull.node_labels), (30, true));
    assert_eq!(prepull.startup_taint.as_deref(), Some("kubewhy.dev/images"));
}

#[test]
fn what_this_version_does_not_act_on_is_said() {
    let notes = lines(&accepted(FULL).notes);
    assert_eq!(notes.lines().count(), 1);
    assert!(notes.contains("13:3: InotifyExhausted: this version knows no such cause"));
}

#[test]
fn a_file_that_says_nothing_means_the_defaults() {
    for text in ["", "# all default\n", "---\n", "report:\nprepull:\n  sets:\n", "{}", "\u{feff}report: {}\r\n"] {
        assert_eq!(accepted(text), Accepted { settings: Settings::default(), notes: Vec::new() }, "{text:?}");
    }
}

#[test]
fn every_fault_is_told_at_once_with_its_place_and_the_remedy() {
    let text = "apiVersion: kubewhy.dev/v1alpha1
report:
  events: some
  spraed: 10s
  spread: 10
  crossNamespaceNames: yes
  namespaces: [ci]
  runbookURL: https://me:secret@wiki.example.com/
causes:
  ImagePullSlo: {after: 5m}
  RuntimeDown: {after: 48h, type: warning}
  not-a-cause: {}
timing: {busy: 1ms, calm: 10}
prepull:
  sets:
    - images: [registry.example.com/Base:1]
      parallel: 0
    - name: base
      images: []
      minFree: 20
    - name: base
      images: [a, a]
      credentials: {file: harbor.json}
    - name: open
      images: [a]
      credentials: {anyPodMayUse: perhaps}
      window: {cron: 0 25 * * *, for: 4h}
";
    let expected = "3:11: some stands here; one of off, node, all is wanted
4:3: spraed is no setting; did you mean spread?
5:11: 10 is no duration; a duration such as 10s, 5m or 1h30m is wanted
6:24: yes stands here; one of true, false is wanted
7:15: a list stands here; settings are wanted: key: value, one a line
8:15: it carries credentials, and Events are widely readable; write an address such as https://wiki.example.com/kubewhy/{cause}
10:3: ImagePullSlo: there is no such cause; did you mean ImagePullSlow?
11:24: 2d is out of bounds; 0s to 1d is possible
11:35: warning stands here; one of Normal, Warning is wanted
12:3: not-a-cause: this is no cause; a cause is called, for instance, ImagePullSlow
13:16: 1ms is out of bounds; 200ms to 1m is possible
13:27: 10 is no duration; a duration such as 10s, 5m or 1h30m is wanted
16:7: name is missing; it has no default
16:16: registry.example.com/Base:1: the path of an image has no upper-case letters; write it as in registry.example.com/base/jre:21
17:17: 0 is out of bounds; 1 to 16 is possible
19:15: the set has no images; list at least one
20:16: 20 is no percentage; a share such as 20% is wanted
21:13: a set before it is called base too; name each once
22:19: a stands here twice; list it once
23:27: harbor.json: this path does not say where it begins; write the whole path, from /
26:20: it is not said where credentials come from; write file: /etc/kubewhy/registry.json, or providers: {config: /etc/kubernetes/credential-provider.yaml, binDir: /usr/local/bin}
26:35: perhaps stands here; one of true, false is wanted
27:22: 0 25 * * *: 25 is no hour (0 to 23); write minute, hour, day, month and weekday, as in 0 1 * * *";
    assert_eq!(faults(text).join("\n"), expected);
}

#[test]
fn credentials_come_from_a_file_or_from_plugins() {
    let with = |credentials: &str| format!("prepull: {{sets: [{{name: a, images: [a], credentials: {credentials}}}]}}");
    for (text, source, any_pod_may_use) in [
        ("{file: /c.json}", CredentialSource::File("/c.json".into()), false),
        (
            "{providers: {config: /etc/p.yaml, binDir: /usr/local/bin}, anyPodMayUse: true}",
            CredentialSource::Providers { config: "/etc/p.yaml".into(), bin_dir: "/usr/local/bin".into() },
            true,
        ),
    ] {
        let read = accepted(&with(text)).settings.prepull.sets.remove(0).credentials;
        assert_eq!(read, Some(CredentialSettings { source, any_pod_may_use }), "{text}");
    }
    for (text, said) in [
        ("{file: /c.json, providers: {config: /p.yaml, binDir: /bin}}", "keep one of them"),
        ("{}", "it is not said where credentials come from"),
        ("{providers: {config: /p.yaml}}", "binDir is missing"),
        ("{providers: {config: p.yaml, binDir: /bin}}", "write the whole path"),
        ("{providers: /p.yaml}", "settings are wanted"),
    ] {
        let found = faults(&with(text));
        assert!(found.len() == 1 && found[0].contains(said), "{text}: {found:?}");
    }
}

#[test]
fn what_is_wrong_with_a_set_is_told_key_by_key() {
    let text = "prepull:
  spread: 25h
  keepAtMost: 0%
  nodeLabels: 1
  startupTaint: example.com/images=now:NoSchedule
  sets:
    - name: base
      images: [a]
      nodes: {matchLabels: {-pool: general}}
      first: {share: 0%}
      window: {cron: 0 0 30 2 *, timeZone: Europe/Berln}
      minFree: 100%
      keep: 25%
      refresh: 30s
      essential: yes
    - name: late
      images: [a]
      first: {lead: 30m}
      window: {cron: 0 0 1 * * *, for: 8d, timeZone: Nowhere}
      parallel: two
";
    let expected = "2:11: 1d1h is out of bounds; 0s to 1d is possible
3:15: 0% is out of bounds; 1% to 99% is possible
4:15: 1 stands here; one of true, false is wanted
5:17: example.com/images=now:NoSchedule: no label can be so; write the key of a taint, as in example.com/images
9:29: -pool: no label can be so; write a label such as pool: general
10:14: lead is missing; it has no default
10:22: 0% is out of bounds; 1% to 99% is possible
11:15: for is missing; it has no default
11:22: 0 0 30 2 *: no month has that day, so it never comes; write minute, hour, day, month and weekday, as in 0 1 * * *
11:44: Europe/Berln: there is no such time zone; did you mean Europe/Berlin?
12:16: 100% is out of bounds; 1% to 99% is possible
13:13: 25% stands here; one of true, false is wanted
14:16: 30s is out of bounds; 1m to 30d is possible
15:18: yes stands here; one of true, false is wanted
18:14: share is missing; it has no default
19:22: 0 0 1 * * *: it has 6 fields instead of 5; write minute, hour, day, month and weekday, as in 0 1 * * *
19:40: 8d is out of bounds; 1m to 7d is possible
19:54: Nowhere: there is no such time zone; write one such as Europe/Berlin
20:17: two is no whole number; a number such as 2 is wanted";
    assert_eq!(faults(text).join("\n"), expected);
}

#[test]
fn a_newer_file_may_hold_keys_unknown_here_but_no_other_faults() {
    let text = "apiVersion: kubewhy.dev/v1beta1\nreport: {colour: red}\nfuture: 1\n";
    let notes = lines(&accepted(text).notes);
    assert!(notes.contains("newer than this kubewhy") && notes.contains("colour is no setting"), "{notes}");
    assert_eq!(faults(&text.replace("colour: red", "spread: red")).len(), 1);
    assert_eq!(faults("apiVersion: v1\n"), ["1:13: v1 is no version of this file; write kubewhy.dev/v1alpha1"]);
}

#[test]
fn what_is_not_one_plain_yaml_document_is_refused() {
    for (text, said) in [
        ("report: {events: all", "1:"),
        ("a: &x 1\nb: *x\n", "1:4: anchors"),
        ("report: !!map {}\n", "1:9: tags (!!map)"),
        ("report: &x\n  events: all\n", "1:9: anchors"),
        ("report: !!map\n  events: all\n", "1:9: tags (!!map)"),
        ("report: {}\n---\nreport: {}\n", "a second document"),
        ("- a\n", "1:1: a list stands here"),
        ("just words\n", "1:1: just words stands here"),
        ("report: {}\nreport: {}\n", "2:1: report is said twice, first in line 1"),
        ("report:\n\tevents: all\n", "2:1: a tab indents this line"),
        ("[a]: b\n", "can't be a key"),
    ] {
        let found = faults(text);
        assert!(found.iter().any(|fault| fault.contains(said)), "{text:?}: {found:?}");
    }
    let invalid = parse(b"report:\n  events: \xff\n", CATALOGUE).unwrap_err();
    assert_eq!(lines(&invalid), "2:11: this byte is not UTF-8; save the file as UTF-8");
}

#[test]
fn no_file_can_exhaust_the_reader() {
    let nested = ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000), "? ".repeat(100_000)];
    let wide = format!("prepull: {{sets: [{}]}}", "a, ".repeat(60_000));
    let many = (0..10_000).map(|n| format!("key{n}: 1\n")).collect::<String>();
    let large = " ".repeat(BYTES_AT_MOST + 1);
    let long =
        ["apiVersion: ", "report: {events: ", "x", "report: "].map(|key| format!("{key}{}: }}", "y".repeat(1000)));
    for text in nested.iter().chain([&wide, &many, &large]).chain(&long) {
        let found = faults(text);
        assert!(found.len() <= 101 && found.iter().all(|fault| fault.chars().count() < 330), "{:.40}", text);
    }
}

#[test]
fn a_damaged_file_is_judged_and_never_ends_the_reader() {
    let whole = FULL.as_bytes();
    let lines = FULL.lines().count();
    for at in 0..whole.len() {
        let cut = whole[..at].to_vec();
        let changed = |byte: u8| [&whole[..at], &[byte], &whole[at + 1..]].concat();
        for bytes in [cut, changed(b'{'), changed(b'\''), changed(b'\n'), changed(b'-'), changed(0), changed(0xff)] {
            if let Err(faults) = parse(&bytes, CATALOGUE) {
                assert!(!faults.is_empty());
                assert!(faults.iter().all(|fault| (1..=lines + 2).contains(&fault.at.line) && fault.at.column > 0));
            }
        }
    }
}

#[test]
fn an_alias_an_anchor_and_a_tag_hide_no_other_fault() {
    let found =
        faults("report: &all\n  events: *all\n  spread: !!str 10m\n  evnts: off\nprepull:\n  sets: *all\ncauses: 7\n");
    let starts: Vec<_> = found.iter().filter_map(|fault| fault.split_whitespace().next()).collect();
    assert_eq!(starts.len(), 6, "{found:#?}");
    assert!(found.iter().any(|fault| fault.contains("evnts")) && found.iter().any(|fault| fault.starts_with("7:9")));
}
