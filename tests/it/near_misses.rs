//! Messages that look like one cause and are another, or none: one line each in `messages/*.tsv`.

use std::collections::BTreeSet;

use kubewhy::causes;
use kubewhy::diagnose::text::classify;

const TABLES: &[&str] = &[
    include_str!("messages/container.tsv"),
    include_str!("messages/image.tsv"),
    include_str!("messages/network.tsv"),
    include_str!("messages/node.tsv"),
    include_str!("messages/volume.tsv"),
];

/// What it looks like, what it is, and the message.
fn lines() -> impl Iterator<Item = [&'static str; 3]> {
    TABLES.iter().flat_map(|table| table.lines()).filter(|line| !line.starts_with('#')).map(|line| {
        let cells: Vec<_> = line.splitn(3, '\t').collect();
        <[&str; 3]>::try_from(cells).unwrap_or_else(|cells| panic!("three cells are wanted: {cells:?}"))
    })
}

#[test]
fn what_looks_like_a_cause_and_is_another_is_told_apart() {
    let wrong: Vec<_> = lines()
        .map(|[looks, is, message]| (looks, is, classify(message).map_or("Unclassified", |cause| cause.id), message))
        .filter(|(looks, is, said, _)| said != is || looks == is)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_cause_that_words_can_name_has_its_near_miss() {
    let missed: BTreeSet<_> = lines().map(|[looks, ..]| looks).collect();
    let named = causes::ALL.iter().filter(|cause| !cause.signs.is_empty()).map(|cause| cause.id);
    let without: Vec<_> = named.filter(|id| !missed.contains(id)).collect();
    assert_eq!(without, Vec::<&str>::new());
}
