//! `ollama-tap why`: what went wrong with the requests of a time, what cost most first; and
//! `why ID`, one request from its arrival to its end.

mod hide;
mod one;

use std::process::ExitCode;

use super::format::{format_time, pluralize};
use super::moment::zone_note;
use super::source::{HistorySource, SourceInfo};
use super::{UsageErrors, combine, filter, json, print, query_config, usage};
use crate::cli::WhyArgs;
use crate::diagnose::{Certainty, groups};
use crate::error::Result;
use crate::history::record::now;
use crate::history::store::{Hidden, Query, Why};
use crate::util::numbers::thousands;
use crate::util::sanitize::shell_word;
use crate::util::screen::{Screen, Style};
pub use one::findings;

/// The most clients that are named.
const CLIENTS_MAX: usize = 4;

pub fn run(args: &WhyArgs) -> Result<ExitCode> {
    let asked = combine(query(args), hide::request(args));
    let (config, (query, hide)) = combine(query_config(args.location()), asked).map_err(usage)?;
    let source = HistorySource::open(&config)?;
    match (hide, &args.id) {
        (Some(hide), _) => hide::run(&source, &hide, &query, args.json),
        (None, Some(id)) => one(&source, id, args.json),
        (None, None) => all(&source, &query, args),
    }
}

/// The records that the flags mean: without `--start`, those of so many hours.
fn query(args: &WhyArgs) -> std::result::Result<Query, UsageErrors> {
    let mut typed = vec![("--search", &args.search)];
    typed.extend(args.filters());
    let (hours, query) = filter::span(args.hours.as_deref(), &typed)?;
    Ok(match hours {
        Some(hours) => query.in_hours(hours, now()),
        None => query,
    })
}

fn all(source: &HistorySource, query: &Query, args: &WhyArgs) -> Result<ExitCode> {
    let hidden = if args.all {
        Hidden::Told
    } else {
        Hidden::LeftOut
    };
    let why = source.why(query, hidden)?;
    if args.json {
        return print(&json(&why));
    }
    print(&page(&source.origin()?, &why, &Screen::stdout()))
}

fn one(source: &HistorySource, id: &str, is_json: bool) -> Result<ExitCode> {
    let record = source.one(id, "`ollama-tap search` shows the ids")?;
    if is_json {
        return print(&json(&record));
    }
    print(&one::page(&record, &Screen::stdout()))
}

fn page(origin: &SourceInfo, why: &Why, screen: &Screen) -> String {
    let start = why
        .start_time
        .map_or("the beginning".to_owned(), format_time);
    let when = format!(
        "{} from {start} to {}",
        pluralize(why.requests, "request"),
        format_time(why.end_time)
    );
    let mut page = screen.paragraph(Style::Heading, &when);
    page += &screen.paragraph(Style::Dim, &format!("read in {origin}; {}", zone_note()));
    if why.findings.is_empty() {
        let nothing = "nothing was found that made them slow or wrong";
        page += &format!("\n{}", screen.paragraph(Style::Plain, nothing));
    }
    for (n, group) in why.findings.iter().enumerate() {
        page += &format!("\n{}", numbered(screen, n + 1, &told(group)));
    }
    let told = why.findings.iter();
    let told = told.filter(|group| group.hidden_until.is_some()).count() as u64;
    let more = match why.hidden.saturating_sub(told) {
        0 => return page,
        1 => "1 more is hidden: ollama-tap why --all".to_owned(),
        n => format!("{} more are hidden: ollama-tap why --all", thousands(n)),
    };
    page + &format!("\n{}", screen.paragraph(Style::Dim, &more))
}

/// One group: what happened, the way out, who was hit and when, and one request to look at.
fn told(group: &groups::FindingGroup) -> Vec<(Style, String)> {
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
    let hit = format!(
        "{}{by}, the last of {}",
        pluralize(group.requests, "request"),
        format_time(group.last)
    );
    let look = group
        .examples
        .first()
        .map(|id| format!("look at one: ollama-tap why {id}"));
    let head = format!("{} ({})", group.sentence, group.certainty.as_str());
    let key = shell_word(&group.key);
    let until = group.hidden_until.map(format_time);
    let hide = match until {
        None => format!("hide it: ollama-tap why --hide {key}"),
        Some(_) => format!("show it again: ollama-tap why --days 0 --hide {key}"),
    };
    let until = until.map(|until| format!("hidden until {until}"));
    let told = [
        (style(group.certainty), Some(head)),
        (Style::Plain, Some(format!("-> {}", group.way_out))),
        (Style::Dim, Some(hit)),
        (Style::Dim, look),
        (Style::Dim, until),
        (Style::Dim, Some(hide)),
    ];
    let told = told.into_iter();
    told.filter_map(|(style, text)| Some((style, text?)))
        .collect()
}

/// What is sure stands out more than what is likely.
fn style(certainty: Certainty) -> Style {
    match certainty {
        Certainty::Sure => Style::Error,
        Certainty::Likely => Style::Warning,
    }
}

/// Texts as the lines of a numbered item.
fn numbered(screen: &Screen, number: usize, texts: &[(Style, String)]) -> String {
    let number = format!("{number}. ");
    let indent = " ".repeat(number.len());
    let lines = texts
        .iter()
        .flat_map(|(style, text)| screen.wrap(*style, text, indent.len()));
    number + &lines.collect::<Vec<_>>().join(&format!("\n{indent}")) + "\n"
}

#[cfg(test)]
mod tests;
