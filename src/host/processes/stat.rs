//! The line of numbers that the kernel keeps of each process: `/proc/PID/stat`. Reads what it is given, and no file.

/// The kernel's own name of a process is cut off here (Linux: TASK_COMM_LEN), or before where a wrapper begins it with a dot.
const NAME_AT_MOST: usize = 14;

/// What its line of numbers says of a process: it is read without its memory (Linux: proc_pid_stat(5)).
#[derive(Debug, PartialEq, Eq)]
pub struct Stat {
    /// The kernel's own name of it, cut off after 15 bytes.
    pub name: String,
    /// As in [`Process::state`](super::Process::state).
    pub state: char,
    /// Who started it, or took it over.
    pub parent: u32,
    /// When it was started, in ticks since boot.
    pub start: u64,
}

impl Stat {
    /// Reads the line. The second field is a name in parentheses, which may hold anything; state, parent and start are the
    /// third, the fourth and the 22nd.
    #[must_use]
    pub fn parse(stat: &str) -> Option<Self> {
        let (before, rest) = stat.rsplit_once(')')?;
        let name = before.split_once('(')?.1.to_owned();
        let mut fields = rest.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        Some(Self { name, state, parent, start: fields.nth(17)?.parse().ok()? })
    }

    /// It may be one of these programs, or one whose name begins as theirs does: `k3s-server`, `.kubelet-wrapped`.
    pub(super) fn is_of(&self, programs: &[&str]) -> bool {
        let name = self.name.trim_start_matches('.');
        programs.iter().any(|program| name.starts_with(program.get(..NAME_AT_MOST).unwrap_or(program)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_stat_line_may_hold_anything() {
        let numbers = "1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0";
        let line = format!("7 (a) Z b) S {numbers} 1234 1000 1");
        assert_eq!(Stat::parse(&line), Some(Stat { name: "a) Z b".to_owned(), state: 'S', parent: 1, start: 1234 }));
        for line in ["", "7 (a", "7 (a) S", "7 (a) S 1 2 3"] {
            assert_eq!(Stat::parse(line), None, "{line}");
        }
    }
}
