//! Writes numbers and times as people read them in a terminal.

use chrono::{DateTime, Local};

use crate::util::numbers::thousands;

/// Stands for an unknown value.
const UNKNOWN: &str = "-";

/// The latest time that is a date (the year 5138, Unix seconds).
const END_OF_TIME: f64 = 1e11;

/// `1 record`, `1,234 records`.
pub fn pluralize(number: u64, word: &str) -> String {
    format!(
        "{} {word}{}",
        thousands(number),
        if number == 1 { "" } else { "s" }
    )
}

pub fn duration(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else {
        return UNKNOWN.to_owned();
    };
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 99.95 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{}m {:02}s", s as u64 / 60, s as u64 % 60),
        s => format!("{}h {:02}m", s as u64 / 3600, s as u64 / 60 % 60),
    }
}

/// Writes a number of things that may be unknown.
pub fn count(number: Option<u64>) -> String {
    number.map_or(UNKNOWN.to_owned(), thousands)
}

/// Writes a number with one decimal.
pub fn decimal(number: Option<f64>) -> String {
    number.map_or(UNKNOWN.to_owned(), |number| format!("{number:.1}"))
}

/// Writes a number of bytes.
pub fn size(bytes: u64) -> String {
    match bytes as f64 {
        b if b < 1e3 => pluralize(bytes, "byte"),
        b if b < 1e6 => format!("{:.1} kB", b / 1e3),
        b if b < 1e9 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.1} GB", b / 1e9),
    }
}

/// Writes a share of 1 as per cent.
pub fn percent(share: Option<f64>) -> String {
    share.map_or(UNKNOWN.to_owned(), |share| format!("{:.1}%", share * 100.0))
}

pub fn hours(hours: f64) -> String {
    if hours == 1.0 {
        "hour".to_owned()
    } else {
        format!("{hours} hours")
    }
}

/// Returns the second of a time (Unix seconds) by this machine's clock, if it has one.
pub fn local_time(timestamp: f64) -> Option<DateTime<Local>> {
    let time = DateTime::from_timestamp(timestamp as i64, 0);
    let time = time.filter(|_| timestamp.abs() < END_OF_TIME)?;
    Some(time.with_timezone(&Local))
}

/// Writes a time (Unix seconds) as a local date.
pub fn format_time(timestamp: f64) -> String {
    local_time(timestamp).map_or(timestamp.to_string(), |time| {
        time.format("%Y-%m-%d %H:%M:%S").to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        assert_eq!(
            [0, 1, 2].map(|n| pluralize(n, "record")),
            ["0 records", "1 record", "2 records"]
        );
        let times =
            [0.0, 0.0124, 0.9996, 9.99, 12.34, 99.96, 130.0, 3725.0].map(|s| duration(Some(s)));
        assert_eq!(
            times,
            [
                "0 ms", "12 ms", "1.00 s", "9.99 s", "12.3 s", "1m 39s", "2m 10s", "1h 02m"
            ]
        );
        assert_eq!(
            (duration(None), decimal(Some(41.66)), decimal(None)),
            ("-".into(), "41.7".into(), "-".into())
        );
        assert_eq!(
            [1, 999, 1234, 5_600_000, 7_000_000_000].map(size),
            ["1 byte", "999 bytes", "1.2 kB", "5.6 MB", "7.0 GB"]
        );
        assert_eq!(
            (percent(Some(0.9876)), hours(1.0), hours(0.5)),
            ("98.8%".into(), "hour".into(), "0.5 hours".into())
        );
    }

    #[test]
    fn any_number_is_some_moment() {
        assert_eq!(
            format_time(1_795_252_622.5).len(),
            "2026-11-21 09:17:02".len()
        );
        for strange in [f64::MAX, -1e300, f64::NAN, f64::INFINITY, 8.2e12, -1.0] {
            assert!(!format_time(strange).is_empty());
        }
    }
}
