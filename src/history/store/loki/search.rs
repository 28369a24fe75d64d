//! Searching texts on Loki's side: a filter that finds lines quickly, and a test that decides about the prompt in them as we would.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::OnceLock;

use super::quoting::{escaped, quoted};
use crate::history::store::query::{Needle, Query, fold};

/// The longest piece of a search that Loki is asked for (bytes); an address has no room for more.
const PIECE_MAX: usize = 128;

/// The characters of the longest text for which `test` decides: each becomes a dozen bytes and more of an address.
const TESTED_MAX: usize = 60;

/// Where a combining dot may be the rest of the one capital that folds to two characters.
const DOT: char = '\u{307}';

/// Whether `test` decides about a text as we do, so that what it finds need not be looked at again: a text that ends in `i` may be the
/// beginning of what that capital folds to, and Loki reads what is no character as a space.
pub fn is_decided(needle: &Needle) -> bool {
    let folded = needle.folded();
    folded.chars().count() <= TESTED_MAX
        && !folded.contains([DOT, char::REPLACEMENT_CHARACTER])
        && !folded.ends_with('i')
}

/// Lines that may hold the text that is searched for.
pub fn filter(query: &Query) -> String {
    query
        .prompt_search
        .as_ref()
        .map(in_any_case)
        .unwrap_or_default()
}

/// A filter for lines that may hold a text.
pub fn in_any_case(needle: &Needle) -> String {
    let piece = piece(needle);
    if piece.is_empty() {
        String::new()
    } else {
        format!(" |~ {}", quoted(&format!("(?i){}", escaped(&piece))))
    }
}

/// Of these, those that hold it in the prompt, or in as much of it as was kept.
pub fn test(query: &Query) -> String {
    let Some(needle) = query
        .prompt_search
        .as_ref()
        .filter(|needle| is_decided(needle))
    else {
        return String::new();
    };
    let pattern = quoted(&format!("(?s).*{}.*", pattern(needle.folded())));
    let labels = "full=\"prompt_full\", preview=\"prompt_preview\"";
    format!(" | json {labels} | full=~{pattern} or (full=\"\" and preview=~{pattern})")
}

/// The longest piece of the folded text that stands in a line of JSON as it is, in any case: ASCII letters, digits and what no
/// writer of JSON escapes.
fn piece(needle: &Needle) -> String {
    let as_it_is = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                ' ' | '.' | ',' | ':' | ';' | '-' | '_' | '?' | '!' | '(' | ')'
            )
    };
    let pieces = needle.folded().split(|c| !as_it_is(c));
    // The one capital that folds to ASCII and more: İ becomes i and a dot, which Loki's (?i) does not do.
    let pieces = pieces.map(|piece| piece.trim_end_matches('i'));
    let longest = pieces.max_by_key(|piece| piece.len()).unwrap_or_default();
    longest[..longest.len().min(PIECE_MAX)]
        .trim_end_matches('i')
        .to_owned()
}

/// A regular expression for every text that folds to this one.
fn pattern(folded: &str) -> String {
    let mut pattern = String::new();
    for c in folded.chars() {
        match unfolded().get(&c) {
            Some(others) => write!(
                pattern,
                "[{}{}]",
                class(c),
                others.iter().copied().map(class).collect::<String>()
            )
            .unwrap_or_default(),
            None => pattern.push_str(&escaped(&c.to_string())),
        }
    }
    pattern
}

/// A character within brackets.
fn class(c: char) -> String {
    if c.is_ascii_punctuation() {
        format!("\\{c}")
    } else {
        c.to_string()
    }
}

/// For each character that others fold to, these others.
fn unfolded() -> &'static HashMap<char, Vec<char>> {
    static UNFOLDED: OnceLock<HashMap<char, Vec<char>>> = OnceLock::new();
    UNFOLDED.get_or_init(|| {
        let mut unfolded: HashMap<char, Vec<char>> = HashMap::new();
        for c in '\0'..=char::MAX {
            let folded = fold(c.encode_utf8(&mut [0; 4]));
            let mut chars = folded.chars();
            if let (Some(first), None) = (chars.next(), chars.next())
                && first != c
            {
                unfolded.entry(first).or_default().push(c);
            }
        }
        unfolded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(text: &str) -> String {
        piece(&Needle::new(text))
    }

    fn query(text: &str) -> Query {
        Query {
            prompt_search: Some(Needle::new(text)),
            ..Query::default()
        }
    }

    #[test]
    fn only_what_json_leaves_as_it_is_filters_lines() {
        for (text, expected) in [
            ("Why is the SKY", "why is the sky"),
            ("say \"hello there\" now", "hello there"),
            ("C:\\new folder\\x", "new folder"),
            ("空は青い", ""),
            ("über alle", "ber alle"),
            ("Taxi", "tax"),
            ("Xİ y", " y"),
            ("Xİ", "x"),
            ("iii", ""),
            ("\0a\nbc", "bc"),
        ] {
            assert_eq!(searched(text), expected, "{text:?}");
        }
        assert!(searched(&"ab ".repeat(1000)).len() <= PIECE_MAX);
        assert_eq!(
            filter(&query("Sky (1.5)?")),
            r#" |~ "(?i)sky \\(1\\.5\\)\\?""#
        );
        assert_eq!(filter(&Query::default()), "");
    }

    #[test]
    fn every_letter_is_tested_in_each_of_its_cases() {
        assert_eq!(pattern("k"), "[kK\u{212a}]");
        assert_eq!(pattern("σß"), "[σΣς][ßẞ]");
        assert_eq!(pattern("1.空"), "1\\.空");
        assert!(test(&query("sky")).contains("(?s).*[sS][kK\\U0000212a][yY].*"));
    }

    #[test]
    fn what_loki_could_decide_otherwise_is_decided_here() {
        for awkward in ["taxi", "a\u{fffd}", &"x".repeat(61), "İ"] {
            assert!(
                !is_decided(&Needle::new(awkward)) && test(&query(awkward)).is_empty(),
                "{awkward}"
            );
        }
        assert!(is_decided(&Needle::new("why is the sky")) && is_decided(&Needle::new("空は青い")));
    }
}
