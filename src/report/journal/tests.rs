//! What holds after a crash, on a full file, and with damage at every byte.

use std::os::unix::fs::FileExt;

use super::*;

fn lines(of: impl IntoIterator<Item = &'static str>) -> Vec<String> {
    of.into_iter().map(str::to_owned).collect()
}

fn found(dir: &Path) -> Found {
    Journal::open(dir).unwrap().1
}

#[test]
fn what_was_written_is_found_again_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, before) = Journal::open(dir.path()).unwrap();
    assert_eq!(before, Found::default());
    journal.rewrite(&lines(["a", "b"])).unwrap();
    journal.append(&lines(["c"]), true).unwrap();
    journal.append(&lines(["d e f"]), false).unwrap();
    assert_eq!(found(dir.path()), Found { lines: lines(["a", "b", "c", "d e f"]), damaged: 0 });
    journal.rewrite(&lines(["d"])).unwrap();
    assert_eq!(found(dir.path()).lines, ["d"]);
    journal.rewrite(&[]).unwrap();
    assert_eq!(found(dir.path()), Found::default());
}

#[test]
fn the_files_have_their_size_from_the_beginning_and_nobody_else_reads_them() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    journal.rewrite(&lines(["a"])).unwrap();
    for name in NAMES {
        let is = std::fs::metadata(dir.path().join(name)).unwrap();
        assert_eq!((is.len(), is.permissions().mode() & 0o777), (CAPACITY as u64, 0o600), "{name}");
    }
}

#[test]
fn what_does_not_fit_is_refused_whole_and_what_is_there_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    let long = vec!["x".repeat(1_000); 370];
    assert_eq!(fitting(long.iter().cloned()).len(), 370);
    journal.rewrite(&long).unwrap();
    let more = vec!["y".repeat(1_000); 150];
    assert!(matches!(journal.append(&more, true), Err(Trouble::Full)));
    let all = [long.clone(), more].concat();
    assert!(fitting(all.iter().cloned()).len() == 381 && matches!(journal.rewrite(&all), Err(Trouble::Full)));
    assert_eq!(found(dir.path()), Found { lines: long, damaged: 0 });
}

#[test]
fn a_crash_while_all_is_written_anew_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    journal.rewrite(&lines(["a"])).unwrap();
    journal.rewrite(&lines(["b", "c"])).unwrap();
    let third: String = ["d", "e"].map(|says| line::seal(3, says)).concat();
    for written in 0..third.len() {
        std::fs::File::options()
            .write(true)
            .open(dir.path().join(NAMES[1 - journal.current]))
            .unwrap()
            .write_all_at(&third.as_bytes()[..written], 0)
            .unwrap();
        let (mut after, before) = Journal::open(dir.path()).unwrap();
        assert_eq!(before.lines, ["b", "c"], "{written} bytes of the third");
        if written == third.len() - 1 {
            after.rewrite(&lines(["f"])).unwrap();
            assert_eq!(found(dir.path()).lines, ["f"]);
        }
    }
}

#[test]
fn a_damaged_byte_costs_one_line_and_is_owned_up_to() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    journal.rewrite(&lines(["of another time", "a"])).unwrap();
    journal.rewrite(&lines(["first", "second"])).unwrap();
    journal.append(&lines(["third"]), true).unwrap();
    let path = dir.path().join(NAMES[journal.current]);
    let good = std::fs::read(&path).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let written = good.iter().position(|byte| *byte == 0).unwrap();
    for at in 0..=written {
        for flipped in [0x01, 0x80, good[at]] {
            file.write_all_at(&[good[at] ^ flipped], at as u64).unwrap();
            let found = found(dir.path());
            file.write_all_at(&good[at..=at], at as u64).unwrap();
            let lost = 3 - found.lines.len().min(3);
            let kept = ["first", "second", "third"].iter().filter(|line| found.lines.iter().any(|is| is == *line));
            assert_eq!(kept.count(), found.lines.len(), "byte {at}: nothing is invented: {:?}", found.lines);
            let joined = good[at] == b'\n';
            assert!(lost <= 1 + usize::from(joined), "byte {at} ^ {flipped:#x}: {found:?}");
            assert!(lost == 0 || found.damaged > 0, "byte {at} ^ {flipped:#x}: {lost} lost in silence");
        }
    }
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join(NAMES[0]);
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert!(Journal::open(dir.path()).unwrap_err().to_string().contains("no regular file"));
}
