//! `ollama-tap stats`: the numbers of a span of time as a table, or as JSON.

mod by;
mod change;
mod request;
mod table;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use serde::Serialize;

use super::format::{decimal, duration, format_time, hours as hours_text, percent, pluralize};
use super::moment::zone_note;
use super::source::{HistorySource, SourceInfo};
use super::table::{Column, Table};
use super::{combine, json, models, print, query_config, usage};
use crate::cli::StatsArgs;
use crate::error::Result;
use crate::history::store::{Distribution, EnhancedStats, Extent, Group, Hidden, Query};
use crate::util::numbers::thousands;
use crate::util::screen::{Screen, Style};
pub use request::StatsRequest;

/// The most groups that a table shows; --json has all.
const GROUPS_MAX: usize = 20;

/// The answer as `--json` prints it.
#[derive(Serialize)]
struct Answer<'a> {
    source: &'a SourceInfo,
    #[serde(flatten)]
    numbers: &'a EnhancedStats,
}

/// What was asked, what was answered, and where it is shown.
struct View<'a> {
    origin: &'a SourceInfo,
    request: &'a StatsRequest,
    numbers: &'a EnhancedStats,
    screen: Screen,
}

pub fn run(args: &StatsArgs) -> Result<ExitCode> {
    let (config, request) =
        combine(query_config(args.location()), request::parse(args)).map_err(usage)?;
    let source = HistorySource::open(&config)?;
    let numbers = source.enhanced(&request)?;
    let origin = source.origin()?;
    let view = View {
        origin: &origin,
        request: &request,
        numbers: &numbers,
        screen: Screen::stdout(),
    };
    if args.json {
        return print(&view.json());
    }
    if numbers.totals.requests > 0 {
        return print(&match request.by {
            Some(by) => view.by(by),
            None => view.page() + &view.hint(&source, args.hours.as_deref()),
        });
    }
    let extent = source.extent()?;
    let models = models::besides(&source, &request.query, &extent);
    print(&view.nothing(&extent, &models))
}

impl View<'_> {
    fn json(&self) -> String {
        json(&Answer {
            source: self.origin,
            numbers: self.numbers,
        })
    }

    /// What is said of a span without requests, of the hours that were asked for, and of what is older.
    fn nothing(&self, extent: &Extent, models: &str) -> String {
        let origin = self.origin;
        let is_of_now = self.request.is_of_all_until_now();
        let kind = if is_of_now { "older record" } else { "record" };
        let there = match extent.newest {
            None => format!("there are no records in {origin}"),
            Some(newest) => format!(
                "{} in {origin}, the newest of {}",
                pluralize(extent.records, kind),
                format_time(newest)
            ),
        };
        let what = if is_of_now {
            "requests"
        } else {
            "matching requests"
        };
        let when = match self.request.hours {
            Some(hours) if is_of_now => {
                format!("in the last {} ({})", hours_text(hours), self.period())
            }
            _ => format!("from {}", self.period()),
        };
        let lines = [format!("no {what} {when}"), there, models.to_owned()];
        self.lines(Style::Plain, &lines)
    }

    /// How many findings there are, and the command that tells them. A tap of an older version knows of
    /// none.
    fn hint(&self, source: &HistorySource, hours: Option<&str>) -> String {
        if !self.request.is_of_all_until_now() {
            return String::new();
        }
        let query = Query {
            start_time: Some(self.numbers.start_time),
            end_time: Some(self.numbers.end_time),
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
            n => {
                let found = pluralize(n as u64, "finding");
                let hint = format!("{found}: ollama-tap why{flag}");
                format!("\n{}", self.lines(Style::Warning, &[hint]))
            }
        }
    }

    fn period(&self) -> String {
        format!(
            "{} to {}",
            format_time(self.numbers.start_time),
            format_time(self.numbers.end_time)
        )
    }

    /// The hours as a user would type them.
    fn hours(&self) -> String {
        hours_text((self.numbers.hours * 1000.0).round() / 1000.0)
    }

    fn heading(&self) -> String {
        let when = match self
            .request
            .query
            .end_time
            .or(self.request.query.start_time)
        {
            None => format!("the last {}: {}", self.hours(), self.period()),
            Some(_) => self.period(),
        };
        let place = format!("read in {}; {}", self.origin, zone_note());
        self.lines(Style::Heading, &[when]) + &self.lines(Style::Dim, &[place]) + "\n"
    }

    fn page(&self) -> String {
        let mut page = self.heading();
        page.push_str(&self.totals());
        for (title, groups) in [
            ("model", &self.numbers.by_model),
            ("category", &self.numbers.by_category),
        ] {
            page.push('\n');
            let shown = &groups[..groups.len().min(GROUPS_MAX)];
            page.push_str(&table::of_groups(
                title,
                shown,
                |group| group.name.clone(),
                &self.screen,
            ));
            let more = table::more(groups.len(), shown.len());
            page.push_str(&self.lines(Style::Dim, &[more]));
        }
        page
    }

    /// How many requests and tokens there were, and how long they took.
    fn totals(&self) -> String {
        let all = &self.numbers.totals;
        let ends = [(all.error, "failed"), (all.cancelled, "cancelled")];
        let ends = ends.iter().filter(|(n, _)| *n > 0);
        let ends: String = ends
            .map(|(n, how)| format!(", {} {how}", thousands(*n)))
            .collect();
        let cached = all
            .prompt_cached_tokens
            .map(|tokens| format!(" ({} cached)", thousands(tokens)))
            .unwrap_or_default();
        let requests = pluralize(all.requests, "request");
        let lines = [
            format!("{requests}, {} successful{ends}", percent(all.success_rate)),
            format!(
                "{} in{cached}, {} out",
                pluralize(all.prompt_tokens, "token"),
                thousands(all.generated_tokens)
            ),
        ];
        let previous = self.numbers.previous.as_ref();
        let change = previous.map(|before| change::told(&self.hours(), all, &before.totals));
        let change = change.map(|text| self.lines(Style::Dim, &[text]));
        self.lines(Style::Plain, &lines) + &change.unwrap_or_default() + "\n" + &self.spreads(all)
    }

    fn spreads(&self, all: &Group) -> String {
        let mut table = Table::new(&[
            Column::name(),
            Column::number(),
            Column::number(),
            Column::number().leave_out(1),
            Column::number(),
        ]);
        table.head(["", "p50", "p95", "p99", "max"]);
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
        let first = &all.time_to_first_token_seconds;
        spread("time to first token", first, duration);
        spread("tokens per second", &all.tokens_per_second, decimal);
        table.text(&self.screen)
    }

    /// Each text that is not empty, as lines that fit.
    fn lines(&self, style: Style, texts: &[String]) -> String {
        let texts = texts.iter().filter(|text| !text.is_empty());
        texts
            .map(|text| self.screen.paragraph(style, text))
            .collect()
    }
}
