//! What `kubectl describe pod` says of its containers' states: the only words there are once the Events are gone.
//! (kubectl: pkg/describe/describe.go describeStatus)

use super::input::Message;

/// Reasons of containers that wait as they should.
const AS_IT_SHOULD: &[&str] = &["ContainerCreating", "PodInitializing", "Completed"];

/// A state while its lines are read.
#[derive(Default)]
struct State<'a> {
    container: &'a str,
    /// `Waiting` or `Terminated`.
    name: &'a str,
    reason: &'a str,
    message: String,
}

/// What the states of containers that wait or ended say.
pub(super) fn messages(text: &str) -> Vec<Message> {
    let mut found = Vec::new();
    let mut state = State::default();
    let mut in_message = false;
    for line in text.lines() {
        let Some((indent, key, value)) = field(line) else {
            if in_message {
                state.message.push('\n');
                state.message.push_str(line.trim());
            }
            continue;
        };
        in_message = false;
        match (indent, key) {
            (6, "Reason") => state.reason = value,
            (6, "Message") => {
                value.clone_into(&mut state.message);
                in_message = true;
            }
            (0..=4, _) => {
                found.extend(state.told());
                state = state.followed_by(indent, key, value);
            }
            _ => {}
        }
    }
    found.extend(state.told());
    found
}

impl<'a> State<'a> {
    fn followed_by(&self, indent: usize, key: &'a str, value: &'a str) -> Self {
        match (indent, key) {
            (2, container) => Self { container, ..Self::default() },
            (4, "State" | "Last State") => Self { container: self.container, name: value, ..Self::default() },
            (4, _) => Self { container: self.container, ..Self::default() },
            _ => Self::default(),
        }
    }

    /// One that waits says something by its reason alone.
    fn told(&self) -> Option<Message> {
        let text = match self.name {
            "Waiting" if self.message.is_empty() => self.reason,
            "Waiting" | "Terminated" => self.message.trim(),
            _ => "",
        };
        let says = !text.is_empty() && !self.container.is_empty() && !AS_IT_SHOULD.contains(&self.reason);
        says.then(|| Message {
            reason: Some(self.reason.to_owned()).filter(|reason| !reason.is_empty()),
            text: text.to_owned(),
            place: format!("container {}, {}, {}", self.container, self.name, self.reason),
        })
    }
}

/// Indentation, key and value of `    State:          Waiting`. Keys begin with a capital, names of containers stand alone.
fn field(line: &str) -> Option<(usize, &str, &str)> {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let (key, value) = line.trim().split_once(':')?;
    let known = match indent {
        2 => value.is_empty() && !key.contains(' '),
        0 | 4 | 6 => key.starts_with(|c: char| c.is_ascii_uppercase()) && (value.is_empty() || value.starts_with("  ")),
        _ => false,
    };
    known.then(|| (indent, key, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "\
Name:             cart-0
Containers:
  web:
    Image:          shop/cart:1
    State:          Waiting
      Reason:       CreateContainerConfigError
      Message:      secret \"db\" not found
    Ready:          False
  side:
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       ContainerCannotRun
      Message:      exec failed
no such file
      Exit Code:    127
  late:
    State:          Waiting
      Reason:       ContainerCreating
Conditions:
  Type              Status
Events:  <none>
";

    #[test]
    fn containers_that_wait_or_ended_say_why() {
        let found = messages(POD);
        let places: Vec<_> = found.iter().map(|message| (&*message.place, &*message.text)).collect();
        assert_eq!(
            places,
            [
                ("container web, Waiting, CreateContainerConfigError", "secret \"db\" not found"),
                ("container side, Waiting, CrashLoopBackOff", "CrashLoopBackOff"),
                ("container side, Terminated, ContainerCannotRun", "exec failed\nno such file"),
            ]
        );
        assert_eq!(found[0].reason.as_deref(), Some("CreateContainerConfigError"));
    }
}
