//! What statistics a command asks for.

use super::super::UsageErrors;
use super::super::filter::{self, bad_flag};
use super::combine;
use crate::cli::StatsArgs;
use crate::history::store::query::DEFAULT_HOURS;
use crate::history::store::{GroupBy, Query, local_zone};

/// The span, the filters and the groups of a question for statistics.
#[derive(Debug, Default, PartialEq)]
pub struct StatsRequest {
    /// Up to the end of the query, or to now; `None` where the query has a start.
    pub hours: Option<f64>,
    pub query: Query,
    pub by: Option<GroupBy>,
}

/// Reads the flags.
pub fn parse(args: &StatsArgs) -> Result<StatsRequest, UsageErrors> {
    let mut flags = vec![("--search", &args.search)];
    flags.extend(args.filters());
    let span = filter::span(args.hours.as_deref(), &flags);
    let ((hours, query), by) = combine(span, parse_by(args.by.as_deref()))?;
    match (query.start_time, query.end_time) {
        (Some(start), Some(end)) if end < start => Err(vec![BACKWARDS.to_owned()]),
        _ => Ok(StatsRequest { hours, query, by }),
    }
}

/// What is said of a span that ends before it begins.
const BACKWARDS: &str = "--until is before --since; give the earlier of them as --since";

fn parse_by(flag: Option<&str>) -> Result<Option<GroupBy>, UsageErrors> {
    let Some(text) = flag else {
        return Ok(None);
    };
    let by = text.trim().parse();
    by.map(Some)
        .map_err(|()| vec![bad_flag("--by", text, &GroupBy::accepted())])
}

impl StatsRequest {
    /// Returns whether it has no filter and ends now.
    pub fn is_of_all_until_now(&self) -> bool {
        self.hours.is_some() && self.query == Query::default()
    }

    /// The parameters of the page that answers it.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let hours = match self.query.start_time {
            Some(_) => None,
            None => Some(self.hours.unwrap_or(DEFAULT_HOURS)),
        };
        let mut parameters: Vec<_> = hours
            .map(|hours| ("hours", hours.to_string()))
            .into_iter()
            .collect();
        parameters.extend(filter::parameters(&self.query));
        parameters.extend(self.by.map(|by| ("by", by.as_str().to_owned())));
        if self.by.is_some_and(GroupBy::is_of_time) {
            // Days and hours are those of the clock on this wall.
            parameters.push(("tz", local_zone()));
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: StatsArgs) -> Vec<(&'static str, String)> {
        parse(&args).unwrap().parameters()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn hours_filters_and_groups_are_asked_for() {
        assert_eq!(asked(StatsArgs::default()), [("hours", "24".to_owned())]);
        let filtered = StatsArgs {
            model: some("phi4"),
            start: some("1795252622"),
            by: some("version"),
            ..StatsArgs::default()
        };
        let expected = [
            ("start_time", "1795252622".to_owned()),
            ("model", "phi4".to_owned()),
            ("by", "version".to_owned()),
        ];
        assert_eq!(asked(filtered), expected);
        let by_day = asked(StatsArgs {
            by: some("day"),
            hours: some("48"),
            ..StatsArgs::default()
        });
        let names: Vec<&str> = by_day.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["hours", "by", "tz"]);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let errors = parse(&StatsArgs {
            hours: some("0"),
            status: some("well"),
            by: some("prompt"),
            ..StatsArgs::default()
        })
        .unwrap_err();
        for (error, name) in errors.iter().zip(["--hours", "--status", "--by"]) {
            assert!(error.contains(name), "{error}");
        }
        let both = parse(&StatsArgs {
            hours: some("2"),
            start: some("1795252622"),
            ..StatsArgs::default()
        });
        assert!(both.is_err_and(|errors| errors[0].contains("give one of them")));
        let backwards = parse(&StatsArgs {
            start: some("1795252622"),
            until: some("1795252621"),
            ..StatsArgs::default()
        });
        assert_eq!(backwards, Err(vec![BACKWARDS.to_owned()]));
    }
}
