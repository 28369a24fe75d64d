//! What statistics are asked for, as pages and commands say it.

use super::slots::{DAY, STEP_FORMATS, Slots, WEEK};
use super::zone::{ZONE_FORMATS, Zone};
use super::{EXACT_RECORDS_MAX, GroupBy};
use crate::history::store::query::{
    BadParameter, DEFAULT_HOURS, HOURS_FORMAT, LIST_PARAMETERS, PARAMETER_NAMES, Query, parse_hours,
};

/// The parameters that are no filters of a search.
const OWN_PARAMETERS: [&str; 6] = ["hours", "tz", "step", "compare", "by", "facets"];

/// What the totals of a span are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// As much time before it.
    #[default]
    Span,
    /// The same hours of the day before.
    Day,
    /// The same hours a week before.
    Week,
}

/// A question for statistics.
pub struct StatsQuestion {
    /// Its filters. It has no end where it ends now.
    pub query: Query,
    /// Unix seconds.
    pub start: f64,
    pub end: f64,
    pub zone: Zone,
    pub slots: Slots,
    compare: Compare,
    pub by: Option<GroupBy>,
    /// Groups of one kind count what all other filters let pass.
    pub has_facets: bool,
    /// The most matching records whose percentiles are exact.
    pub exact_max: u64,
}

impl StatsQuestion {
    /// Reads the parameters of a page: the filters of a search, and `OWN_PARAMETERS`. An empty value
    /// counts as not given, and a later one wins.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        now: f64,
    ) -> Result<StatsQuestion, BadParameter> {
        let mut own = [""; OWN_PARAMETERS.len()];
        let mut filters = Vec::new();
        for (name, value) in pairs {
            match OWN_PARAMETERS.iter().position(|own| *own == name) {
                Some(n) => own[n] = value,
                None if is_filter(name) => filters.push((name, value)),
                None => return Err(unknown(name, value)),
            }
        }
        let [hours, tz, step, compare, by, facets] = own;
        let query = query(filters, hours, now)?;
        let zone = match tz {
            "" => Zone::utc(),
            tz => Zone::parse(tz).ok_or_else(|| BadParameter::new("tz", tz, ZONE_FORMATS))?,
        };
        let start = query.start_time.unwrap_or(now);
        let end = query.end_time.unwrap_or(now.max(start));
        Ok(StatsQuestion {
            slots: slots(start, end, step, &zone)?,
            query,
            start,
            end,
            zone,
            compare: compared(compare)?,
            by: grouping(by)?,
            has_facets: is_set(facets)?,
            exact_max: EXACT_RECORDS_MAX,
        })
    }

    /// Asks for the totals of all that match, as roll-ups tell them, up to a query's end or `now`.
    pub fn of_totals(query: &Query, now: f64) -> StatsQuestion {
        let span = (
            query.start_time.unwrap_or(f64::MIN),
            query.end_time.unwrap_or(now),
        );
        StatsQuestion::totals(query.clone(), span, 0)
    }

    /// Returns the span that it is compared with (Unix seconds); its end is no part of it.
    pub fn previous(&self) -> (f64, f64) {
        let (start, end) = (self.start, self.end);
        let earlier = |time: f64, days: f64| {
            let then = time - days;
            then + self.zone.offset(time) - self.zone.offset(then)
        };
        match self.compare {
            Compare::Span => (start - (end - start), start),
            Compare::Day => (earlier(start, DAY), earlier(end, DAY).min(start)),
            Compare::Week => (earlier(start, WEEK), earlier(end, WEEK).min(start)),
        }
    }

    /// Asks for the totals of another span with the same filters; its end is no part of it.
    pub fn totals_of(&self, (start, end): (f64, f64)) -> StatsQuestion {
        let query = Query {
            start_time: Some(start),
            end_time: Some(end.next_down()),
            ..self.query.clone()
        };
        StatsQuestion::totals(query, (start, end), self.exact_max)
    }

    /// Asks for totals alone, which neither a zone nor a comparison changes.
    fn totals(query: Query, (start, end): (f64, f64), exact_max: u64) -> StatsQuestion {
        StatsQuestion {
            query,
            start,
            end,
            zone: Zone::utc(),
            slots: Slots::single(start, end),
            compare: Compare::Span,
            by: None,
            has_facets: false,
            exact_max,
        }
    }

    /// Returns whether roll-ups have what tells its records apart, in pieces of `length` seconds.
    pub fn is_of_sets(&self, length: f64) -> bool {
        let query = &self.query;
        let has_bounds = query.min_duration.or(query.max_duration).is_some();
        let by_time = [self.start, self.end].map(|time| self.zone.offset(time) % length == 0.0);
        query.is_of_summaries()
            && query.finding.is_none()
            && !has_bounds
            && query.min_tokens.is_none()
            && self.by != Some(GroupBy::Session)
            && self.slots.are_multiples_of(length)
            && (self.by.is_none() || by_time == [true; 2])
    }
}

fn is_filter(name: &str) -> bool {
    PARAMETER_NAMES.contains(&name) && !LIST_PARAMETERS.contains(&name)
}

fn query(filters: Vec<(&str, &str)>, hours: &str, now: f64) -> Result<Query, BadParameter> {
    let query = Query::parse(filters)?;
    let hours = match hours {
        "" => DEFAULT_HOURS,
        text if query.start_time.is_some() => {
            return Err(BadParameter::new(
                "hours",
                text,
                "either start_time or hours",
            ));
        }
        text => parse_hours(text).ok_or_else(|| BadParameter::new("hours", text, HOURS_FORMAT))?,
    };
    Ok(query.in_hours(hours, now))
}

fn slots(start: f64, end: f64, step: &str, zone: &Zone) -> Result<Slots, BadParameter> {
    if end < start {
        let accepted = "a time that is not before start_time";
        return Err(BadParameter::new("end_time", &end.to_string(), accepted));
    }
    let bad_step = || BadParameter::new("step", step, STEP_FORMATS);
    let seconds = match step {
        "" | "auto" => None,
        text => Some(text.parse::<f64>().map_err(|_| bad_step())?),
    };
    Slots::new(start, end, seconds, zone).ok_or_else(bad_step)
}

fn compared(text: &str) -> Result<Compare, BadParameter> {
    match text {
        "" | "span" => Ok(Compare::Span),
        "day" => Ok(Compare::Day),
        "week" => Ok(Compare::Week),
        _ => Err(BadParameter::new("compare", text, "span, day or week")),
    }
}

fn grouping(text: &str) -> Result<Option<GroupBy>, BadParameter> {
    if text.is_empty() {
        return Ok(None);
    }
    let by = text.parse();
    by.map(Some)
        .map_err(|()| BadParameter::new("by", text, &GroupBy::accepted()))
}

fn is_set(text: &str) -> Result<bool, BadParameter> {
    match text {
        "true" => Ok(true),
        "" | "false" => Ok(false),
        _ => Err(BadParameter::new("facets", text, "true or false")),
    }
}

fn unknown(name: &str, value: &str) -> BadParameter {
    let filters = PARAMETER_NAMES.into_iter().filter(|name| is_filter(name));
    let names: Vec<&str> = OWN_PARAMETERS.into_iter().chain(filters).collect();
    BadParameter::new(
        name,
        value,
        &format!("only the parameters {}", names.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-30, a Monday, 12:00 UTC.
    const NOW: f64 = 1_796_040_000.0;

    fn question(pairs: &[(&str, &str)]) -> StatsQuestion {
        let question = StatsQuestion::parse(pairs.iter().copied(), NOW);
        question.unwrap_or_else(|bad| panic!("{pairs:?}: {bad}"))
    }

    #[test]
    fn a_question_is_of_the_last_day_or_of_what_it_says() {
        let span = |pairs: &[(&str, &str)]| {
            let question = question(pairs);
            (question.start - NOW, question.end - NOW)
        };
        assert_eq!(span(&[]), (-DAY, 0.0));
        assert_eq!(span(&[("hours", "2")]), (-7200.0, 0.0));
        let (start, end) = ((NOW - 500.0).to_string(), (NOW - 100.0).to_string());
        assert_eq!(span(&[("start_time", &start)]), (-500.0, 0.0));
        assert_eq!(
            span(&[("start_time", &start), ("end_time", &end)]),
            (-500.0, -100.0)
        );
        assert_eq!(
            span(&[("end_time", &end), ("hours", "1")]),
            (-3700.0, -100.0)
        );
        assert_eq!(
            question(&[("end_time", &end)]).query.end_time,
            Some(NOW - 100.0)
        );
        assert_eq!(
            question(&[("tz", ""), ("step", "auto")]).query.end_time,
            None
        );
        let later = (NOW + 500.0).to_string();
        assert_eq!(span(&[("start_time", &later)]), (500.0, 500.0));
    }

    #[test]
    fn it_is_compared_with_the_same_hours_by_the_clock() {
        let rome = |compare, start: f64, end: f64| {
            let times = [start, end].map(|time| time.to_string());
            question(&[
                ("tz", "Europe/Rome"),
                ("compare", compare),
                ("start_time", &times[0]),
                ("end_time", &times[1]),
            ])
            .previous()
        };
        assert_eq!(rome("span", NOW - 600.0, NOW), (NOW - 1200.0, NOW - 600.0));
        // The clock was put back in the night to 2026-10-25: that day had 25 hours.
        let monday = 1_792_969_200.0;
        assert_eq!(
            rome("day", monday, monday + 3600.0),
            (monday - 90_000.0, monday - 90_000.0 + 3600.0)
        );
        assert_eq!(
            rome("week", NOW - DAY, NOW),
            (NOW - 8.0 * DAY, NOW - 7.0 * DAY)
        );
        assert_eq!(
            rome("day", NOW - 3.0 * DAY, NOW).1,
            NOW - 3.0 * DAY,
            "none counts twice"
        );
    }

    #[test]
    fn what_cannot_be_used_is_named_with_what_is_accepted() {
        for (name, value, accepted) in [
            ("hours", "0", "hours above 0"),
            ("tz", "Mars/Olympus", "+05:30"),
            ("step", "1", "at most 1000"),
            ("step", "soon", "auto"),
            ("compare", "month", "week"),
            ("by", "colour", "session"),
            ("facets", "yes", "true or false"),
            ("limit", "5", "only the parameters hours, tz"),
            ("colour", "5", "only the parameters hours, tz"),
        ] {
            let bad = StatsQuestion::parse([(name, value)], NOW).err().unwrap();
            assert!(bad.to_string().contains(accepted), "{name}: {bad}");
        }
        let backwards = [("start_time", "5"), ("end_time", "4")];
        let bad = StatsQuestion::parse(backwards, NOW).err().unwrap();
        assert!(bad.to_string().contains("not before start_time"), "{bad}");
        let both = [("hours", "1"), ("start_time", "5")];
        assert!(StatsQuestion::parse(both, NOW).is_err());
    }
}
