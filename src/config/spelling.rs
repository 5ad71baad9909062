//! "Did you mean": the nearest of the words that would have been right.

/// The candidate that `word` was probably meant to be: the nearest by edits, if at most a third of it is wrong.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (edits(&word, &candidate.to_lowercase()), candidate))
        .filter(|(edits, candidate)| edits * 3 <= candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many characters must be put in, taken out or changed to make one word the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().take(80).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().take(80).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&to) {
            let here = (diagonal + usize::from(a != *b)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_word_that_was_meant() {
        let keys = ["events", "namespaces", "spread", "runbookURL"];
        assert_eq!(nearest("event", keys), Some("events"));
        assert_eq!(nearest("runbookUrl", keys), Some("runbookURL"));
        assert_eq!(nearest("namespace", keys), Some("namespaces"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
