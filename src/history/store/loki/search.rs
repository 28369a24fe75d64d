//! Search in texts inside Loki: a filter that finds lines quickly, and an exact one that decides
//! about the prompt as `Query::matches` does.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::OnceLock;

use super::quoting::{escaped, quoted};
use crate::history::store::query::{Needle, Query, fold};

/// The longest text of a search that Loki is asked for (bytes); a URL has no room for more.
const PIECE_MAX: usize = 128;

/// The most characters of a text for `exact_filter`: each takes a dozen bytes and more in a URL.
const EXACT_CHARS_MAX: usize = 60;

/// The combining dot, which may be the rest of the one capital that folds to two characters.
const DOT: char = '\u{307}';

/// Returns whether `exact_filter` decides about a text as we do, so that its results need not be
/// checked again: a text that ends in `i` may be the beginning of the two characters that capital
/// folds to, and Loki reads an invalid character as a space.
pub fn is_exact(needle: &Needle) -> bool {
    let folded = needle.folded();
    folded.chars().count() <= EXACT_CHARS_MAX
        && !folded.contains([DOT, char::REPLACEMENT_CHARACTER])
        && !folded.ends_with('i')
}

/// Filters lines that may have the text that is searched for in prompts.
pub fn line_filter(query: &Query) -> String {
    let needle = query.prompt_search.as_ref();
    needle.map(in_any_case).unwrap_or_default()
}

/// Filters lines that may have the text that is searched for everywhere.
pub fn line_filter_anywhere(query: &Query) -> String {
    query.q.as_ref().map(in_any_case).unwrap_or_default()
}

/// Filters lines that may have this text.
pub fn in_any_case(needle: &Needle) -> String {
    let piece = piece(needle);
    if piece.is_empty() {
        String::new()
    } else {
        format!(" |~ {}", quoted(&format!("(?i){}", escaped(&piece))))
    }
}

/// Filters those of them that have it in the prompt, or in the stored part of it.
pub fn exact_filter(query: &Query) -> String {
    let Some(needle) = query
        .prompt_search
        .as_ref()
        .filter(|needle| is_exact(needle))
    else {
        return String::new();
    };
    let pattern = quoted(&format!("(?s).*{}.*", pattern(needle.folded())));
    let labels = "full=\"prompt_full\", preview=\"prompt_preview\"";
    format!(" | json {labels} | full=~{pattern} or (full=\"\" and preview=~{pattern})")
}

/// Returns the longest piece of the folded text that is unchanged in a line of JSON, in any case:
/// ASCII letters, digits and characters that no JSON writer escapes.
fn piece(needle: &Needle) -> String {
    let as_it_is = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                ' ' | '.' | ',' | ':' | ';' | '-' | '_' | '?' | '!' | '(' | ')'
            )
    };
    let pieces = needle.folded().split(|c| !as_it_is(c));
    // The one capital that folds to ASCII and more: İ becomes i and a dot, which Loki's (?i) does
    // not do.
    let pieces = pieces.map(|piece| piece.trim_end_matches('i'));
    let longest = pieces.max_by_key(|piece| piece.len()).unwrap_or_default();
    longest[..longest.len().min(PIECE_MAX)]
        .trim_end_matches('i')
        .to_owned()
}

/// Returns a regular expression for every text that folds to this one.
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

/// Writes a character within brackets.
fn class(c: char) -> String {
    if c.is_ascii_punctuation() {
        format!("\\{c}")
    } else {
        c.to_string()
    }
}

/// Maps each character that others fold to, to these others.
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
            line_filter(&query("Sky (1.5)?")),
            r#" |~ "(?i)sky \\(1\\.5\\)\\?""#
        );
        assert_eq!(line_filter(&Query::default()), "");
    }

    #[test]
    fn every_letter_is_tested_in_each_of_its_cases() {
        assert_eq!(pattern("k"), "[kK\u{212a}]");
        assert_eq!(pattern("σß"), "[σΣς][ßẞ]");
        assert_eq!(pattern("1.空"), "1\\.空");
        assert!(exact_filter(&query("sky")).contains("(?s).*[sS][kK\\U0000212a][yY].*"));
    }

    #[test]
    fn what_loki_could_decide_otherwise_is_decided_here() {
        for awkward in ["taxi", "a\u{fffd}", &"x".repeat(61), "İ"] {
            assert!(
                !is_exact(&Needle::new(awkward)) && exact_filter(&query(awkward)).is_empty(),
                "{awkward}"
            );
        }
        assert!(is_exact(&Needle::new("why is the sky")) && is_exact(&Needle::new("空は青い")));
    }
}
