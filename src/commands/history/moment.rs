//! Moments as people type them after `--since`, `--until` and `--before`: in this machine's zone, where they name none.

use std::str::FromStr;

use chrono::{Days, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};

use super::format::local_time;
use crate::history::store::query::parse_time;

/// What is taken, for messages.
pub const FORMATS: &str = "a span back from now (30m, 2h, 7d), now, today, yesterday or a date (2026-11-21), each day also with a time \
     (today 14:00, 2026-11-21 09:17:02), RFC 3339 (2026-11-21T09:17:02Z) or Unix seconds (1795252622.5)";

/// The resolution of times (seconds): what ends does so this long before the next begins.
const RESOLUTION: f64 = 1e-6;

/// A hundred years: no span is longer (seconds).
const SPAN_MAX: f64 = 876_600.0 * 3600.0;

/// Which end of a span a moment is: a day, or a second, begins with its first moment and ends with its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Start,
    End,
}

/// Reads a moment, as `FORMATS` says; returns Unix seconds.
pub fn parse(text: &str, edge: Edge, now: f64) -> Option<f64> {
    let text = text.trim();
    if text == "now" {
        return Some(now);
    }
    span(text)
        .map(|span| now - span)
        .or_else(|| local(text, edge, now))
        .or_else(|| parse_time(text))
}

/// Reads a span back from now: a number and its unit (seconds).
fn span(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return None,
    };
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit());
    let number = f64::from_str(digits).ok().filter(|_| is_number)?;
    Some(number * unit).filter(|span| *span <= SPAN_MAX)
}

/// Reads a day of this machine's zone, alone or with a time of it.
fn local(text: &str, edge: Edge, now: f64) -> Option<f64> {
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (day, Some(time.trim())),
        None => (text, None),
    };
    let today = local_time(now)?.date_naive();
    let date = match day {
        "today" => today,
        "yesterday" => today.checked_sub_days(Days::new(1))?,
        _ => NaiveDate::from_str(day).ok()?,
    };
    let (begin, length) = match time {
        None => (date.and_time(NaiveTime::MIN), Length::Day),
        Some(time) => {
            let (time, length) = time_of_day(time)?;
            (date.and_time(time), length)
        }
    };
    let end = match (edge, length) {
        (Edge::Start, _) | (Edge::End, Length::Moment) => return unix(begin),
        (Edge::End, Length::Second) => begin.checked_add_signed(TimeDelta::seconds(1))?,
        (Edge::End, Length::Day) => begin.checked_add_days(Days::new(1))?,
    };
    unix(end).map(|next| next - RESOLUTION)
}

/// How much of the clock a text stands for. A second that we print has fractions that we do not.
enum Length {
    Moment,
    Second,
    Day,
}

fn time_of_day(text: &str) -> Option<(NaiveTime, Length)> {
    if let Ok(time) = NaiveTime::parse_from_str(text, "%H:%M:%S") {
        return Some((time, Length::Second));
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M:%S%.f");
    let time = time.or_else(|_| NaiveTime::parse_from_str(text, "%H:%M"));
    Some((time.ok()?, Length::Moment))
}

/// The moment of a local time; of one that a clock skips in spring, that an hour later.
fn unix(time: NaiveDateTime) -> Option<f64> {
    let skipped = || {
        let later = time.checked_add_signed(TimeDelta::hours(1))?;
        Local.from_local_datetime(&later).earliest()
    };
    let moment = Local.from_local_datetime(&time).earliest();
    Some(moment.or_else(skipped)?.timestamp_micros() as f64 / 1e6)
}

/// What is said once where times are shown.
pub fn zone_note() -> String {
    format!("times are local, {}", Local::now().format("%:z"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::format_time;
    use super::*;

    const NOW: f64 = 1_795_252_622.25;

    fn start(text: &str) -> f64 {
        parse(text, Edge::Start, NOW).unwrap_or_else(|| panic!("{text} is not read"))
    }

    fn end(text: &str) -> f64 {
        parse(text, Edge::End, NOW).unwrap_or_else(|| panic!("{text} is not read"))
    }

    #[test]
    fn spans_go_back_from_now() {
        for (text, seconds) in [
            ("now", 0.0),
            ("90s", 90.0),
            ("30m", 1800.0),
            ("2h", 7200.0),
            (" 1.5h ", 5400.0),
            ("7d", 604_800.0),
            ("1w", 604_800.0),
        ] {
            assert_eq!(
                (start(text), end(text)),
                (NOW - seconds, NOW - seconds),
                "{text}"
            );
        }
    }

    #[test]
    fn days_begin_and_end_by_the_local_clock() {
        assert_eq!(&format_time(start("today"))[10..], " 00:00:00");
        assert_eq!(&format_time(end("today"))[10..], " 23:59:59");
        assert_eq!(&format_time(start("today 14:00"))[10..], " 14:00:00");
        assert_eq!(format_time(start("2026-11-21")), "2026-11-21 00:00:00");
        assert_eq!(
            format_time(end("2026-11-21 09:17:02")),
            "2026-11-21 09:17:02"
        );
        assert_eq!(start("2026-11-21 09:17"), start("2026-11-21T09:17:00"));
        assert!((1.0 - (end("2026-11-21 09:17:02") - start("2026-11-21 09:17:02"))).abs() < 1e-5);
        let day = start("today") - start("yesterday");
        assert!((23.0 * 3600.0..=25.0 * 3600.0).contains(&day), "{day}");
        assert!(end("yesterday") < start("today") && start("today") <= NOW && NOW <= end("today"));
    }

    #[test]
    fn what_names_its_zone_or_is_a_number_is_taken_as_the_pages_take_it() {
        assert_eq!(start("1795252622.5"), 1_795_252_622.5);
        assert_eq!(end("2026-11-21T10:17:02.25+01:00"), 1_795_252_622.25);
        for bad in [
            "",
            "soon",
            "2 h",
            "h",
            "-2h",
            "1e400h",
            "infd",
            "today 25:00",
            "today14:00",
            "2026-13-01",
            "2026-11-21 9",
            "yesterday yesterday",
        ] {
            assert_eq!(parse(bad, Edge::Start, NOW), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_we_print_is_read_as_the_second_that_it_stands_for(time in 0.0..4e9) {
            let printed = format_time(time);
            let (start, end) = (start(&printed), end(&printed));
            // An hour that comes twice in autumn is printed alike.
            let is_in = |shift: f64| (start + shift..=end + shift).contains(&((time * 1e6).floor() / 1e6));
            prop_assert!(is_in(0.0) || is_in(3600.0), "{} is not in {} to {}", time, start, end);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,20}") {
            let _ = parse(&text, Edge::Start, NOW);
            let _ = parse(&text, Edge::End, NOW);
        }
    }
}
