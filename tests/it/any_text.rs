//! Whatever the text: it gets an answer, in time that grows with its length and no faster, and no secret comes out.

use std::time::{Duration, Instant};

use kubewhy::causes;
use kubewhy::diagnose::phrase::sentence;
use kubewhy::diagnose::{extract, text};
use proptest::prelude::*;

/// What `explain` and the agent do with a text, to the sentence.
fn told(message: &str) -> String {
    let plain = text::peel(message);
    let cause = text::read(&plain, None).cause.unwrap_or(&causes::UNCLASSIFIED);
    sentence(cause, &extract::told(cause, &plain))
}

/// Texts made of the catalogue's own words and of what stands between words in errors: they reach where noise does not.
fn words() -> impl Strategy<Value = String> {
    let parts = causes::ALL.iter().flat_map(|cause| cause.signs).flat_map(|sign| sign.all.iter().chain(sign.none));
    let parts: Vec<&'static str> = parts.copied().collect();
    let glue = prop::sample::select(vec![
        "",
        " ",
        "\"",
        "\\\"",
        ": ",
        "\n",
        "\\n",
        "%!s(MISSING)",
        "\0",
        "/",
        "[",
        "]",
        "://",
        "@",
        "é",
    ]);
    prop::collection::vec((prop::sample::select(parts), glue, "[ -~]{0,8}"), 0..40)
        .prop_map(|pieces| pieces.into_iter().map(|(part, glue, noise)| format!("{part}{glue}{noise}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_one_bounded_sentence(message in any::<String>()) {
        prop_assert!(told(&message).len() <= 1024);
    }

    #[test]
    fn any_mixture_of_wordings_gets_one_bounded_sentence(message in words()) {
        let said = told(&message);
        prop_assert!(said.len() <= 1024 && !said.contains('\n') && !said.contains('\0'), "{}", said);
        prop_assert!(!said.contains('{') || message.contains('{'), "{}", said);
    }

    #[test]
    fn any_bytes_that_are_no_text_do_too(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        told(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn escaping_a_message_once_more_changes_no_cause(message in words()) {
        let plain = message.replace(['\\', '%', '\n', '\0'], " ");
        let escaped = plain.replace('"', "\\\"");
        let cause = |message: &str| text::classify(message).map(|cause| cause.id);
        prop_assert_eq!(cause(&plain), cause(&escaped));
    }
}

/// Generous by a hundred for a build without optimisation: what it catches is time that grows with the square.
#[test]
fn the_time_for_a_kilobyte_is_bounded_however_long_the_text_and_however_full_of_wordings() {
    let parts = causes::ALL.iter().flat_map(|cause| cause.signs).flat_map(|sign| sign.all).copied();
    let full: String = parts.cycle().take(200_000).collect::<Vec<_>>().join(" \\\"");
    for message in
        [full, "failed (".repeat(200_000), "\\".repeat(1 << 20), "%!s(".repeat(1 << 18), "\"".repeat(1 << 20)]
    {
        let least = (0..3).map(|_| time(&message)).min().unwrap();
        let read = message.len().min(8 * 1024) as u32 / 1024 + 1;
        assert!(least / read < Duration::from_millis(50), "{least:?} for {:.40}", message);
    }
}

fn time(message: &str) -> Duration {
    let start = Instant::now();
    told(message);
    start.elapsed()
}
