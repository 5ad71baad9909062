//! What is found again: after restarts, on a disk that refuses, behind damage, and when there was too much of it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::super::samples::{again, at, ending, first, node};
use super::files::{AGE, CAPACITY, NAMES};
use super::*;
use crate::model::after;

fn kinds(dir: &Path) -> (Vec<Telling>, usize) {
    let found = read(dir).unwrap();
    (found.told.iter().map(|told| told.kind).collect(), found.damaged)
}

fn history() -> (tempfile::TempDir, History) {
    let dir = tempfile::tempdir().unwrap();
    let history = History::at(dir.path().join("state"));
    (dir, history)
}

fn state(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("state")
}

#[tokio::test(start_paused = true)]
async fn first_reports_and_endings_outlive_the_agent_and_refreshes_are_left_out() {
    let (dir, mut history) = history();
    let notice = Notice { in_full: Some("behind bank/vault".to_owned()), ..first("cart", at(0)) };
    history.tell(&[notice.clone(), again(&notice, at(60))], at(60)).await;
    drop(history);
    let mut next = History::at(state(&dir));
    next.tell(&[ending(&notice, at(90))], at(90)).await;
    let found = read(&state(&dir)).unwrap();
    assert_eq!((found.told.len(), found.damaged), (2, 0));
    assert_eq!(found.told[0], Told::of(&notice));
    assert_eq!(&*found.told[0].sentence, "behind bank/vault", "it is the node's own");
    assert_eq!((found.told[1].kind, found.told[1].at), (Telling::Ended, at(90)));
    let mode = |name| std::fs::metadata(state(&dir).join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(NAMES[0]), 0o600);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_told_nothing_yet_has_a_history_all_the_same() {
    let (dir, mut history) = history();
    assert_eq!(read(&state(&dir)).unwrap_err().kind(), io::ErrorKind::NotFound);
    history.tell(&[], at(0)).await;
    assert_eq!(read(&state(&dir)).unwrap(), Found::default());
}

#[tokio::test(start_paused = true)]
async fn without_a_state_directory_there_is_none() {
    let mut history = History::default();
    history.tell(&[first("cart", at(0))], at(0)).await;
    assert!(history.waiting.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_torn_line_costs_itself() {
    let (dir, mut history) = history();
    history.tell(&[first("cart", at(0))], at(0)).await;
    let file = state(&dir).join(NAMES[0]);
    let mut text = std::fs::read(&file).unwrap();
    text.extend_from_slice(b"\xff\0garbage\n{\"at\":\"2026-11-21T03:0");
    std::fs::write(&file, text).unwrap();
    let mut next = History::at(state(&dir));
    next.tell(&[first("till", at(9))], at(9)).await;
    assert_eq!(kinds(&state(&dir)), (vec![Telling::First; 2], 2));
}

#[tokio::test(start_paused = true)]
async fn it_is_never_larger_than_two_files_and_the_newest_is_kept() {
    let (dir, mut history) = history();
    for second in 0..9_000 {
        history.tell(&[first("cart", at(second))], at(second)).await;
        if second % 4_000 == 0 {
            history = History::at(state(&dir));
        }
    }
    let sizes = NAMES.map(|name| std::fs::metadata(state(&dir).join(name)).unwrap().len());
    assert!(sizes.iter().all(|size| *size <= CAPACITY) && sizes.iter().sum::<u64>() > CAPACITY, "{sizes:?}");
    let told = read(&state(&dir)).unwrap().told;
    let whole = told.windows(2).all(|two| after(two[0].at, Duration::from_secs(1)) == two[1].at);
    assert!(whole && told.last().unwrap().at == at(8_999), "{}", told.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_old_goes_though_nothing_is_told() {
    let (dir, mut history) = history();
    history.tell(&[first("cart", at(0))], at(0)).await;
    let week = AGE.as_secs();
    history.tell(&[], at(week - 1)).await;
    history.tell(&[], at(week + 3_600)).await;
    assert_eq!(kinds(&state(&dir)).0.len(), 1, "a week is kept at least");
    let mut next = History::at(state(&dir));
    next.tell(&[], at(week + 7_200)).await;
    next.tell(&[], at(2 * week + 7_200)).await;
    assert_eq!(read(&state(&dir)).unwrap(), Found::default());
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_refuses_costs_lines_and_no_more() {
    let (dir, mut history) = history();
    std::fs::create_dir_all(state(&dir).join(NAMES[0])).unwrap();
    history.tell(&[first("cart", at(0))], at(0)).await;
    assert_eq!((history.failing, history.lost), (true, 1));
    std::fs::remove_dir(state(&dir).join(NAMES[0])).unwrap();
    history.tell(&[first("till", at(1))], at(1)).await;
    std::fs::remove_dir_all(state(&dir)).unwrap();
    let of_node = Notice { subject: node("u"), ..first("", at(2)) };
    history.tell(&[of_node], at(2)).await;
    assert_eq!(
        read(&state(&dir)).unwrap().told[0].subject.kind,
        "Node".into(),
        "it is made anew where it was taken away"
    );
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_is_waited_for_by_nobody_and_written_once_it_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (files, done) = Aside::hung();
    let mut history = History { files: Some(files), ..History::default() };
    let begun = tokio::time::Instant::now();
    for second in 0..300 {
        history.tell(&[first("cart", at(second))], at(second)).await;
    }
    assert_eq!((begun.elapsed(), history.waiting.len(), history.lost), (Duration::ZERO, WAITING, 300 - WAITING));
    assert!(done.send((Files::at(state(&dir)), (0, Ok(())))).is_ok());
    history.tell(&[], at(300)).await;
    assert_eq!((kinds(&state(&dir)).0.len(), history.lost), (WAITING, 0));
}
