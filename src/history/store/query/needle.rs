//! Text that is searched for in any case.

use std::ops::Range;

/// A text to find in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    text: String,
    folded: String,
}

impl Needle {
    pub fn new(text: &str) -> Needle {
        Needle {
            text: text.to_owned(),
            folded: fold(text),
        }
    }

    /// Returns the text as it was asked for.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text as `fold` makes it.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    pub fn is_in(&self, text: Option<&str>) -> bool {
        text.is_some_and(|text| fold(text).contains(&self.folded))
    }

    /// Returns where it is in a text for the first time (bytes).
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        let from = fold(text).find(&self.folded)?;
        let to = from + self.folded.len();
        let (mut folded, mut found) = (0, None);
        for (at, c) in text.char_indices() {
            let end = folded + folded_length(c);
            let start = *found.get_or_insert(at);
            if end <= from {
                found = None;
            } else if end >= to {
                return Some(start..at + c.len_utf8());
            }
            folded = end;
        }
        None
    }
}

/// Folds the case of a text: letters that differ in case only become the same, wherever they are. A
/// sigma at a word's end is one like any other.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(fold_char).collect()
    }
}

fn fold_char(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c })
}

/// Returns the bytes of what a character folds to.
fn folded_length(c: char) -> usize {
    fold_char(c).map(char::len_utf8).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_where_it_stands_whatever_its_case() {
        for (text, needle, expected) in [
            ("why is the sky blue", "SKY", Some("sky")),
            ("Über İstanbul", "STAN", Some("stan")),
            ("ΟΔΟΣ", "δος", Some("ΔΟΣ")),
            ("aİb", "i\u{307}b", Some("İb")),
            ("空は青い", "青", Some("青")),
            ("x", "y", None),
            ("", "y", None),
        ] {
            let found = Needle::new(needle).find(text);
            assert_eq!(found.map(|range| &text[range]), expected, "{text}");
        }
    }
}
