//! `ollama-tap stats`: the numbers of some hours as a table, or as JSON.

mod by;
#[cfg(test)]
mod tests;

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
    let flags = combine(hours(args.hours.as_deref()), by::parse(args.by.as_deref()));
    let (config, (hours, by)) = combine(query_config(args.location()), flags).map_err(usage)?;
    let source = HistorySource::open(&config, Purpose::Stats)?;
    let numbers = source.enhanced(hours, by)?;
    let origin = source.origin()?;
    if args.json && (by.is_some() || numbers.totals.requests > 0) {
        return print(&json(&origin, &numbers));
    }
    if numbers.totals.requests > 0 {
        return print(&match by {
            Some(by) => by::page(&origin, by, &numbers),
            None => page(&origin, &numbers) + &hint(&source, &numbers, args.hours.as_deref()),
        });
    }
    let extent = source.extent()?;
    match extent.newest {
        None if by.is_none() => Err(no_records(&origin)),
        Some(_) if args.json => print(&json(&origin, &numbers)),
        newest => print(&nothing(&origin, (&numbers, hours), extent.records, newest)),
    }
}

/// What is said of a span without requests, of the hours that were asked for, and of what is older.
fn nothing(
    origin: &SourceInfo,
    (numbers, hours): (&EnhancedStats, f64),
    records: u64,
    newest: Option<f64>,
) -> String {
    let hours = hours_text(hours);
    let older = match newest {
        None => format!("there are no records in {origin}"),
        Some(newest) => format!(
            "{} in {origin}, the newest of {}",
            pluralize(records, "older record"),
            format_time(newest)
        ),
    };
    format!(
        "no requests in the last {hours} ({})\n{older}\n",
        period(numbers)
    )
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

fn heading(origin: &SourceInfo, numbers: &EnhancedStats) -> String {
    format!(
        "the last {}: {}\nread in {origin}\n\n",
        hours_text(round(numbers.hours)),
        period(numbers)
    )
}

fn page(origin: &SourceInfo, numbers: &EnhancedStats) -> String {
    let mut page = heading(origin, numbers);
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
    table.text() + &more(groups)
}

/// How many groups the table has no room for.
fn more(groups: &[Group]) -> String {
    match groups.len().saturating_sub(GROUPS_MAX) {
        0 => String::new(),
        more => format!("and {more} more (--json has all)\n"),
    }
}
