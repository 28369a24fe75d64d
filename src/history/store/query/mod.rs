//! Which records are asked for, as pages and commands say it; parsed and checked once. `matches`
//! decides for all backends: an index may only propose.

mod client;
mod finding;
mod needle;
#[cfg(test)]
mod tests;
mod time;

use std::fmt;
use std::str::FromStr;

use crate::diagnose::Finding;
use crate::history::record::{Position, Record, RecordSummary};
use crate::observe::category;
use crate::observe::exchange::Outcome;
use crate::observe::model_name::normalize as normalize_model;
pub use client::ClientFilter;
pub use finding::FindingFilter;
pub use needle::{Needle, fold};
use time::parse_end;
pub use time::{
    DEFAULT_HIDDEN_DAYS, DEFAULT_HOURS, HIDDEN_DAYS_FORMAT, HOURS_FORMAT, TIME_FORMATS,
    parse_hidden_days, parse_hours, parse_time,
};

/// The most records that one answer holds.
pub const LIMIT_MAX: usize = 100;

/// The name of the model where a request named none.
pub const UNKNOWN_NAME: &str = "unknown";

/// A parameter that cannot be used. `Display` is the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadParameter {
    pub name: String,
    pub value: String,
    pub accepted: String,
}

impl std::error::Error for BadParameter {}

impl fmt::Display for BadParameter {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "bad value for {}: `{}`; accepted: {}",
            self.name, self.value, self.accepted
        )
    }
}

/// The filters of search, messages and export.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Unix seconds, inclusive.
    pub start_time: Option<f64>,
    /// Unix seconds, inclusive.
    pub end_time: Option<f64>,
    /// Folded (`model_name`), as summaries have it.
    pub model: Option<String>,
    pub prompt_search: Option<Needle>,
    pub prompt_category: Option<String>,
    pub status: Option<String>,
    pub endpoint: Option<String>,
    /// The machine and the port of the tap that wrote it.
    pub host: Option<String>,
    pub tap: Option<u16>,
    pub finding: Option<FindingFilter>,
    pub client: Option<ClientFilter>,
    /// `Record::session_id`.
    pub session: Option<String>,
    /// 1 to `LIMIT_MAX`; ignored by an export.
    pub limit: usize,
    /// An id: only records older than that one.
    pub before: Option<String>,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            start_time: None,
            end_time: None,
            model: None,
            prompt_search: None,
            prompt_category: None,
            status: None,
            endpoint: None,
            host: None,
            tap: None,
            finding: None,
            client: None,
            session: None,
            limit: LIMIT_MAX,
            before: None,
        }
    }
}

impl Query {
    /// Reads the parameters of a page. An empty value counts as not given, a later one wins, and an
    /// unknown name is an error, for a typing error must not return everything.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Query, BadParameter> {
        let mut query = Query::default();
        for (name, value) in pairs {
            query.set(name, value)?;
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), BadParameter> {
        let bad = |accepted: String| BadParameter {
            name: name.to_owned(),
            value: value.to_owned(),
            accepted,
        };
        if value.is_empty() && PARAMETER_NAMES.contains(&name) {
            return Ok(());
        }
        let text = Some(value.to_owned());
        match name {
            "start_time" => {
                self.start_time =
                    Some(parse_time(value).ok_or_else(|| bad(TIME_FORMATS.to_owned()))?)
            }
            "end_time" => {
                self.end_time = Some(parse_end(value).ok_or_else(|| bad(TIME_FORMATS.to_owned()))?)
            }
            "model" => self.model = Some(normalize_model(value).into_owned()),
            "prompt_search" => self.prompt_search = Some(Needle::new(value)),
            "prompt_category" if category::CATEGORIES.contains(&value) => {
                self.prompt_category = text
            }
            "prompt_category" => return Err(bad(category::CATEGORIES.join(", "))),
            "status" if Outcome::ALL.iter().any(|outcome| outcome.as_str() == value) => {
                self.status = text
            }
            "status" => return Err(bad(Outcome::ALL.map(Outcome::as_str).join(", "))),
            "endpoint" => self.endpoint = Some(value.strip_prefix('/').unwrap_or(value).to_owned()),
            "host" => self.host = text,
            "tap" => {
                self.tap = Some(
                    value
                        .parse()
                        .map_err(|_| bad("a port from 0 to 65535".to_owned()))?,
                )
            }
            "finding" => {
                self.finding = Some(value.parse().map_err(|()| bad(FindingFilter::accepted()))?)
            }
            "client" => self.client = Some(ClientFilter::parse(value)),
            "session" => self.session = text,
            "limit" => {
                self.limit =
                    limit(value).ok_or_else(|| bad(format!("a number from 1 to {LIMIT_MAX}")))?
            }
            "before" => self.before = text,
            _ => {
                let text = format!("only the parameters {}", PARAMETER_NAMES.join(", "));
                return Err(bad(text));
            }
        }
        Ok(())
    }

    /// Returns the query with the beginning that it lacks: so many hours before its end, which is
    /// `now` (Unix seconds) where it has none.
    pub fn in_hours(self, hours: f64, now: f64) -> Query {
        let start = self.end_time.unwrap_or(now) - hours * 3600.0;
        Query {
            start_time: self.start_time.or(Some(start)),
            ..self
        }
    }

    /// Returns whether `record` matches, without regard to `before` (see `Query::is_before`) and
    /// `limit`.
    pub fn matches(&self, record: &Record) -> bool {
        self.matches_facts(record)
            && self
                .prompt_search
                .as_ref()
                .is_none_or(|needle| needle.is_in(record.searchable()))
    }

    /// Returns whether all but the text matches.
    pub fn matches_facts(&self, record: &Record) -> bool {
        self.matches_summary(&record.summary())
            && self.has_finding(&record.findings)
            && (self.session.is_none() || self.session == record.session_id)
    }

    /// Returns whether one of these findings is asked for, or none is.
    pub fn has_finding(&self, findings: &[Finding]) -> bool {
        let is_one = |filter: FindingFilter| findings.iter().any(|found| filter.matches(found));
        self.finding.is_none_or(is_one)
    }

    /// Returns whether summaries tell all that is asked for, the findings aside.
    pub fn is_of_summaries(&self) -> bool {
        self.prompt_search.is_none() && self.session.is_none()
    }

    /// Returns whether all but the text, the findings and the session matches.
    pub fn matches_summary(&self, summary: &RecordSummary) -> bool {
        self.contains_time(summary.timestamp) && self.matches_at_any_time(summary)
    }

    /// Returns whether all but the times, the text, the findings and the session matches.
    pub fn matches_at_any_time(&self, summary: &RecordSummary) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == value)
        };
        is(
            &self.model,
            summary.model.as_deref().unwrap_or(UNKNOWN_NAME),
        ) && is(&self.prompt_category, &summary.prompt_category)
            && is(&self.status, &summary.status)
            && is(&self.endpoint, &summary.endpoint)
            && (self.host.is_none()
                || self.host.as_deref() == Some(summary.host.as_deref().unwrap_or(UNKNOWN_NAME)))
            && (self.tap.is_none() || self.tap == summary.tap)
            && self
                .client
                .as_ref()
                .is_none_or(|client| client.matches(summary))
    }

    /// Returns whether `timestamp` is within the times asked for.
    pub fn contains_time(&self, timestamp: f64) -> bool {
        self.start_time.is_none_or(|start| timestamp >= start)
            && self.end_time.is_none_or(|end| timestamp <= end)
    }

    /// Returns whether any time from `first` to `last` is.
    pub fn overlaps(&self, first: f64, last: f64) -> bool {
        self.start_time.is_none_or(|start| last >= start)
            && self.end_time.is_none_or(|end| first <= end)
    }

    /// Returns whether `record` is before `bound`, or there is no bound.
    pub fn is_before(record: &Record, bound: Option<&Position>) -> bool {
        bound.is_none_or(|bound| record.position() < *bound)
    }
}

/// The names of all filters.
pub const PARAMETER_NAMES: [&str; 14] = [
    "start_time",
    "end_time",
    "model",
    "prompt_search",
    "prompt_category",
    "status",
    "endpoint",
    "host",
    "tap",
    "finding",
    "client",
    "session",
    "limit",
    "before",
];

fn limit(text: &str) -> Option<usize> {
    usize::from_str(text)
        .ok()
        .filter(|limit| (1..=LIMIT_MAX).contains(limit))
}
