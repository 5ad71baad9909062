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
Four alerts to begin with:

* `kubewhy_diagnoses{cause=\"RuntimeDown\"} > 0`, and the same for the other causes told on the Node: this node starts no pods.
* `kubewhy_events_pending > 0` for 15 minutes: Events are not written. The log says why, once.
* `kubewhy_journal_failing > 0` for 15 minutes: the state directory takes nothing, so a restart may repeat or lose reports.
* `increase(kubewhy_reports_total{cause=\"Unclassified\",outcome=\"first\"}[1d]) > 0`: a fault that has no name yet.
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
