//! The flags that say which records are meant, read as the pages read their parameters.

use super::moment::{self, Edge};
use super::{UsageErrors, combine};
use crate::cli::Flag;
use crate::history::record::now;
use crate::history::store::Query;
use crate::history::store::query::{
    self, ClientFilter, DEFAULT_HOURS, FindingFilter, HOURS_FORMAT, Sort,
};

/// The flags, each with its name as a parameter of a page.
const PARAMETERS: [(&str, &str); 22] = [
    ("TEXT", "prompt_search"),
    ("--search", "prompt_search"),
    ("--q", "q"),
    ("--min-duration", "min_duration"),
    ("--max-duration", "max_duration"),
    ("--min-tokens", "min_tokens"),
    ("--model", "model"),
    ("--status", "status"),
    ("--category", "prompt_category"),
    ("--endpoint", "endpoint"),
    ("--host", "host"),
    ("--tap", "tap"),
    ("--finding", "finding"),
    ("--client", "client"),
    ("--session", "session"),
    ("--since", "start_time"),
    ("--start", "start_time"),
    ("--until", "end_time"),
    ("--end", "end_time"),
    ("--limit", "limit"),
    ("--sort", "sort"),
    ("--before", "before"),
];

/// The records that these flags mean, or all that is wrong with them.
pub fn query(flags: &[Flag]) -> Result<Query, UsageErrors> {
    let mut pairs = Vec::new();
    let mut complaints = Vec::new();
    for same in [["--since", "--start"], ["--until", "--end"]] {
        if same.iter().all(|flag| is_given(flags, flag)) {
            complaints.push(same_thing(same));
        }
    }
    for (flag, value) in flags {
        let Some(value) = value else { continue };
        let value = match edge(flag).filter(|_| !value.is_empty()) {
            None => value.clone(),
            Some(edge) => match moment::parse(value, edge, now()) {
                Some(time) => time.to_string(),
                None => {
                    complaints.push(bad_flag(flag, value, moment::FORMATS));
                    continue;
                }
            },
        };
        let name = PARAMETERS
            .iter()
            .find(|(known, _)| known == flag)
            .map_or(*flag, |(_, name)| name);
        match Query::parse([(name, value.as_str())]) {
            Ok(_) => pairs.push((name, value)),
            Err(bad) => complaints.push(bad_flag(flag, &value, &bad.accepted)),
        }
    }
    if complaints.is_empty() {
        let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
        Query::parse(pairs).map_err(|bad| vec![bad.to_string()])
    } else {
        Err(complaints)
    }
}

/// The end of a span that this flag says, if it takes a time.
fn edge(flag: &str) -> Option<Edge> {
    match flag {
        "--since" | "--start" => Some(Edge::Start),
        "--until" | "--end" => Some(Edge::End),
        _ => None,
    }
}

fn is_given(flags: &[Flag], name: &str) -> bool {
    flags
        .iter()
        .any(|(flag, value)| *flag == name && value.is_some())
}

fn same_thing([one, other]: [&str; 2]) -> String {
    format!("{one} and {other} say the same; give one of them")
}

/// The records that these flags mean in a span of hours, which end at `--until` or now. Without hours where `--since` is given, else those
/// of a day.
pub fn span(hours: Option<&str>, flags: &[Flag]) -> Result<(Option<f64>, Query), UsageErrors> {
    let start = ["--since", "--start"]
        .into_iter()
        .find(|flag| is_given(flags, flag));
    let (hours, query) = combine(parse_hours(hours), query(flags))?;
    match (hours, start) {
        (Some(_), Some(start)) => Err(vec![same_thing(["--hours", start])]),
        (None, Some(_)) => Ok((None, query)),
        (hours, None) => Ok((Some(hours.unwrap_or(DEFAULT_HOURS)), query)),
    }
}

fn parse_hours(flag: Option<&str>) -> Result<Option<f64>, UsageErrors> {
    let Some(text) = flag else { return Ok(None) };
    let hours = query::parse_hours(text.trim());
    let bad = || vec![bad_flag("--hours", text, HOURS_FORMAT)];
    hours.map(Some).ok_or_else(bad)
}

pub fn bad_flag(flag: &str, value: &str, accepted: &str) -> String {
    format!("bad value for {flag}: `{value}`; accepted: {accepted}")
}

/// The parameters by which a page means the same records. Times go as numbers, since a date begins elsewhere at another time.
pub fn parameters(query: &Query) -> Vec<(&'static str, String)> {
    let number = |number: Option<f64>| number.map(|number| number.to_string());
    let given = [
        ("start_time", number(query.start_time)),
        ("end_time", number(query.end_time)),
        ("model", query.model.clone()),
        (
            "prompt_search",
            query
                .prompt_search
                .as_ref()
                .map(|needle| needle.text().to_owned()),
        ),
        ("q", query.q.as_ref().map(|needle| needle.text().to_owned())),
        ("prompt_category", query.prompt_category.clone()),
        ("status", query.status.clone()),
        ("endpoint", query.endpoint.clone()),
        ("host", query.host.clone()),
        ("tap", query.tap.map(|tap| tap.to_string())),
        ("finding", query.finding.map(FindingFilter::text)),
        ("client", query.client.as_ref().map(ClientFilter::text)),
        ("session", query.session.clone()),
        ("min_duration", number(query.min_duration)),
        ("max_duration", number(query.max_duration)),
        (
            "min_tokens",
            query.min_tokens.map(|tokens| tokens.to_string()),
        ),
        (
            "sort",
            (query.sort != Sort::Time).then(|| query.sort.as_str().to_owned()),
        ),
        ("before", query.before.clone()),
    ];
    given
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_flag_is_a_parameter_and_becomes_one_again() {
        let flags = [
            ("TEXT", some("a&b=c #%\0é")),
            ("--model", some("phi4")),
            ("--status", some("error")),
            ("--category", some("other")),
            ("--endpoint", some("/api/chat")),
            ("--start", some("2026-11-21T09:17:02.25Z")),
            ("--end", some("1795252623.125")),
            ("--before", some("00ff")),
            ("--finding", some("context_cut:sure")),
            ("--client", some("curl@192.0.2.7")),
            ("--session", some("chat 1")),
            ("--q", some("x y")),
            ("--min-duration", some("0.5")),
            ("--max-duration", some("2")),
            ("--min-tokens", some("7")),
            ("--sort", some("tokens")),
            ("--search", None),
        ];
        let flags: Vec<Flag> = flags.iter().map(|(flag, value)| (*flag, value)).collect();
        let query = query(&flags).unwrap();
        let parameters = parameters(&query);
        assert_eq!(parameters[0], ("start_time", "1795252622.25".to_owned()));
        assert_eq!(parameters.len(), 16);
        assert_eq!(
            Query::parse(
                parameters
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
            ),
            Ok(query)
        );
    }

    #[test]
    fn hours_are_a_number_above_nothing_and_no_second_start() {
        let hours = |text| span(text, &[]).map(|(hours, _)| hours);
        assert_eq!(
            (hours(None), hours(Some("0.5"))),
            (Ok(Some(24.0)), Ok(Some(0.5)))
        );
        for bad in ["", "0", "-1", "NaN", "inf", "1e9", "day"] {
            let refused = hours(Some(bad));
            assert!(
                refused.is_err_and(|bad| bad[0].contains("--hours")),
                "{bad}"
            );
        }
        let start = some("1");
        let flags = [("--start", &start)];
        assert_eq!(span(None, &flags).unwrap().0, None);
        assert!(span(Some("2"), &flags).is_err());
    }

    #[test]
    fn a_beginning_and_an_end_are_given_once() {
        let (time, none) = (some("2h"), None);
        let given = |flags: &[&'static str]| {
            let flags: Vec<Flag> = flags.iter().map(|flag| (*flag, &time)).collect();
            query(&flags)
        };
        assert!(given(&["--since", "--until"]).is_ok());
        assert!(given(&["--start", "--end"]).is_ok());
        for both in [["--since", "--start"], ["--until", "--end"]] {
            let [one, other] = both;
            let expected = format!("{one} and {other} say the same; give one of them");
            assert_eq!(given(&both), Err(vec![expected]));
        }
        assert!(query(&[("--since", &none), ("--start", &time)]).is_ok());
        let span = span(Some("3"), &[("--since", &time)]);
        assert_eq!(
            span,
            Err(vec![
                "--hours and --since say the same; give one of them".to_owned()
            ])
        );
    }

    #[test]
    fn all_bad_flags_are_named_as_they_were_typed() {
        let (start, limit) = (some("soon"), some("101"));
        let complaints = query(&[("--start", &start), ("--limit", &limit)]).unwrap_err();
        assert!(
            complaints[0].starts_with("bad value for --start: `soon`; accepted: a span back"),
            "{complaints:?}"
        );
        assert_eq!(
            complaints[1],
            "bad value for --limit: `101`; accepted: a number from 1 to 100"
        );
    }
}
