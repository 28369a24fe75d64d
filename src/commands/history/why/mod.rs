//! `ollama-tap why`: what went wrong with the requests of a time, what cost most first; and
//! `why ID`, one request from its arrival to its end.

mod hide;
mod one;

use std::process::ExitCode;

use super::format::{LINE_WIDTH, format_time, pluralize, wrap};
use super::source::{HistorySource, Purpose, SourceInfo};
use super::{UsageErrors, combine, filter, print, query_config, stats, usage};
use crate::cli::WhyArgs;
use crate::diagnose::groups;
use crate::error::{Error, Result};
use crate::history::record::now;
use crate::history::store::{Hidden, Query, Why};
use crate::util::numbers::thousands;
use crate::util::sanitize::escape_control_chars;

/// How far the lines below the first of a finding stand in.
const INDENT: &str = "   ";

/// The most clients that are named.
const CLIENTS_MAX: usize = 4;

pub fn run(args: &WhyArgs) -> Result<ExitCode> {
    let asked = combine(query(args), hide::request(args));
    let (config, (query, hide)) = combine(query_config(args.location()), asked).map_err(usage)?;
    let source = HistorySource::open(&config, Purpose::Why)?;
    match (hide, &args.id) {
        (Some(hide), _) => hide::run(&source, &hide, &query, args.json),
        (None, Some(id)) => one(&source, id, args.json),
        (None, None) => all(&source, &query, args),
    }
}

/// The records that the flags mean: without `--start`, those of so many hours.
fn query(args: &WhyArgs) -> std::result::Result<Query, UsageErrors> {
    let hours = stats::hours(args.hours.as_deref());
    let mut typed = vec![("--search", &args.search)];
    typed.extend(args.filters());
    let (hours, query) = combine(hours, filter::query(&typed))?;
    if args.hours.is_some() && args.start.is_some() {
        return Err(vec![
            "--hours and --start say the same; give one of them".to_owned(),
        ]);
    }
    Ok(query.in_hours(hours, now()))
}

fn all(source: &HistorySource, query: &Query, args: &WhyArgs) -> Result<ExitCode> {
    let hidden = if args.all {
        Hidden::Told
    } else {
        Hidden::LeftOut
    };
    let why = source.why(query, hidden)?;
    if args.json {
        return print(&(serde_json::to_string_pretty(&why).unwrap_or_default() + "\n"));
    }
    print(&page(&source.origin()?, &why))
}

fn one(source: &HistorySource, id: &str, is_json: bool) -> Result<ExitCode> {
    let Some(record) = source.get(id)? else {
        let origin = source.origin()?;
        return Err(Error::Failed(format!(
            "no record has the id {} in {origin}; `ollama-tap search` shows the ids",
            escape_control_chars(id)
        )));
    };
    if is_json {
        return print(&(serde_json::to_string_pretty(&record).unwrap_or_default() + "\n"));
    }
    print(&one::page(&record))
}

fn page(origin: &SourceInfo, why: &Why) -> String {
    let start = why
        .start_time
        .map_or("the beginning".to_owned(), format_time);
    let mut page = format!(
        "{} from {start} to {}\nread in {origin}\n",
        pluralize(why.requests, "request"),
        format_time(why.end_time)
    );
    if why.findings.is_empty() {
        page.push_str("\nnothing was found that made them slow or wrong\n");
    }
    for (n, group) in why.findings.iter().enumerate() {
        page.push_str(&format!("\n{}. {}", n + 1, told(group)));
    }
    let told = why.findings.iter();
    let told = told.filter(|group| group.hidden_until.is_some()).count() as u64;
    match why.hidden.saturating_sub(told) {
        0 => {}
        1 => page.push_str("\n1 more is hidden: ollama-tap why --all\n"),
        n => page.push_str(&format!(
            "\n{} more are hidden: ollama-tap why --all\n",
            thousands(n)
        )),
    }
    page
}

/// One group: what happened, the way out, who was hit and when, and one request to look at.
fn told(group: &groups::FindingGroup) -> String {
    let clients: Vec<&str> = group
        .clients
        .iter()
        .take(CLIENTS_MAX)
        .map(String::as_str)
        .collect();
    let more = group.clients.len().saturating_sub(CLIENTS_MAX);
    let by = match (clients.join(", "), more) {
        (names, _) if names.is_empty() => String::new(),
        (names, 0) => format!(" of {names}"),
        (names, more) => format!(" of {names} and {more} more"),
    };
    let requests = thousands(group.requests);
    let plural = if group.requests == 1 { "" } else { "s" };
    let hit = format!(
        "{requests} request{plural}{by}, the last of {}",
        format_time(group.last)
    );
    let look = group
        .examples
        .first()
        .map(|id| format!("look at one: ollama-tap why {id}"));
    let head = format!("{} ({})", group.sentence, group.certainty.as_str());
    let key = hide::shell_word(&group.key);
    let until = group.hidden_until.map(format_time);
    let hide = match until {
        None => format!("hide it: ollama-tap why --hide {key}"),
        Some(_) => format!("show it again: ollama-tap why --days 0 --hide {key}"),
    };
    let until = until.map(|until| format!("hidden until {until}"));
    paragraphs([
        Some(head),
        Some(format!("-> {}", group.way_out)),
        Some(hit),
        look,
        until,
        Some(hide),
    ])
}

/// Each text as lines that fit, all but the first of them indented.
fn paragraphs(texts: impl IntoIterator<Item = Option<String>>) -> String {
    let width = LINE_WIDTH - INDENT.len();
    let lines = texts
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
        .flat_map(|text| wrap(&escape_control_chars(&text), width));
    lines.collect::<Vec<_>>().join(&format!("\n{INDENT}")) + "\n"
}

#[cfg(test)]
mod tests;
