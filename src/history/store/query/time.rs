//! Moments and spans of time, as people write them.

use std::str::FromStr;

use chrono::{DateTime, Local, NaiveDate, NaiveTime, TimeZone};

/// The resolution of times (seconds): a date ends this long before the next one.
const TIME_RESOLUTION: f64 = 1e-6;

/// The formats of a time, for messages.
pub const TIME_FORMATS: &str =
    "Unix seconds (1795252622.5), RFC 3339 (2026-11-21T09:17:02Z) or a date (2026-11-21)";

/// Hours that statistics look back by default.
pub const DEFAULT_HOURS: f64 = 24.0;

/// A hundred years: nothing is older.
const HOURS_MAX: f64 = 876_600.0;

/// The format of `hours`, for messages.
pub const HOURS_FORMAT: &str = "a number of hours above 0, up to 876600";

/// Days that findings are hidden by default.
pub const DEFAULT_HIDDEN_DAYS: u32 = 30;

/// Ten years.
const HIDDEN_DAYS_MAX: u32 = 3650;

/// The format of the days that findings are hidden, for messages.
pub const HIDDEN_DAYS_FORMAT: &str = "a number of days up to 3650, or 0 to show them again";

/// Reads a number of days, as `HIDDEN_DAYS_FORMAT` says.
pub fn parse_hidden_days(text: &str) -> Option<u32> {
    text.parse().ok().filter(|days| *days <= HIDDEN_DAYS_MAX)
}

/// Reads a number of hours to look back, as `HOURS_FORMAT` says.
pub fn parse_hours(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|hours| *hours > 0.0 && *hours <= HOURS_MAX)
}

/// Reads a moment, as `TIME_FORMATS` says; returns Unix seconds. A date begins at local midnight.
pub fn parse_time(text: &str) -> Option<f64> {
    let number = || {
        f64::from_str(text)
            .ok()
            .filter(|seconds| seconds.is_finite())
    };
    let moment = || {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.timestamp_micros() as f64 / 1e6)
    };
    number()
        .or_else(moment)
        .or_else(|| midnight(NaiveDate::from_str(text).ok()?))
}

/// Reads the end of a span: of a date, its last moment.
pub fn parse_end(text: &str) -> Option<f64> {
    match NaiveDate::from_str(text) {
        Ok(date) => midnight(date.succ_opt()?).map(|next| next - TIME_RESOLUTION),
        Err(_) => parse_time(text),
    }
}

/// Returns when a date begins in local time (Unix seconds).
fn midnight(date: NaiveDate) -> Option<f64> {
    Local
        .from_local_datetime(&date.and_time(NaiveTime::MIN))
        .earliest()
        .map(|time| time.timestamp() as f64)
}
