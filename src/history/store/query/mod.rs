//! Which records are asked for, as pages and commands say it; parsed and checked once. `matches`
//! decides for all backends: an index may only propose.

mod bad_parameter;
mod client;
mod finding;
mod needle;
mod rank;
#[cfg(test)]
mod tests;
mod time;

use std::str::FromStr;

use crate::diagnose::Finding;
use crate::history::record::{Position, Record, RecordSummary};
use crate::observe::category;
use crate::observe::exchange::Outcome;
use crate::observe::model_name::normalize as normalize_model;
pub use bad_parameter::BadParameter;
pub use client::ClientFilter;
pub use finding::FindingFilter;
pub use needle::{Needle, fold};
pub use rank::{Best, Rank, Sort};
use time::parse_end;
pub use time::{
    DEFAULT_HIDDEN_DAYS, DEFAULT_HOURS, HIDDEN_DAYS_FORMAT, HOURS_FORMAT, TIME_FORMATS,
    parse_hidden_days, parse_hours, parse_time,
};

/// The most records that one answer holds.
pub const LIMIT_MAX: usize = 100;

/// The name of the model where a request named none.
pub const UNKNOWN_NAME: &str = "unknown";

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
    /// Looked for in every text of a record: the prompt, the reply, its thinking, the error, the
    /// system text and the messages.
    pub q: Option<Needle>,
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
    /// Seconds, inclusive.
    pub min_duration: Option<f64>,
    /// Seconds, inclusive.
    pub max_duration: Option<f64>,
    /// Of the generated ones, inclusive.
    pub min_tokens: Option<u64>,
    /// 1 to `LIMIT_MAX`; ignored by an export.
    pub limit: usize,
    /// Ignored by an export.
    pub sort: Sort,
    /// An id: only records that follow that one in the order of `sort`; by time these are older.
    pub before: Option<String>,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            start_time: None,
            end_time: None,
            model: None,
            prompt_search: None,
            q: None,
            prompt_category: None,
            status: None,
            endpoint: None,
            host: None,
            tap: None,
            finding: None,
            client: None,
            session: None,
            min_duration: None,
            max_duration: None,
            min_tokens: None,
            limit: LIMIT_MAX,
            sort: Sort::Time,
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
        if value.is_empty() && PARAMETER_NAMES.contains(&name) {
            return Ok(());
        }
        let is_set = self.set_text(name, value)
            || self
                .set_choice(name, value)
                .map_err(|accepted| BadParameter::new(name, value, &accepted))?;
        match is_set {
            true => Ok(()),
            false => {
                let accepted = format!("only the parameters {}", PARAMETER_NAMES.join(", "));
                Err(BadParameter::new(name, value, &accepted))
            }
        }
    }

    /// Sets a parameter that may be any text; returns whether it is one.
    fn set_text(&mut self, name: &str, value: &str) -> bool {
        let text = Some(value.to_owned());
        match name {
            "model" => self.model = Some(normalize_model(value).into_owned()),
            "prompt_search" => self.prompt_search = Some(Needle::new(value)),
            "q" => self.q = Some(Needle::new(value)),
            "endpoint" => self.endpoint = Some(value.strip_prefix('/').unwrap_or(value).to_owned()),
            "host" => self.host = text,
            "client" => self.client = Some(ClientFilter::parse(value)),
            "session" => self.session = text,
            "before" => self.before = text,
            _ => return false,
        }
        true
    }

    /// Sets a parameter that takes some values only; returns whether it is one, or else what is
    /// accepted.
    fn set_choice(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "start_time" => self.start_time = Some(accept(parse_time(value), TIME_FORMATS)?),
            "end_time" => self.end_time = Some(accept(parse_end(value), TIME_FORMATS)?),
            "prompt_category" => {
                self.prompt_category = Some(one_of(value, category::CATEGORIES)?);
            }
            "status" => self.status = Some(one_of(value, Outcome::ALL.map(Outcome::as_str))?),
            "tap" => self.tap = Some(accept(value.parse().ok(), "a port from 0 to 65535")?),
            "finding" => {
                self.finding = Some(value.parse().map_err(|()| FindingFilter::accepted())?)
            }
            "min_duration" => self.min_duration = Some(accept(seconds(value), SECONDS_FORMAT)?),
            "max_duration" => self.max_duration = Some(accept(seconds(value), SECONDS_FORMAT)?),
            "min_tokens" => self.min_tokens = Some(accept(value.parse().ok(), "a whole number")?),
            "limit" => {
                let accepted = format!("a number from 1 to {LIMIT_MAX}");
                self.limit = accept(limit(value), &accepted)?;
            }
            "sort" => self.sort = value.parse().map_err(|()| Sort::accepted())?,
            _ => return Ok(false),
        }
        Ok(true)
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
            && self
                .q
                .as_ref()
                .is_none_or(|needle| record.all_texts().any(|text| needle.is_in(Some(text))))
    }

    /// Returns whether a text is looked for, which summaries and facts do not have.
    pub fn has_text(&self) -> bool {
        self.prompt_search.is_some() || self.q.is_some()
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
        !self.has_text() && self.session.is_none()
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
            && self.matches_numbers(summary)
    }

    fn matches_numbers(&self, summary: &RecordSummary) -> bool {
        let (duration, tokens) = (summary.duration_seconds, summary.generated_tokens);
        let is_short = |max| duration.is_some_and(|duration| duration <= max);
        (self.min_duration.is_none() || duration >= self.min_duration)
            && self.max_duration.is_none_or(is_short)
            && (self.min_tokens.is_none() || tokens >= self.min_tokens)
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
pub const PARAMETER_NAMES: [&str; 19] = [
    "start_time",
    "end_time",
    "model",
    "prompt_search",
    "q",
    "prompt_category",
    "status",
    "endpoint",
    "host",
    "tap",
    "finding",
    "client",
    "session",
    "min_duration",
    "max_duration",
    "min_tokens",
    "limit",
    "sort",
    "before",
];

/// Those of them that choose a part of a list: what is not a list is of all that match.
pub const LIST_PARAMETERS: [&str; 3] = ["limit", "sort", "before"];

/// Values of a duration.
const SECONDS_FORMAT: &str = "seconds from 0 on, such as 1.5";

fn seconds(text: &str) -> Option<f64> {
    let seconds = f64::from_str(text).ok();
    seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
}

/// Returns a value that could be read, or else what is accepted.
fn accept<T>(value: Option<T>, accepted: &str) -> Result<T, String> {
    value.ok_or_else(|| accepted.to_owned())
}

/// Returns one of `names`, or else all of them.
fn one_of<const N: usize>(value: &str, names: [&str; N]) -> Result<String, String> {
    accept(
        names.contains(&value).then(|| value.to_owned()),
        &names.join(", "),
    )
}

fn limit(text: &str) -> Option<usize> {
    usize::from_str(text)
        .ok()
        .filter(|limit| (1..=LIMIT_MAX).contains(limit))
}
