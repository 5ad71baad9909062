//! Text → cause, on messages as kubelets pass them on: one whose sign stands at its very end, and one without any, for
//! which the whole catalogue is read.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kubewhy::diagnose::text::classify;

const SIZES: [usize; 3] = [200, 1024, 8 * 1024];

/// Errors wrap errors: this is what grows when a message grows.
const WRAPPED: &str = r#"rpc error: code = Unknown desc = failed to pull and unpack image \"registry.example.com/shop/cart:2.14.1\": failed to copy: httpReadSeeker: "#;
/// The last sign of the last cause that text can name.
const NAMED: &str = r#"exec: "/bin/server": executable file not found in $PATH"#;
/// Of no cause.
const UNKNOWN: &str = "failed open: unexpected status code 500 Internal Server Error";

/// A message of `size` bytes that ends with `end`.
fn message(size: usize, end: &str) -> String {
    let before = WRAPPED.chars().cycle().take(size.saturating_sub(end.len()));
    before.chain(end.chars()).collect()
}

fn classifying(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("classify");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        for (name, end) in [("named", NAMED), ("unknown", UNKNOWN)] {
            let text = message(size, end);
            group.bench_with_input(BenchmarkId::new(name, size), &text, |b, text| b.iter(|| classify(black_box(text))));
        }
    }
}

criterion_group!(benches, classifying);
criterion_main!(benches);
