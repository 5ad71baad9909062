//! Text → cause, on messages as kubelets pass them on: of every size, named and unknown; and the worst that the catalogue's
//! own examples can do. `explain` is the whole way to the sentence; `percentile` prints what 99 of 100 messages stay under.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kubewhy::causes;
use kubewhy::diagnose::phrase::sentence;
use kubewhy::diagnose::{extract, text};

const SIZES: [usize; 3] = [200, 1024, 8 * 1024];

/// Errors wrap errors: this is what grows when a message grows.
const WRAPPED: &str = r#"rpc error: code = Unknown desc = failed to pull and unpack image \"registry.example.com/shop/cart:2.14.1\": failed to copy: httpReadSeeker: "#;
/// The last words of a message with a cause, and of one without.
const NAMED: &str = r#"exec: "/bin/server": executable file not found in $PATH"#;
const UNKNOWN: &str = "failed open: the moon is full";

/// A message of `size` bytes that ends with `end`.
fn message(size: usize, end: &str) -> String {
    let before = WRAPPED.chars().cycle().take(size.saturating_sub(end.len()));
    before.chain(end.chars()).collect()
}

fn explain(message: &str) -> String {
    let plain = text::peel(message);
    let cause = text::read(&plain, None).cause.unwrap_or(&causes::UNCLASSIFIED);
    sentence(cause, &extract::told(cause, &plain))
}

fn classifying(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("classify");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        for (name, end) in [("named", NAMED), ("unknown", UNKNOWN)] {
            let text = message(size, end);
            group.bench_with_input(BenchmarkId::new(name, size), &text, |b, text| {
                b.iter(|| text::classify(black_box(text)));
            });
        }
        let text = message(size, NAMED);
        group.bench_with_input(BenchmarkId::new("explain", size), &text, |b, text| b.iter(|| explain(black_box(text))));
    }
}

/// Each example of the catalogue, and each filled up to 1 KiB with wrapping, a hundred times.
#[expect(clippy::print_stdout, reason = "a benchmark's result")]
fn percentile(_: &mut Criterion) {
    let examples = causes::ALL.iter().flat_map(|cause| cause.examples);
    let mut messages: Vec<String> =
        examples.flat_map(|example| [(*example).to_owned(), message(1024, example)]).collect();
    messages.retain(|message| message.len() <= 1024);
    let mut times: Vec<Duration> = Vec::with_capacity(messages.len() * 100);
    for _ in 0..100 {
        for message in &messages {
            let start = Instant::now();
            black_box(text::classify(black_box(message)));
            times.push(start.elapsed());
        }
    }
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    println!("classify, {} messages of at most 1 KiB: median {:?}, p99 {:?}", messages.len(), at(50), at(99));
}

criterion_group!(benches, classifying, percentile);
criterion_main!(benches);
