//! The page on metrics, from the table that fills the registry.

use std::fmt::Write as _;

use crate::serve::metrics::{METRICS, Metric};

const OPENING: &str = "# Metrics

<!-- Made by `kubewhy docs`. -->

Served at `/metrics` of `--metrics-address`; none are served without that flag, and with `--metrics-auth` only to whom the API server
lets read them (`docs/operating.md`). No label ever holds a pod, an image or a
registry: `cause` takes the ids of `docs/causes.md`, `method` the names of CRI calls, `outcome` the words given below, `set` the names
of the configuration's pre-pull sets that are for this node.

| metric | kind | labels | |
|---|---|---|---|
";

const CLOSING: &str = "
`deploy/monitoring` has alerts, a dashboard and what Prometheus needs to read them.
";

/// The page.
pub(super) fn page() -> String {
    let rows: String = METRICS.iter().map(row).collect();
    format!("{OPENING}{rows}{CLOSING}")
}

fn row(metric: &Metric) -> String {
    let kind = format!("{:?}", metric.kind).to_lowercase();
    let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    let mut row = String::new();
    _ = writeln!(row, "| `{}` | {kind} | {labels} | {} |", metric.name, metric.help);
    row
}
