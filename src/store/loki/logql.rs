//! What a `Query` becomes in LogQL. It may find too much, never too little: `Query::matches` decides what is meant.
//!
//! Every text of a user's goes through `quoted`, so that none can end the string that it stands in.

use std::fmt::Write;

use super::push::{JOB, LABEL_MAX};
use crate::store::query::{Needle, Query, UNKNOWN};

/// The longest piece of a search that Loki is asked for (bytes); an address has no room for more.
const PIECE_MAX: usize = 128;

/// The longest id that is looked for (bytes).
const ID_MAX: usize = 256;

/// The streams and lines that may hold what is meant, its text aside. The label `model` is not asked for: older taps wrote it as it was
/// sent, and each has its own models folded into `other`. Every spelling has the folded name in it, in some case.
pub fn streams(query: &Query) -> String {
    let mut selector = format!("{{job={}", quoted(JOB));
    let labels = [("endpoint", &query.endpoint), ("status", &query.status), ("prompt_category", &query.prompt_category)];
    for (name, value) in labels {
        if let Some(value) = value.as_ref().filter(|value| value.len() <= LABEL_MAX) {
            write!(selector, ",{name}={}", quoted(value)).ok();
        }
    }
    let model = query.model.as_ref().filter(|model| *model != UNKNOWN).map(|model| Needle::new(model));
    selector + "}" + &in_any_case(model.as_ref())
}

/// `streams`, and of their lines those that may hold the text.
pub fn lines(query: &Query) -> String {
    streams(query) + &in_any_case(query.prompt_search.as_ref())
}

/// A filter for the lines that may hold a text.
fn in_any_case(needle: Option<&Needle>) -> String {
    let piece = needle.map(piece).unwrap_or_default();
    if piece.is_empty() { String::new() } else { format!(" |~ {}", quoted(&format!("(?i){}", escaped(&piece)))) }
}

/// The lines that hold this id as a value. `None` where no record has such an id.
pub fn with_id(id: &str) -> Option<String> {
    let value = serde_json::to_string(id).ok().filter(|_| id.len() <= ID_MAX)?;
    Some(format!("{} |= {}", streams(&Query::default()), quoted(&value)))
}

/// The longest piece of the folded text that stands in a line of JSON as it is, in any case: ASCII letters, digits and what no
/// writer of JSON escapes.
fn piece(needle: &Needle) -> String {
    let as_it_is = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | ',' | ':' | ';' | '-' | '_' | '?' | '!' | '(' | ')');
    let pieces = needle.folded().split(|c| !as_it_is(c));
    // The one capital that folds to ASCII and more: İ becomes i and a dot, which Loki's (?i) does not do.
    let pieces = pieces.map(|piece| piece.trim_end_matches('i'));
    let longest = pieces.max_by_key(|piece| piece.len()).unwrap_or_default();
    longest[..longest.len().min(PIECE_MAX)].trim_end_matches('i').to_owned()
}

/// A text as a regular expression that matches it alone.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// A text as a string of LogQL: visible ASCII, and all else by its number.
fn quoted(text: &str) -> String {
    let mut string = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => string.extend(['\\', c]),
            ' '..='~' => string.push(c),
            _ => write!(string, "\\U{:08x}", u32::from(c)).unwrap_or_default(),
        }
    }
    string + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(text: &str) -> String {
        piece(&Needle::new(text))
    }

    #[test]
    fn no_text_can_leave_its_string() {
        let hostile = "\"} |= \"\\\n`{x=\u{7f}é🙂";
        assert_eq!(quoted(hostile), r#""\"} |= \"\\\U0000000a`{x=\U0000007f\U000000e9\U0001f642""#);
        let query = Query { endpoint: Some("a\"} or {job=\"".to_owned()), ..Query::default() };
        assert_eq!(streams(&query), r#"{job="ollama-tap",endpoint="a\"} or {job=\""}"#);
    }

    #[test]
    fn a_model_is_looked_for_in_lines_in_any_case() {
        let selector = |model: &str| streams(&Query { model: Some(model.to_owned()), ..Query::default() });
        assert_eq!(selector("llama3.2:1b"), r#"{job="ollama-tap"} |~ "(?i)llama3\\.2:1b""#);
        assert_eq!(selector("hf.co/somebody/x"), r#"{job="ollama-tap"} |~ "(?i)somebody""#);
        assert_eq!(selector("unknown"), r#"{job="ollama-tap"}"#);
        assert!(selector(&"x".repeat(10_000)).len() < 200);
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
        let query = Query { prompt_search: Some(Needle::new("Sky (1.5)?")), ..Query::default() };
        assert_eq!(lines(&query), r#"{job="ollama-tap"} |~ "(?i)sky \\(1\\.5\\)\\?""#);
    }

    #[test]
    fn an_id_is_found_as_a_whole_value() {
        assert_eq!(with_id("00ff").as_deref(), Some(r#"{job="ollama-tap"} |= "\"00ff\"""#));
        assert_eq!(with_id("a\"b\n").as_deref(), Some(r#"{job="ollama-tap"} |= "\"a\\\"b\\n\"""#));
        assert_eq!(with_id(&"0".repeat(ID_MAX + 1)), None);
    }
}
