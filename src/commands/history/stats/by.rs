//! `ollama-tap stats --by FIELD`: how much and how fast, in groups.

use super::super::format::local_time;
use super::table::{more, of_groups};
use super::{GROUPS_MAX, View};
use crate::history::store::{Group, GroupBy};
use crate::util::screen::Style;

/// The most hours, days or weeks that a table shows.
const SPANS_MAX: usize = 31;

impl View<'_> {
    /// One table of the groups: the newest spans of time, or the busiest of others.
    pub fn by(&self, by: GroupBy) -> String {
        let groups = self.numbers.groups.as_deref().unwrap_or_default();
        let shown = match by.is_of_time() {
            true => &groups[groups.len().saturating_sub(SPANS_MAX)..],
            false => &groups[..groups.len().min(GROUPS_MAX)],
        };
        let table = of_groups(by.as_str(), shown, |group| name(group, by), &self.screen);
        let more = more(groups.len(), shown.len());
        self.heading() + &table + &self.lines(Style::Dim, &[more])
    }
}

/// A group's name: of a client as `--client` takes it, of an hour as times are printed.
fn name(group: &Group, by: GroupBy) -> String {
    let start = group.timestamp.filter(|_| by == GroupBy::Hour);
    match (start.and_then(local_time), &group.client_ip) {
        (Some(start), _) => start.format("%Y-%m-%d %H:%M").to_string(),
        (None, Some(address)) => format!("{}@{address}", group.name),
        (None, None) => group.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::StatsRequest;
    use super::super::tests::{group, numbers, origin, view};
    use super::*;
    use crate::history::store::EnhancedStats;

    fn page(by: GroupBy, groups: Vec<Group>) -> String {
        let numbers = EnhancedStats {
            groups: Some(groups),
            ..numbers(Vec::new())
        };
        view(&origin(), &StatsRequest::default(), &numbers).by(by)
    }

    #[test]
    fn each_group_is_a_line_with_its_tokens_and_speeds() {
        let groups = vec![group("0.34.0", 12), group("0.33.3", 3456)];
        let page = page(GroupBy::Version, groups);
        #[rustfmt::skip]
        let expected = [
            "the last 24 hours: 2026-11-",
            "                              tokens     tokens  tokens  tokens    time    time   first   first\n",
            "version  requests  success          in        out   per s     p95     p50     p95     p50     p95\n",
            "0.34.0         12    98.8%  12,345,678  1,234,567     1.2    85.0  1.20 s  85.0 s  1.20 s  85.0 s\n",
            "0.33.3      3,456    98.8%  12,345,678  1,234,567     1.2    85.0  1.20 s  85.0 s  1.20 s  85.0 s\n",
        ];
        for words in expected {
            assert!(page.contains(words), "no {words:?} in\n{page}");
        }
    }

    #[test]
    fn clients_are_named_as_their_filter_takes_them() {
        let client = Group {
            client_ip: Some("192.0.2.7".to_owned()),
            ..group("curl", 1)
        };
        assert_eq!(name(&client, GroupBy::Client), "curl@192.0.2.7");
        let hour = Group {
            timestamp: Some(1_795_252_622.0),
            ..group("2026-11-21T09:00:00Z", 1)
        };
        assert_eq!(name(&hour, GroupBy::Hour).len(), "2026-11-21 09:17".len());
        assert_eq!(name(&hour, GroupBy::Day), "2026-11-21T09:00:00Z");
    }

    #[test]
    fn of_many_spans_the_newest_are_shown() {
        let days = (0..40).map(|n| group(&format!("day {n:02}"), 1)).collect();
        let page = page(GroupBy::Day, days);
        assert!(
            page.contains("day 39") && !page.contains("day 08"),
            "{page}"
        );
        assert!(page.contains("and 9 more (--json has all)"), "{page}");
    }
}
