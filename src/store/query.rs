//! QUERY: which records are meant, as pages and commands say it; parsed and checked once. `matches` is the meaning that all
//! backends share: an index may only propose.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Local, NaiveDate, NaiveTime, TimeZone};

use crate::model_name::fold as fold_model;
use crate::observe::category;
use crate::observe::exchange::Outcome;
use crate::record::{Facts, Position, Record};

/// The most records that one answer holds.
pub const LIMIT_MAX: usize = 100;

/// What a model is called where a request named none.
pub const UNKNOWN: &str = "unknown";

/// The shortest time that two records lie apart here (seconds): a date ends this long before the next one.
const MOMENT: f64 = 1e-6;

/// What times look like, for messages.
pub const TIMES: &str = "Unix seconds (1795252622.5), RFC 3339 (2026-11-21T09:17:02Z) or a date (2026-11-21)";

/// Hours that statistics look back when nobody says otherwise.
pub const HOURS: f64 = 24.0;

/// A hundred years: nothing is older.
const HOURS_MAX: f64 = 876_600.0;

/// What `hours` takes, for messages.
pub const HOURS_FORMS: &str = "a number of hours above 0, up to 876600";

/// A parameter that cannot be used. `Display` is the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadParameter {
    pub name: String,
    pub value: String,
    pub accepted: String,
}

impl fmt::Display for BadParameter {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "bad value for {}: `{}`; accepted: {}", self.name, self.value, self.accepted)
    }
}

/// The filters of search, messages and export.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Unix seconds, inclusive.
    pub start_time: Option<f64>,
    /// Unix seconds, inclusive.
    pub end_time: Option<f64>,
    /// Folded (`model_name`), as facts have it.
    pub model: Option<String>,
    pub prompt_search: Option<Needle>,
    pub prompt_category: Option<String>,
    pub status: Option<String>,
    pub endpoint: Option<String>,
    /// Of the tap that wrote it: its machine, and its port.
    pub host: Option<String>,
    pub tap: Option<u16>,
    /// 1 to `LIMIT_MAX`; of no meaning to an export.
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
            limit: LIMIT_MAX,
            before: None,
        }
    }
}

impl Query {
    /// Reads the parameters of a page. An empty value counts as not given, a later one wins, and an unknown name is an error,
    /// for a typing error must not return everything.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Query, BadParameter> {
        let mut query = Query::default();
        for (name, value) in pairs {
            query.take(name, value)?;
        }
        Ok(query)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), BadParameter> {
        let bad = |accepted: String| BadParameter { name: name.to_owned(), value: value.to_owned(), accepted };
        if value.is_empty() && NAMES.contains(&name) {
            return Ok(());
        }
        let text = Some(value.to_owned());
        match name {
            "start_time" => self.start_time = Some(time(value).ok_or_else(|| bad(TIMES.to_owned()))?),
            "end_time" => self.end_time = Some(end(value).ok_or_else(|| bad(TIMES.to_owned()))?),
            "model" => self.model = Some(fold_model(value).into_owned()),
            "prompt_search" => self.prompt_search = Some(Needle::new(value)),
            "prompt_category" if category::ALL.contains(&value) => self.prompt_category = text,
            "prompt_category" => return Err(bad(category::ALL.join(", "))),
            "status" if Outcome::ALL.iter().any(|outcome| outcome.as_str() == value) => self.status = text,
            "status" => return Err(bad(Outcome::ALL.map(Outcome::as_str).join(", "))),
            "endpoint" => self.endpoint = Some(value.strip_prefix('/').unwrap_or(value).to_owned()),
            "host" => self.host = text,
            "tap" => self.tap = Some(value.parse().map_err(|_| bad("a port from 0 to 65535".to_owned()))?),
            "limit" => self.limit = limit(value).ok_or_else(|| bad(format!("a number from 1 to {LIMIT_MAX}")))?,
            "before" => self.before = text,
            _ => {
                let text = format!("only the parameters {}", NAMES.join(", "));
                return Err(bad(text));
            }
        }
        Ok(())
    }

    /// Whether `record` is meant. `before` and `limit` are not looked at: see `Query::is_before`.
    pub fn matches(&self, record: &Record) -> bool {
        self.matches_facts(&record.facts()) && self.prompt_search.as_ref().is_none_or(|needle| needle.is_in(record.searchable()))
    }

    /// Everything of `matches` but the text.
    pub fn matches_facts(&self, facts: &Facts) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        self.spans(facts.timestamp)
            && is(&self.model, facts.model.as_deref().unwrap_or(UNKNOWN))
            && is(&self.prompt_category, &facts.prompt_category)
            && is(&self.status, &facts.status)
            && is(&self.endpoint, &facts.endpoint)
            && (self.host.is_none() || self.host.as_deref() == Some(facts.host.as_deref().unwrap_or(UNKNOWN)))
            && (self.tap.is_none() || self.tap == facts.tap)
    }

    /// Whether `timestamp` lies within the times asked for.
    pub fn spans(&self, timestamp: f64) -> bool {
        self.start_time.is_none_or(|start| timestamp >= start) && self.end_time.is_none_or(|end| timestamp <= end)
    }

    /// Whether any time from `first` to `last` does.
    pub fn overlaps(&self, first: f64, last: f64) -> bool {
        self.start_time.is_none_or(|start| last >= start) && self.end_time.is_none_or(|end| first <= end)
    }

    /// Whether `record` lies before `bound`, where there is one.
    pub fn is_before(record: &Record, bound: Option<&Position>) -> bool {
        bound.is_none_or(|bound| record.position() < *bound)
    }
}

const NAMES: [&str; 11] =
    ["start_time", "end_time", "model", "prompt_search", "prompt_category", "status", "endpoint", "host", "tap", "limit", "before"];

/// A text to find in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    text: String,
    folded: String,
}

impl Needle {
    pub fn new(text: &str) -> Needle {
        Needle { text: text.to_owned(), folded: fold(text) }
    }

    /// As it was asked for.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As `fold` makes it.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    pub fn is_in(&self, text: Option<&str>) -> bool {
        text.is_some_and(|text| fold(text).contains(&self.folded))
    }
}

/// A text in which letters that differ in case only are the same, wherever they stand: a sigma at a word's end is one like any other.
pub fn fold(text: &str) -> String {
    let lower = |c: char| c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c });
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().flat_map(lower).collect() }
}

fn limit(text: &str) -> Option<usize> {
    usize::from_str(text).ok().filter(|limit| (1..=LIMIT_MAX).contains(limit))
}

/// A number of hours to look back: `HOURS_FORMS` says which.
pub fn hours(text: &str) -> Option<f64> {
    text.parse().ok().filter(|hours| *hours > 0.0 && *hours <= HOURS_MAX)
}

/// A moment, in Unix seconds: `TIMES` says what it may look like. A date begins at midnight here.
pub fn time(text: &str) -> Option<f64> {
    let number = || f64::from_str(text).ok().filter(|seconds| seconds.is_finite());
    let moment = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros() as f64 / 1e6);
    number().or_else(moment).or_else(|| midnight(NaiveDate::from_str(text).ok()?))
}

/// The end of what is meant: of a date, its last moment.
fn end(text: &str) -> Option<f64> {
    match NaiveDate::from_str(text) {
        Ok(date) => midnight(date.succ_opt()?).map(|next| next - MOMENT),
        Err(_) => time(text),
    }
}

/// When a date begins here.
fn midnight(date: NaiveDate) -> Option<f64> {
    Local.from_local_datetime(&date.and_time(NaiveTime::MIN)).earliest().map(|time| time.timestamp() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Query {
        Query::parse(pairs.iter().copied()).unwrap()
    }

    fn complaint(name: &str, value: &str) -> String {
        Query::parse([(name, value)]).unwrap_err().to_string()
    }

    #[test]
    fn times_are_unix_seconds_or_rfc_3339_or_a_date() {
        assert_eq!(time("1795252622.5"), Some(1_795_252_622.5));
        assert_eq!(time("2026-11-21T09:17:02Z"), Some(1_795_252_622.0));
        assert_eq!(time("2026-11-21T10:17:02.25+01:00"), Some(1_795_252_622.25));
        assert!(time("2026-11-21").is_some_and(|t| (t - 1_795_219_200.0).abs() <= 14.0 * 3600.0));
        for bad in ["", "yesterday", "NaN", "inf", "2026-13-01", "2026-11-21 09:17"] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_date_as_an_end_means_its_last_moment() {
        let read = query(&[("start_time", "2026-11-21"), ("end_time", "2026-11-21")]);
        let (start, end) = (read.start_time.unwrap(), read.end_time.unwrap());
        assert!((86_399.0..86_400.0).contains(&(end - start)), "{start} to {end}");
        assert_eq!(query(&[("end_time", "2026-11-21T09:17:02Z")]).end_time, Some(1_795_252_622.0));
    }

    #[test]
    fn every_parameter_is_read() {
        let read = query(&[
            ("start_time", "1"),
            ("end_time", "2.5"),
            ("model", "phi4"),
            ("prompt_search", "Sky"),
            ("prompt_category", "question"),
            ("status", "error"),
            ("endpoint", "/api/chat"),
            ("limit", "7"),
            ("before", "00ff"),
        ]);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!((read.start_time, read.end_time, read.model, read.before), (Some(1.0), Some(2.5), text("phi4"), text("00ff")));
        assert_eq!((read.prompt_category, read.status, read.endpoint, read.limit), (text("question"), text("error"), text("api/chat"), 7));
        assert_eq!(read.prompt_search, Some(Needle::new("Sky")));
        assert_eq!(query(&[("model", ""), ("limit", "")]), Query::default());
    }

    #[test]
    fn a_bad_value_is_named_with_what_is_accepted() {
        assert_eq!(complaint("limit", "0"), "bad value for limit: `0`; accepted: a number from 1 to 100");
        assert_eq!(complaint("status", "failed"), "bad value for status: `failed`; accepted: success, error, cancelled");
        assert!(complaint("start_time", "soon").contains("RFC 3339"));
        assert!(complaint("prompt_category", "x").contains("code_write"));
        assert!(complaint("promt_search", "x").contains("only the parameters start_time"));
    }

    #[test]
    fn text_is_found_in_any_case_and_any_alphabet() {
        for (text, needle) in [
            ("The SKY is", "sky"),
            ("ÜBER", "über"),
            ("Привет", "ПРИВ"),
            ("a\0b", "A\0B"),
            ("%_", "%"),
            ("空は青い", "青"),
            ("ΑΣΦΑΛΕΙΑ", "ΑΣ"),
            ("Ας", "ΑΣ"),
        ] {
            assert!(Needle::new(needle).is_in(Some(text)), "{needle} in {text}");
        }
        assert!(!Needle::new("x").is_in(None) && !Needle::new("%").is_in(Some("abc")));
    }

    #[test]
    fn a_record_matches_when_every_filter_does() {
        let record = Record {
            timestamp: 10.0,
            endpoint: "api/chat".into(),
            status: "success".into(),
            prompt_category: "other".into(),
            prompt_full: Some("Hello".into()),
            ..Record::default()
        };
        for good in [
            ("start_time", "10"),
            ("end_time", "10"),
            ("model", "unknown"),
            ("endpoint", "api/chat"),
            ("status", "success"),
            ("prompt_search", "ELL"),
        ] {
            assert!(query(&[good]).matches(&record), "{good:?}");
        }
        for bad in [("start_time", "10.1"), ("end_time", "9"), ("model", "phi4"), ("status", "error"), ("prompt_search", "x")] {
            assert!(!query(&[good_pair(), bad]).matches(&record), "{bad:?}");
        }
    }

    fn good_pair() -> (&'static str, &'static str) {
        ("endpoint", "api/chat")
    }
}
