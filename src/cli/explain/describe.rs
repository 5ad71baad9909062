//! What `kubectl describe` and `kubectl get events` print, taken apart: the rows of Events and of a Node's conditions.
//! Columns are apart by two blanks or more (kubectl: pkg/describe/describe.go DescribeEvents, tabwriter with padding 2).

use super::input::Message;

/// A table that kubectl prints.
struct Table {
    /// Words of its heading, by which it is known.
    heading: &'static [&'static str],
    /// Which cell is the reason, and from which on the message stands.
    reason: usize,
    message: usize,
    /// Cells that say where the message stood.
    place: &'static [usize],
    /// What a row begins with.
    rows: &'static [&'static str],
    /// Cells may be empty and more of them follow the message: only the heading tells where each begins.
    aligned: bool,
}

const TABLES: &[Table] = &[
    Table {
        heading: &["Type", "Reason", "Age", "From", "Message"],
        reason: 1,
        message: 4,
        place: &[0, 1, 2, 3],
        rows: &["Normal", "Warning"],
        aligned: false,
    },
    Table {
        heading: &["Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"],
        reason: 4,
        message: 5,
        place: &[0, 1],
        rows: &[],
        aligned: false,
    },
    Table {
        heading: &["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"],
        reason: 2,
        message: 4,
        place: &[1, 2, 0, 3],
        rows: &[],
        aligned: false,
    },
    Table {
        heading: &["NAMESPACE", "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"],
        reason: 3,
        message: 5,
        place: &[2, 3, 1, 0, 4],
        rows: &[],
        aligned: false,
    },
    Table {
        heading: &[
            "LAST SEEN",
            "TYPE",
            "REASON",
            "OBJECT",
            "SUBOBJECT",
            "SOURCE",
            "MESSAGE",
            "FIRST SEEN",
            "COUNT",
            "NAME",
        ],
        reason: 2,
        message: 6,
        place: &[1, 2, 0, 3],
        rows: &[],
        aligned: true,
    },
    Table {
        heading: &[
            "NAMESPACE",
            "LAST SEEN",
            "TYPE",
            "REASON",
            "OBJECT",
            "SUBOBJECT",
            "SOURCE",
            "MESSAGE",
            "FIRST SEEN",
            "COUNT",
            "NAME",
        ],
        reason: 3,
        message: 7,
        place: &[2, 3, 1, 0, 4],
        rows: &[],
        aligned: true,
    },
];

/// Our own words need no explanation.
const OURSELVES: &str = "kubewhy";

/// Whether this is something that kubectl printed, with or without Events.
pub(super) fn is_kubectl(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("Events:") || line.starts_with("Containers:") || table(line).is_some())
}

/// The rows, in their order.
pub(super) fn messages(text: &str) -> Vec<Message> {
    let mut found: Vec<Message> = Vec::new();
    let mut open: Option<(&Table, &str)> = None;
    for line in text.lines() {
        match (table(line), open) {
            (Some(heading), _) => open = Some((heading, line)),
            (None, _) if line.trim().is_empty() => open = None,
            (None, Some(_)) if line.trim().starts_with("----") => {}
            (None, Some((of, heading))) => match row(of, heading, line) {
                Some(message) => found.push(message),
                None if is_field(line) => open = None,
                None => go_on(&mut found, line),
            },
            (None, None) => {}
        }
    }
    found.retain(|message| !message.place.ends_with(OURSELVES));
    found
}

fn table(line: &str) -> Option<&'static Table> {
    let cells = cells(line, usize::MAX);
    TABLES.iter().find(|table| cells == table.heading)
}

fn row(table: &Table, heading: &str, line: &str) -> Option<Message> {
    let cells = if table.aligned { aligned(table, heading, line)? } else { cells(line, table.message + 1) };
    let text = cells.get(table.message)?;
    let known = table.rows.is_empty() || table.rows.contains(cells.first()?);
    let place: Vec<_> =
        table.place.iter().filter_map(|at| cells.get(*at).copied()).filter(|cell| !cell.is_empty()).collect();
    known.then(|| Message {
        reason: cells.get(table.reason).map(|reason| (*reason).to_owned()),
        text: (*text).to_owned(),
        place: place.join(", "),
    })
}

/// A message with line breaks goes on in the next line.
fn go_on(found: &mut [Message], line: &str) {
    if let Some(last) = found.last_mut() {
        last.text.push('\n');
        last.text.push_str(line.trim());
    }
}

/// `Name:  value` in the first column, or `Name:` alone: the next part of the description.
fn is_field(line: &str) -> bool {
    let value = line.split_once(':').map(|(_, value)| value);
    line.starts_with(|c: char| c.is_ascii_uppercase())
        && value.is_some_and(|value| value.is_empty() || value.starts_with("  "))
}

/// What stands between two blanks or more; the last cell takes all the rest.
fn cells(line: &str, at_most: usize) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let gap = if cells.len() + 1 < at_most { rest.find("  ") } else { None };
        let (cell, after) = gap.map_or((rest, ""), |at| rest.split_at(at));
        cells.push(cell);
        rest = after.trim_start();
    }
    cells
}

/// What stands below each word of the heading; none if the line does not keep to it.
fn aligned<'a>(table: &Table, heading: &str, line: &'a str) -> Option<Vec<&'a str>> {
    let mut cells = Vec::new();
    let mut rest = line;
    let mut begun = 0;
    for next in table.heading.iter().skip(1) {
        let begin = begun + heading.get(begun..)?.find(&format!("  {next}"))? + 2;
        let width = rest.char_indices().nth(begin - begun).map_or(rest.len(), |(at, _)| at);
        let (cell, after) = rest.split_at(width);
        if !after.is_empty() && !cell.ends_with(' ') {
            return None;
        }
        cells.push(cell.trim());
        (rest, begun) = (after, begin);
    }
    cells.push(rest.trim());
    Some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "\
Name:             cart-0
Containers:
  web:
    State:          Waiting
      Reason:       ErrImagePull
Events:
  Type     Reason                  Age                   From               Message
  ----     ------                  ----                  ----               -------
  Normal   Scheduled               2m5s                  default-scheduler  Successfully assigned shop/cart-0 to node-7
  Warning  FailedMount             12s (x8 over 76s)     kubelet            MountVolume.SetUp failed for volume \"data\" : mount failed: exit status 32
Mounting command: mount
Output: mount.nfs: access denied
  Warning  ImageNotFound           3s                    kubewhy            registry.example.com has no 1.0 of shop/cart.
";

    #[test]
    fn the_events_of_a_pod_are_found_with_reason_place_and_line_breaks() {
        let found = messages(POD);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert_eq!(found[1].reason.as_deref(), Some("FailedMount"));
        assert_eq!(found[1].place, "Warning, FailedMount, 12s (x8 over 76s), kubelet");
        assert!(found[1].text.ends_with("exit status 32\nMounting command: mount\nOutput: mount.nfs: access denied"));
    }

    #[test]
    fn the_conditions_of_a_node_and_rows_of_get_events_are_found() {
        let node = "\
Conditions:
  Type             Status  LastHeartbeatTime                 LastTransitionTime                Reason              Message
  ----             ------  -----------------                 ------------------                ------              -------
  Ready            False   Sat, 21 Nov 2026 07:00:00 +0000   Sat, 21 Nov 2026 06:00:00 +0000   KubeletNotReady     container runtime network not ready
Addresses:
  InternalIP:  10.0.0.9
";
        let found = messages(node);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(
            (found[0].reason.as_deref(), &*found[0].text),
            (Some("KubeletNotReady"), "container runtime network not ready")
        );
        let rows = "LAST SEEN   TYPE      REASON        OBJECT       MESSAGE\n5s          Warning   FailedMount   pod/cart-0   no\n";
        assert_eq!(messages(rows)[0].place, "Warning, FailedMount, 5s, pod/cart-0");
    }

    #[test]
    fn a_message_amid_wide_rows_is_found_below_its_heading() {
        let rows = "\
LAST SEEN   TYPE      REASON        OBJECT       SUBOBJECT             SOURCE          MESSAGE              FIRST SEEN   COUNT   NAME
5s          Warning   FailedMount   pod/cart-0                         kubelet, n1     mount ü failed:  x   9s           3       cart-0.17
5s          Warning   Failed        pod/cart-0   spec.containers{web}  kubelet, n1     no image             9s           3       cart-0.18
";
        let found: Vec<_> = messages(rows).into_iter().map(|row| (row.reason.unwrap(), row.text, row.place)).collect();
        let row = |reason: &str, text: &str, place: &str| (reason.to_owned(), text.to_owned(), place.to_owned());
        assert_eq!(
            found,
            [
                row("FailedMount", "mount ü failed:  x", "Warning, FailedMount, 5s, pod/cart-0"),
                row("Failed", "no image", "Warning, Failed, 5s, pod/cart-0")
            ]
        );
    }

    #[test]
    fn a_description_without_events_has_nothing_to_explain() {
        let text = "Name:  cart-0\nEvents:  <none>\n";
        assert!(is_kubectl(text) && messages(text).is_empty());
    }
}
