//! Any bytes at all, with any reason, to the sentence: no panic, no endless loop, no sentence beyond an Event's limit.

#![no_main]

use kubewhy::causes;
use kubewhy::diagnose::phrase::sentence;
use kubewhy::diagnose::{extract, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (reason, bytes) = input;
    let plain = text::peel(&String::from_utf8_lossy(bytes));
    let cause = text::read(&plain, Some(reason)).cause.unwrap_or(&causes::UNCLASSIFIED);
    assert!(sentence(cause, &extract::told(cause, &plain)).len() <= 1024);
});
