//! What is said of a message: no more than it tells, and all that it names. One line each in `messages/sentences.tsv`:
//! the words that must be said, those that must not be (several are parted by ` | `), the message.

use kubewhy::diagnose::explain::explain;

const TABLE: &str = include_str!("messages/sentences.tsv");

struct Line {
    wanted: Vec<&'static str>,
    unwanted: Vec<&'static str>,
    message: &'static str,
}

fn lines() -> impl Iterator<Item = Line> {
    let words = |cell: &'static str| cell.split(" | ").filter(|words| *words != "-").collect();
    TABLE.lines().filter(|line| !line.starts_with('#')).map(move |line| {
        match line.splitn(3, '\t').collect::<Vec<_>>()[..] {
            [wanted, unwanted, message] => Line { wanted: words(wanted), unwanted: words(unwanted), message },
            _ => panic!("three cells are wanted: {line:?}"),
        }
    })
}

#[test]
fn a_sentence_says_what_the_message_tells_and_no_more() {
    let mut wrong = Vec::new();
    for Line { wanted, unwanted, message } in lines() {
        let answer = explain(message, None);
        let said = format!("{} {} {} {}", answer.sentence, answer.rules_out, answer.advice, answer.mends);
        let lacks: Vec<_> = wanted.into_iter().filter(|words| !said.contains(words)).collect();
        let has: Vec<_> = unwanted.into_iter().filter(|words| said.contains(words)).collect();
        if !lacks.is_empty() || !has.is_empty() {
            wrong.push(format!("{message}\n  {}: {said}\n  lacks {lacks:?}, has {has:?}", answer.cause));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
