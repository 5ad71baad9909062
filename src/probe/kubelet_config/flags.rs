//! The kubelet's flags that say what its configuration may say too (Kubernetes: AddKubeletConfigFlags in
//! cmd/kubelet/app/options/options.go): they go over all files. Pure.

use super::words::Words;
use crate::host::Lost;

enum Kind {
    Word,
    /// Alone it is true.
    Switch,
    /// `a<1,b<2`: the first of them takes the place of all that was said, the next ones add to it.
    Map,
}

const FLAGS: &[(&str, &str, Kind)] = &[
    ("healthz-port", "healthzPort", Kind::Word),
    ("healthz-bind-address", "healthzBindAddress", Kind::Word),
    ("resolv-conf", "resolvConf", Kind::Word),
    ("cgroup-driver", "cgroupDriver", Kind::Word),
    ("image-gc-high-threshold", "imageGCHighThresholdPercent", Kind::Word),
    ("fail-swap-on", "failSwapOn", Kind::Switch),
    ("fail-cgroupv1", "failCgroupV1", Kind::Switch),
    ("eviction-hard", "evictionHard", Kind::Map),
];

/// Takes them from a command line as pflag does: the last of a name counts, and `_` is as good as `-`.
///
/// # Errors
/// One of them says what makes no sense.
pub(super) fn take(words: &mut Words, command: &[String]) -> Result<(), Lost> {
    let mut mapped = false;
    let mut rest = command.iter().skip(1);
    while let Some(word) = rest.next() {
        let (flag, value) = word.split_once('=').map_or((&**word, None), |(flag, value)| (flag, Some(value)));
        let Some(flag) = flag.strip_prefix("--").map(|flag| flag.replace('_', "-")) else { continue };
        let Some((_, name, kind)) = FLAGS.iter().find(|(known, ..)| **known == flag) else { continue };
        let mut value = || value.or_else(|| rest.next().map(String::as_str)).ok_or_else(|| senseless(word));
        match kind {
            Kind::Word => words.put(name, value()?),
            Kind::Switch if !word.contains('=') => words.put(name, "true"),
            Kind::Switch => words.put(name, truth(value()?).ok_or_else(|| senseless(word))?),
            Kind::Map => {
                if !std::mem::replace(&mut mapped, true) {
                    words.empty(name);
                }
                for pair in value()?.split(',').filter(|pair| !pair.is_empty()) {
                    let (key, least) = pair.split_once('<').ok_or_else(|| senseless(word))?;
                    words.put(&format!("{name}.{}", key.trim()), least.trim());
                }
            }
        }
    }
    Ok(())
}

/// As Go reads it (strconv.ParseBool).
fn truth(word: &str) -> Option<&'static str> {
    match word {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some("true"),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some("false"),
        _ => None,
    }
}

fn senseless(word: &str) -> Lost {
    Lost::Invalid(format!("the kubelet's flag {word} makes no sense"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(line: &str) -> Result<Words, Lost> {
        let mut words = Words::parse("evictionHard: {nodefs.available: 5%}\nhealthzPort: 1\nfailSwapOn: true").unwrap();
        let command: Vec<String> = line.split(' ').map(str::to_owned).collect();
        take(&mut words, &command).map(|()| words)
    }

    #[test]
    fn the_last_flag_of_a_name_goes_over_the_file() {
        let words = taken("kubelet --healthz-port=2 --fail_swap_on=false --v 2 --healthz-port 0").unwrap();
        assert_eq!((words.said("healthzPort"), words.said("failSwapOn")), (Some("0"), Some("false")));
        assert_eq!(words.said("evictionHard.nodefs.available"), Some("5%"));
        assert_eq!(taken("kubelet --fail-swap-on --fail-cgroupv1=F").unwrap().said("failCgroupV1"), Some("false"));
        assert_eq!(taken("kubelet --resolv-conf=").unwrap().said("resolvConf"), Some(""));
    }

    #[test]
    fn thresholds_of_flags_take_the_place_of_all_that_the_file_names() {
        let words =
            taken("kubelet --eviction-hard=memory.available<1Gi, --eviction-hard imagefs.available<3%").unwrap();
        let of = |signal: &str| words.said(&format!("evictionHard.{signal}"));
        assert_eq!((of("memory.available"), of("imagefs.available")), (Some("1Gi"), Some("3%")));
        assert_eq!(of("nodefs.available"), None);
        assert!(taken("kubelet --eviction-hard=").unwrap().has("evictionHard"));
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        for line in ["k --fail-swap-on=no", "k --eviction-hard=memory.available", "k --healthz-port"] {
            assert!(matches!(taken(line), Err(Lost::Invalid(_))), "{line}");
        }
    }
}
