//! Shows where in a record a text was found.

use std::ops::Range;

use crate::history::record::Record;
use crate::history::store::Query;
use crate::history::store::query::Needle;
use crate::util::layout::truncate;
use crate::util::sanitize::escape_control_chars;
use crate::util::screen::{Screen, Style};

/// The texts that a query looks for.
pub fn needles(query: &Query) -> Vec<&Needle> {
    let needles = [&query.prompt_search, &query.q].into_iter().flatten();
    needles
        .filter(|needle| !needle.folded().is_empty())
        .collect()
}

/// The text, its control characters escaped, what is looked for in it painted, all else in `style`.
pub fn highlight(screen: &Screen, style: Style, text: &str, needles: &[&Needle]) -> String {
    let text = escape_control_chars(text);
    let mut rest: &str = &text;
    let mut out = String::new();
    let first = |rest: &str| {
        let found = needles.iter().filter_map(|needle| needle.find(rest));
        found.min_by_key(|range| range.start)
    };
    while let Some(range) = first(rest).filter(|range| !range.is_empty()) {
        out += &screen.paint(style, &rest[..range.start]);
        out += &screen.paint(Style::Match, &rest[range.clone()]);
        rest = &rest[range.end..];
    }
    out + &screen.paint(style, rest)
}

/// The part of a record where a text was found that `shown` does not have, under the name of that part: at most `width` columns.
pub fn snippet(record: &Record, needle: &Needle, shown: &[&str], width: usize) -> Option<String> {
    if shown.iter().any(|text| needle.is_in(Some(text))) {
        return None;
    }
    let (name, text, range) = parts(record).find_map(|(name, text)| {
        let range = needle.find(text)?;
        Some((name, text, range))
    })?;
    Some(truncate(
        &format!("{name}: {}", around(text, range, width)),
        width,
    ))
}

/// The texts of a record, each with its name.
fn parts(record: &Record) -> impl Iterator<Item = (&'static str, &str)> {
    let reply = record.response_full.as_deref();
    let texts = [
        ("prompt", record.searchable()),
        ("reply", reply.or(record.response_preview.as_deref())),
        ("thinking", record.thinking_full.as_deref()),
        ("error", record.error.as_deref()),
        ("system", record.system.as_deref()),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)));
    // The conversation has all texts; what has no better name is in a message.
    texts.chain(record.all_texts().map(|text| ("message", text)))
}

/// What stands around a place in a text, in one line: rather more than a screen holds.
fn around(text: &str, range: Range<usize>, width: usize) -> String {
    let before = text[..range.start].char_indices().rev();
    let from = before
        .take(width / 3)
        .last()
        .map_or(range.start, |(at, _)| at);
    let piece: String = text[from..].chars().take(width).collect();
    let dots = if from > 0 { "…" } else { "" };
    format!("{dots}{}", escape_control_chars(&piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_for_is_painted_wherever_it_is() {
        let coloured = Screen {
            has_color: true,
            width: None,
        };
        let (sky, blue) = (Needle::new("sky"), Needle::new("BLUE"));
        let found = highlight(&coloured, Style::Plain, "Sky\n blue sky", &[&sky, &blue]);
        let hit = |text: &str| format!("\u{1b}[1;31m{text}\u{1b}[0m");
        let expected = format!("{}\\n {} {}", hit("Sky"), hit("blue"), hit("sky"));
        assert_eq!(found, expected);
        let plain = highlight(&Screen::default(), Style::Dim, "a\u{1b}b", &[]);
        assert_eq!(plain, r"a\u{1b}b");
    }

    #[test]
    fn what_is_not_shown_is_told_with_its_surroundings() {
        let long = format!("{}the needle{}", "x".repeat(500), "y".repeat(500));
        let record = Record {
            prompt_preview: Some("beginning".to_owned()),
            response_full: Some(long),
            ..Record::default()
        };
        let needle = Needle::new("NEEDLE");
        let told = snippet(&record, &needle, &["beginning"], 40).unwrap();
        assert!(told.starts_with("reply: …xxx"), "{told}");
        assert!(
            told.contains("the needleyyy") && told.ends_with('…'),
            "{told}"
        );
        assert_eq!(told.chars().count(), 40);
        assert_eq!(snippet(&record, &needle, &["a needle"], 40), None);
        assert_eq!(snippet(&record, &Needle::new("other"), &[], 40), None);
    }
}
