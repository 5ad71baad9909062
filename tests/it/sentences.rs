//! What is said of a message: no more than it tells, and all that it names. One line each in `messages/sentences.tsv`:
//! the words that must be said, those that must not be (several are parted by ` | `), the message.

use kubewhy::causes::ALL;
use kubewhy::diagnose::explain::explain;
use kubewhy::model::explanation::FINDINGS;

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

#[test]
fn programs_are_given_findings_and_no_words_of_a_sentence() {
    let messages = lines().map(|line| line.message).chain(ALL.iter().flat_map(|cause| cause.examples).copied());
    for message in messages {
        for (name, value) in explain(message, None).facts {
            assert!(FINDINGS.iter().any(|(known, _)| *known == name), "{name}: {value}");
            assert!(!value.ends_with([',', '.', ':', ';']), "{name}: {value:?} of {message}");
        }
    }
}

#[test]
fn an_image_that_begins_with_a_scheme_still_has_its_registry() {
    let message = r#"Failed to apply default image tag "https://registry.example.com/shop/cart:2.14.1": couldn't parse image name "https://registry.example.com/shop/cart:2.14.1": invalid reference format"#;
    let facts = explain(message, None).facts;
    assert_eq!(facts["host"], "registry.example.com");
    assert_eq!(facts["image"], "https://registry.example.com/shop/cart:2.14.1");
}

#[test]
fn the_reason_tells_which_hook_failed() {
    let message =
        r#"Exec lifecycle hook ([/tidy]) for Container "web" in Pod "cart-0_shop(0f4c)" failed - error: exit 1"#;
    for (reason, hook) in [("FailedPreStopHook", "preStop"), ("FailedPostStartHook", "postStart")] {
        let said = explain(message, Some(reason)).sentence;
        assert!(said.contains(&format!("The {hook} hook of container web failed")), "{said}");
    }
}
