//! `ollama-tap stats`: the numbers of some hours as a table, or as JSON.

use std::process::ExitCode;

use serde::Serialize;

use super::format::{decimal, duration, format_time, hours as hours_text, percent, pluralize};
use super::source::{HistorySource, Purpose, SourceInfo, no_records};
use super::table::Table;
use super::{UsageErrors, combine, filter, print, query_config, usage};
use crate::cli::StatsArgs;
use crate::error::Result;
use crate::history::store::query::{self, DEFAULT_HOURS, HOURS_FORMAT};
use crate::history::store::{Distribution, EnhancedStats, Group, Hidden, Query};
use crate::util::numbers::thousands;

/// The most groups that a table shows; --json has all.
const GROUPS_MAX: usize = 20;

/// The answer as `--json` prints it.
#[derive(Serialize)]
struct Answer<'a> {
    source: &'a SourceInfo,
    #[serde(flatten)]
    numbers: &'a EnhancedStats,
}

pub fn run(args: &StatsArgs) -> Result<ExitCode> {
    let (config, hours) =
        combine(query_config(args.location()), hours(args.hours.as_deref())).map_err(usage)?;
    let source = HistorySource::open(&config, Purpose::Stats)?;
    let numbers = source.enhanced(hours)?;
    let origin = source.origin()?;
    if numbers.totals.requests > 0 {
        return print(&if args.json {
            json(&origin, &numbers)
        } else {
            page(&origin, &numbers) + &hint(&source, &numbers, args.hours.as_deref())
        });
    }
    let extent = source.extent()?;
    match extent.newest {
        None => Err(no_records(&origin)),
        Some(_) if args.json => print(&json(&origin, &numbers)),
        Some(newest) => print(&format!(
            "no requests in the last {} ({})\n{} in {origin}, the newest of {}\n",
            hours_text(hours),
            period(&numbers),
            pluralize(extent.records, "older record"),
            format_time(newest)
        )),
    }
}

/// Parses the hours of a flag; without one, those of a day.
pub fn hours(flag: Option<&str>) -> Result<f64, UsageErrors> {
    let Some(text) = flag else {
        return Ok(DEFAULT_HOURS);
    };
    query::parse_hours(text.trim())
        .ok_or_else(|| vec![filter::bad_flag("--hours", text, HOURS_FORMAT)])
}

fn json(origin: &SourceInfo, numbers: &EnhancedStats) -> String {
    serde_json::to_string_pretty(&Answer {
        source: origin,
        numbers,
    })
    .unwrap_or_default()
        + "\n"
}

/// How many findings there are, and the command that tells them. A tap of an older version knows of
/// none.
fn hint(source: &HistorySource, numbers: &EnhancedStats, hours: Option<&str>) -> String {
    let query = Query {
        start_time: Some(numbers.start_time),
        end_time: Some(numbers.end_time),
        ..Query::default()
    };
    let found = source
        .why(&query, Hidden::LeftOut)
        .map_or(0, |why| why.findings.len());
    let flag = hours
        .map(|hours| format!(" --hours {}", hours.trim()))
        .unwrap_or_default();
    match found {
        0 => String::new(),
        n => format!(
            "\n{}: ollama-tap why{flag}\n",
            pluralize(n as u64, "finding")
        ),
    }
}

fn period(numbers: &EnhancedStats) -> String {
    format!(
        "{} to {}",
        format_time(numbers.start_time),
        format_time(numbers.end_time)
    )
}

fn page(origin: &SourceInfo, numbers: &EnhancedStats) -> String {
    let mut page = format!(
        "the last {}: {}\nread in {origin}\n\n",
        hours_text(round(numbers.hours)),
        period(numbers)
    );
    page.push_str(&totals(&numbers.totals));
    for (title, groups) in [
        ("model", &numbers.by_model),
        ("category", &numbers.by_category),
    ] {
        page.push('\n');
        page.push_str(&table(title, groups));
    }
    page
}

/// Writes the question as a user would type it.
fn round(hours: f64) -> f64 {
    (hours * 1000.0).round() / 1000.0
}

fn totals(all: &Group) -> String {
    let mut table = Table::new(1);
    table.row(["", "p50", "p95", "p99", "max"]);
    let mut spread = |name: &str, values: &Distribution, text: fn(Option<f64>) -> String| {
        table.row([
            name.to_owned(),
            text(values.p50),
            text(values.p95),
            text(values.p99),
            text(values.max),
        ]);
    };
    spread("duration", &all.duration_seconds, duration);
    spread(
        "time to first token",
        &all.time_to_first_token_seconds,
        duration,
    );
    spread("tokens per second", &all.tokens_per_second, decimal);
    let requests = pluralize(all.requests, "request");
    let ends = [(all.error, "failed"), (all.cancelled, "cancelled")];
    let ends: String = ends
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, how)| format!(", {} {how}", thousands(*n)))
        .collect();
    let cached = all
        .prompt_cached_tokens
        .map(|tokens| format!(" ({} from the cache)", thousands(tokens)))
        .unwrap_or_default();
    let tokens = format!(
        "{} read{cached}, {} written",
        pluralize(all.prompt_tokens, "token"),
        thousands(all.generated_tokens)
    );
    format!(
        "{requests}, {} successful{ends}\n{tokens}\n\n{}",
        percent(all.success_rate),
        table.text()
    )
}

fn table(title: &str, groups: &[Group]) -> String {
    let mut table = Table::new(1);
    table.row([
        "", "", "", "tokens", "tokens", "tokens", "time", "time", "first", "first",
    ]);
    table.row([
        title, "requests", "success", "read", "written", "per s", "p50", "p95", "p50", "p95",
    ]);
    for group in groups.iter().take(GROUPS_MAX) {
        table.row([
            group.name.clone(),
            thousands(group.requests),
            percent(group.success_rate),
            thousands(group.prompt_tokens),
            thousands(group.generated_tokens),
            decimal(group.tokens_per_second.p50),
            duration(group.duration_seconds.p50),
            duration(group.duration_seconds.p95),
            duration(group.time_to_first_token_seconds.p50),
            duration(group.time_to_first_token_seconds.p95),
        ]);
    }
    let more = groups.len().saturating_sub(GROUPS_MAX);
    let more = if more > 0 {
        format!("and {more} more (--json has all)\n")
    } else {
        String::new()
    };
    table.text() + &more
}

#[cfg(test)]
mod tests {
    use super::super::format::LINE_WIDTH;
    use super::*;

    fn group(name: &str, requests: u64) -> Group {
        let spread = || Distribution {
            p50: Some(1.2),
            p95: Some(85.0),
            p99: Some(3600.0),
            max: Some(7200.0),
            ..Distribution::default()
        };
        Group {
            name: name.to_owned(),
            requests,
            error: 3,
            success_rate: Some(0.98765),
            prompt_tokens: 12_345_678,
            generated_tokens: 1_234_567,
            duration_seconds: spread(),
            time_to_first_token_seconds: spread(),
            tokens_per_second: spread(),
            ..Group::default()
        }
    }

    fn numbers(models: Vec<Group>) -> EnhancedStats {
        EnhancedStats {
            hours: 23.999_999_97,
            start_time: 1_795_166_222.0,
            end_time: 1_795_252_622.0,
            totals: group("all", 12_345),
            by_model: models,
            by_category: vec![group("question", 1)],
            by_endpoint: Vec::new(),
            by_status: Vec::new(),
            by_client: Vec::new(),
            by_host: Vec::new(),
            duration_buckets: Vec::new(),
            time_to_first_token_buckets: Vec::new(),
            timeline_step_seconds: 900.0,
            timeline: Vec::new(),
        }
    }

    fn origin() -> SourceInfo {
        SourceInfo {
            tap: None,
            backend: "jsonl".to_owned(),
            data_dir: Some("./history".to_owned()),
        }
    }

    #[test]
    fn the_page_says_what_happened_when_and_where_it_was_read() {
        let page = page(
            &origin(),
            &numbers(vec![group("llama3.2:latest", 12_000), group("phi4", 345)]),
        );
        for words in [
            "the last 24 hours: 2026-11-",
            "read in ./history (jsonl)",
            "12,345 requests, 98.8% successful, 3 failed\n12,345,678 tokens read, 1,234,567 written",
            "                       p50     p95     p99     max\nduration             1.20 s  85.0 s  1h 00m  2h 00m",
            "tokens per second       1.2    85.0  3600.0  7200.0",
            "llama3.2:latest    12,000    98.8%  12,345,678  1,234,567     1.2  1.20 s  85.0 s  1.20 s  85.0 s",
            "question",
        ] {
            assert!(page.contains(words), "no {words:?} in\n{page}");
        }
    }

    #[test]
    fn no_line_is_too_long_and_the_rest_of_many_models_is_counted() {
        let models = (0..50)
            .map(|n| {
                group(
                    &format!("{n}\u{1b}[31m{}", "x".repeat(n * 5)),
                    u64::MAX / 1_000_000_000,
                )
            })
            .collect();
        let page = page(&origin(), &numbers(models));
        assert!(
            page.contains("and 30 more (--json has all)") && !page.contains('\u{1b}'),
            "{page}"
        );
        let widest = numbers(vec![group("x", 1_234_567)]);
        let page = super::page(&origin(), &widest);
        assert!(
            page.lines().all(|line| line.chars().count() <= LINE_WIDTH),
            "{page}"
        );
    }

    #[test]
    fn nothing_known_is_shown_as_such() {
        let mut numbers = numbers(vec![Group {
            name: "m".to_owned(),
            ..Group::default()
        }]);
        numbers.totals = Group {
            requests: 1,
            ..Group::default()
        };
        let page = page(&origin(), &numbers);
        assert!(
            page.contains("1 request, - successful\n0 tokens read"),
            "{page}"
        );
    }

    #[test]
    fn hours_are_a_number_above_nothing() {
        assert_eq!((hours(None), hours(Some("0.5"))), (Ok(24.0), Ok(0.5)));
        for bad in ["", "0", "-1", "NaN", "inf", "1e9", "day"] {
            assert!(
                hours(Some(bad)).is_err_and(|bad| bad[0].contains("--hours")),
                "{bad}"
            );
        }
    }

    #[test]
    fn json_is_the_numbers_and_where_they_are_from() {
        let value: serde_json::Value =
            serde_json::from_str(&json(&origin(), &numbers(Vec::new()))).unwrap();
        assert_eq!(
            (&value["source"]["backend"], &value["totals"]["requests"]),
            (&"jsonl".into(), &12_345.into())
        );
    }
}
