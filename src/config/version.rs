//! `apiVersion`: which versions of the format this binary reads, and which are newer than it. Versions are ordered as
//! Kubernetes orders those of an API (v1alpha1 < v1beta1 < v1 < v2alpha1).

use super::reader::Section;

const GROUP: &str = "kubewhy.dev";
/// The version this binary reads, and which a file without `apiVersion` has.
const READS: Version = Version { major: 1, maturity: Maturity::Alpha(1) };

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u32,
    maturity: Maturity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Maturity {
    Alpha(u32),
    Beta(u32),
    Stable,
}

/// Takes `apiVersion`. After a newer one, keys that this binary does not know are notes: the file may be shared with
/// agents that are updated already.
pub(super) fn read(section: &mut Section<'_>) {
    let Some(item) = section.take("apiVersion") else { return };
    let Some(text) = item.text() else { return };
    let version = text.strip_prefix(GROUP).and_then(|rest| rest.strip_prefix('/')).and_then(parse);
    match version {
        Some(READS) => {}
        Some(version) if version > READS => {
            item.note(format!(
                "{text} is newer than this kubewhy, which reads {GROUP}/v1alpha1; what it does not know is ignored"
            ));
            section.be_lenient();
        }
        _ => {
            item.wrong::<()>(format!("{text} is no version of this file"), format!("write {GROUP}/v1alpha1"));
        }
    }
}

fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v')?;
    let (major, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let maturity = match (rest.strip_prefix("alpha"), rest.strip_prefix("beta")) {
        (Some(number), _) => Maturity::Alpha(number.parse().ok()?),
        (_, Some(number)) => Maturity::Beta(number.parse().ok()?),
        _ if rest.is_empty() => Maturity::Stable,
        _ => return None,
    };
    Some(Version { major: major.parse().ok()?, maturity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_kubernetes_orders_them() {
        let versions = ["v1alpha1", "v1alpha2", "v1beta1", "v1", "v2alpha1", "v10"].map(|text| parse(text).unwrap());
        assert!(versions.is_sorted());
        assert!(["1", "v", "v1gamma1", "v1alpha", "valpha1"].iter().all(|text| parse(text).is_none()));
    }
}
