//! `ollama-tap search`: the newest requests that are meant, or the longest, two or three lines each, or as JSON.

use std::process::ExitCode;

use super::format::{count, duration, format_time};
use super::found::{highlight, needles, snippet};
use super::source::HistorySource;
use super::table::{Cell, Column, Table, Widths};
use super::{UsageErrors, combine, filter, follow, json, models, print, query_config, usage};
use crate::cli::SearchArgs;
use crate::error::Result;
use crate::history::record::Record;
use crate::history::store::query::{Needle, UNKNOWN_NAME};
use crate::observe::exchange::Outcome;
use crate::util::layout::truncate;
use crate::util::numbers::thousands;
use crate::util::sanitize::escape_control_chars;
use crate::util::screen::{Screen, Style};
use crate::util::stderr;

/// Records that are shown by default.
const LIMIT: &str = "10";

/// Time, model, endpoint, status, tokens, those from the cache, duration.
const COLUMNS: [Column; 7] = [
    Column::word(),
    Column::name(),
    Column::word().leave_out(2),
    Column::word(),
    Column::word().leave_out(1),
    Column::number().leave_out(3),
    Column::number(),
];

/// The columns of a line of text where there is no terminal.
const TEXT_WIDTH: usize = 100;

/// How far the lines below the first stand in.
const INDENT: &str = "    ";

pub fn run(args: &SearchArgs) -> Result<ExitCode> {
    let text = Some(args.text.join(" "));
    let limit = args.limit.clone().or_else(|| Some(LIMIT.to_owned()));
    let mut flags = vec![
        ("TEXT", &text),
        ("--limit", &limit),
        ("--sort", &args.sort),
        ("--before", &args.before),
    ];
    flags.extend(args.filters());
    let (config, (query, ())) = combine(
        query_config(args.location()),
        combine(filter::query(&flags), follows(args)),
    )
    .map_err(usage)?;
    if args.follow {
        return follow::run(&config, query, args.json);
    }
    let source = HistorySource::open(&config)?;
    let query = source.with_whole_ids(query)?;
    let records = source.newest(&query)?;
    if records.is_empty() {
        let extent = source.expect_records()?;
        let origin = source.origin()?;
        stderr::say(format_args!("ollama-tap: no record matches in {origin}"));
        let models = models::besides(&source, &query, &extent);
        if !models.is_empty() {
            stderr::say(format_args!("ollama-tap: {models}"));
        }
    }
    let printed = print(&if args.json {
        json(&records)
    } else {
        let screen = Screen::stdout();
        page(&records, &needles(&query), &screen) + &hint(&records, &screen)
    })?;
    Ok(match records.is_empty() {
        true => ExitCode::FAILURE,
        false => printed,
    })
}

/// How to read one of them whole, for people at a terminal.
fn hint(records: &[Record], screen: &Screen) -> String {
    let first = records.first().filter(|_| screen.width.is_some());
    first.map_or(String::new(), |record| {
        let command = format!("ollama-tap show {}", record.interaction_id);
        let told = format!("one of them whole: {command}");
        format!("\n{}", screen.paragraph(Style::Dim, &told))
    })
}

/// Checks that what goes with `--follow` is all that is given.
fn follows(args: &SearchArgs) -> Result<(), UsageErrors> {
    let refused = [
        ("--sort", &args.sort),
        ("--before", &args.before),
        ("--analytics-dir", &args.analytics_dir),
    ];
    let given = refused
        .iter()
        .filter(|(_, value)| args.follow && value.is_some());
    let errors: UsageErrors = given
        .map(|(flag, _)| {
            format!("--follow shows what the running tap records: {flag} does not go with it")
        })
        .collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors),
    }
}

fn page(records: &[Record], needles: &[&Needle], screen: &Screen) -> String {
    page_below(&mut Widths::default(), records, needles, screen)
}

/// The same below other pages, where `above` has the widths of their columns.
pub fn page_below(
    above: &mut Widths,
    records: &[Record],
    needles: &[&Needle],
    screen: &Screen,
) -> String {
    let mut table = Table::new(&COLUMNS);
    records.iter().for_each(|record| table.row(head(record)));
    let heads = table.lines_below(above, screen);
    records
        .iter()
        .zip(heads)
        .map(|(record, head)| format!("{head}\n{}", below(record, needles, screen)))
        .collect()
}

fn head(record: &Record) -> [Cell; 7] {
    let cached = record.prompt_cached_tokens;
    let cached = cached.map(|tokens| format!("{} cached", thousands(tokens)));
    let about = if record.tokens_estimated == Some(true) {
        "~"
    } else {
        ""
    };
    let model = record.model.as_deref().unwrap_or(UNKNOWN_NAME);
    [
        format_time(record.timestamp).into(),
        Cell::new(Style::Heading, model),
        record.endpoint.as_str().into(),
        Cell::new(status_style(&record.status), &record.status),
        format!(
            "in {} · out {about}{} tokens",
            count(record.prompt_tokens),
            count(record.generated_tokens)
        )
        .into(),
        cached.unwrap_or_default().into(),
        duration(record.duration_seconds).into(),
    ]
}

fn status_style(status: &str) -> Style {
    match status {
        _ if status == Outcome::Error.as_str() => Style::Error,
        _ if status == Outcome::Cancelled.as_str() => Style::Warning,
        _ => Style::Plain,
    }
}

/// The lines below the first: id and prompt, what went wrong, and where else the text is that was looked for.
fn below(record: &Record, needles: &[&Needle], screen: &Screen) -> String {
    let room = screen
        .width
        .unwrap_or(TEXT_WIDTH)
        .saturating_sub(INDENT.len());
    let fit = |text: &str, room| truncate(&escape_control_chars(text), room);
    let id = fit(&record.interaction_id, room);
    let prompt = record
        .prompt_preview
        .as_deref()
        .or(record.prompt_full.as_deref())
        .unwrap_or_default();
    let prompt: String = prompt.chars().take(room).collect();
    let prompt = fit(&prompt, room.saturating_sub(id.len() + 2));
    let mut lines = format!("{INDENT}{}", screen.paint(Style::Dim, &id));
    if !prompt.is_empty() {
        lines += &format!("  {}", highlight(screen, Style::Plain, &prompt, needles));
    }
    lines.push('\n');
    let error = record
        .error
        .as_deref()
        .map(|error| fit(&format!("error: {error}"), room));
    if let Some(error) = &error {
        lines += &format!(
            "{INDENT}{}\n",
            highlight(screen, Style::Error, error, needles)
        );
    }
    let shown = [prompt.as_str(), error.as_deref().unwrap_or_default()];
    for needle in needles {
        if let Some(text) = snippet(record, needle, &shown, room) {
            lines += &format!(
                "{INDENT}{}\n",
                highlight(screen, Style::Dim, &text, &[needle])
            );
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::layout::columns;

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
    fn people_are_told_how_to_read_one_whole_and_pipes_are_not() {
        let terminal = Screen {
            width: Some(80),
            has_color: false,
        };
        assert_eq!(
            hint(&[record()], &terminal),
            "\none of them whole: ollama-tap show 00000000000000ff\n"
        );
        assert_eq!(hint(&[], &terminal), "");
        assert_eq!(hint(&[record()], &Screen::default()), "");
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
        let page = page(&[record(), broken], &[], &Screen::default());
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines.len(), 5, "{page}");
        assert!(
            lines[0].ends_with("  phi4     api/chat  success  in 12 · out 1,234 tokens  1.20 s"),
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
        let page = page(&[all], &[], &Screen::default());
        assert!(
            page.chars().all(|c| c == '\n' || !c.is_control()),
            "{page:?}"
        );
        assert_eq!(page.lines().count(), 3, "{page}");
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        let found = Record {
            model: Some("hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M".to_owned()),
            prompt_cached_tokens: Some(1_234_567),
            error: Some("空".repeat(300)),
            response_full: Some("a needle in a haystack".repeat(20)),
            ..record()
        };
        let needle = Needle::new("needle");
        for width in 20..200 {
            let screen = Screen {
                width: Some(width),
                has_color: false,
            };
            let page = page(&[found.clone(), record()], &[&needle], &screen);
            let is_too_wide = |line: &str| columns(line) > width;
            assert!(!page.lines().any(is_too_wide), "{width}: {page}");
            assert!(page.contains("reply: "), "{page}");
        }
    }

    #[test]
    fn unknown_and_estimated_numbers_are_told_as_such() {
        let row = head(&Record {
            tokens_estimated: Some(true),
            generated_tokens: Some(3),
            ..Record::default()
        });
        let [.., tokens, cached, duration] = row;
        assert_eq!(tokens, "in - · out ~3 tokens".into());
        assert_eq!((cached, duration), ("".into(), "-".into()));
    }
}
