//! Words that were typed wrong, and what they were meant to be.

/// So many letters may be wrong, missing or too many.
const DISTANCE_MAX: usize = 2;

/// Returns those of `known` that are closest to `word`, if any is close; none where the word is one of them.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let measured: Vec<(usize, &str)> = known
        .into_iter()
        .map(|known| (distance(word, known), known))
        .collect();
    let least = measured.iter().map(|(distance, _)| *distance).min();
    match least {
        Some(least @ 1..=DISTANCE_MAX) => measured
            .into_iter()
            .filter(|(distance, _)| *distance == least)
            .map(|(_, known)| known)
            .collect(),
        _ => Vec::new(),
    }
}

/// "did you mean `a` or `b`?" of such words.
pub fn did_you_mean(closest: &[&str]) -> String {
    let quoted: Vec<String> = closest.iter().map(|word| format!("`{word}`")).collect();
    format!("did you mean {}?", quoted.join(" or "))
}

/// The letters to change, leave out or put in between the two words (Levenshtein's distance).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_closest_words_are_found_and_no_others() {
        let known = ["serve", "search", "stats", "start", "show"];
        for (word, expected) in [
            ("serach", &["search"][..]),
            ("stat", &["stats", "start"]),
            ("server", &["serve"]),
            ("search", &[]),
            ("surely", &[]),
            ("", &[]),
        ] {
            assert_eq!(closest(word, known), expected, "{word}");
        }
        assert_eq!(did_you_mean(&["a", "b"]), "did you mean `a` or `b`?");
    }

    proptest! {
        #[test]
        fn the_distance_is_a_distance(a in "[a-c]{0,6}", b in "[a-c]{0,6}", c in "[a-c]{0,6}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
            prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c));
        }
    }
}
