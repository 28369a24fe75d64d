//! `ollama-tap search`: the newest requests that are meant, two or three lines each, or as JSON.

use std::process::ExitCode;

use super::format::{LINE_WIDTH, duration, format_time, truncate};
use super::source::{HistorySource, Purpose};
use super::table::Table;
use super::{combine, filter, print, query_config, usage};
use crate::cli::SearchArgs;
use crate::error::Result;
use crate::history::record::Record;
use crate::history::store::query::UNKNOWN_NAME;
use crate::util::numbers::thousands;
use crate::util::sanitize::escape_control_chars;
use crate::util::stderr;

/// Records that are shown by default.
const LIMIT: &str = "10";

/// Columns that stand left: time, model, endpoint and status.
const LEFT: usize = 4;

/// A name in a column is cut to this (characters).
const NAME_MAX: usize = 32;

pub fn run(args: &SearchArgs) -> Result<ExitCode> {
    let text = Some(args.text.join(" "));
    let limit = args.limit.clone().or_else(|| Some(LIMIT.to_owned()));
    let mut flags = vec![
        ("TEXT", &text),
        ("--limit", &limit),
        ("--before", &args.before),
    ];
    flags.extend(args.filters());
    let (config, query) =
        combine(query_config(args.location()), filter::query(&flags)).map_err(usage)?;
    let source = HistorySource::open(&config, Purpose::Search)?;
    let records = source.newest(&query)?;
    if records.is_empty() {
        source.expect_records()?;
        stderr::say(format_args!(
            "ollama-tap: no record matches in {}",
            source.origin()?
        ));
    }
    let printed = print(&if args.json {
        json(&records)
    } else {
        page(&records)
    })?;
    Ok(match records.is_empty() {
        true => ExitCode::FAILURE,
        false => printed,
    })
}

fn json(records: &[Record]) -> String {
    serde_json::to_string_pretty(records).unwrap_or_default() + "\n"
}

fn page(records: &[Record]) -> String {
    let mut table = Table::new(LEFT);
    records.iter().for_each(|record| table.row(head(record)));
    let heads = table.lines();
    records
        .iter()
        .zip(heads)
        .map(|(record, head)| format!("{head}\n{}", below(record)))
        .collect()
}

fn head(record: &Record) -> [String; 6] {
    let tokens = |count: Option<u64>| count.map_or("-".to_owned(), thousands);
    let name = |text: &str| truncate(&escape_control_chars(text), NAME_MAX);
    let cached = record
        .prompt_cached_tokens
        .map(|tokens| format!(" ({} cached)", thousands(tokens)))
        .unwrap_or_default();
    let about = if record.tokens_estimated == Some(true) {
        "~"
    } else {
        ""
    };
    [
        format_time(record.timestamp),
        name(record.model.as_deref().unwrap_or(UNKNOWN_NAME)),
        name(&record.endpoint),
        name(&record.status),
        format!(
            "{}{cached} > {about}{} tokens",
            tokens(record.prompt_tokens),
            tokens(record.generated_tokens)
        ),
        duration(record.duration_seconds),
    ]
}

/// The lines below the first: id and prompt, and what went wrong.
fn below(record: &Record) -> String {
    let line = |text: String| truncate(&text, LINE_WIDTH) + "\n";
    let id = escape_control_chars(&record.interaction_id);
    let prompt = record
        .prompt_preview
        .as_deref()
        .or(record.prompt_full.as_deref())
        .unwrap_or_default();
    let prompt: String = prompt.chars().take(LINE_WIDTH).collect();
    let mut lines = line(format!("    {id}  {}", escape_control_chars(&prompt)));
    if let Some(error) = &record.error {
        lines += &line(format!("    error: {}", escape_control_chars(error)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            interaction_id: "00000000000000ff".to_owned(),
            timestamp: 1_795_252_622.5,
            model: Some("phi4".to_owned()),
            endpoint: "api/chat".to_owned(),
            status: "success".to_owned(),
            prompt_preview: Some("Why is\nthe sky \u{1b}[31mblue?".to_owned()),
            prompt_tokens: Some(12),
            generated_tokens: Some(1234),
            duration_seconds: Some(1.2),
            ..Record::default()
        }
    }

    #[test]
    fn a_record_is_two_lines_and_its_error_a_third() {
        let broken = Record {
            error: Some("model 'x'\r\nnot found".to_owned()),
            ..Record {
                model: None,
                ..record()
            }
        };
        let page = page(&[record(), broken]);
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines.len(), 5, "{page}");
        assert!(
            lines[0].ends_with("  phi4     api/chat  success  12 > 1,234 tokens  1.20 s"),
            "{page}"
        );
        assert_eq!(
            lines[1],
            r"    00000000000000ff  Why is\nthe sky \u{1b}[31mblue?"
        );
        assert!(lines[2].contains("  unknown  api/chat"), "{page}");
        assert_eq!(lines[4], r"    error: model 'x'\r\nnot found");
    }

    #[test]
    fn nothing_foreign_reaches_the_terminal_or_breaks_a_line() {
        let evil = "\u{1b}]0;x\u{7}\n\u{9b}2J".repeat(200);
        let all = Record {
            interaction_id: evil.clone(),
            model: Some(evil.clone()),
            endpoint: evil.clone(),
            status: evil.clone(),
            prompt_preview: Some(evil.clone()),
            error: Some(evil),
            ..Record::default()
        };
        let page = page(&[all]);
        assert!(
            page.chars().all(|c| c == '\n' || !c.is_control()),
            "{page:?}"
        );
        assert_eq!(page.lines().count(), 3, "{page}");
        assert!(
            page.lines()
                .all(|line| line.chars().count() <= 2 * LINE_WIDTH),
            "{page}"
        );
    }

    #[test]
    fn unknown_and_estimated_numbers_are_told_as_such() {
        let row = head(&Record {
            tokens_estimated: Some(true),
            generated_tokens: Some(3),
            ..Record::default()
        });
        assert_eq!((row[4].as_str(), row[5].as_str()), ("- > ~3 tokens", "-"));
    }
}
