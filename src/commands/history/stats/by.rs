//! `ollama-tap stats --by FIELD`: how much and how fast, in groups.

use super::super::UsageErrors;
use super::super::filter::bad_flag;
use super::super::format::{decimal, duration};
use super::super::source::SourceInfo;
use super::super::table::Table;
use super::{GROUPS_MAX, heading, more};
use crate::history::store::{EnhancedStats, GroupBy};
use crate::util::numbers::thousands;

/// Reads the flag.
pub fn parse(flag: Option<&str>) -> Result<Option<GroupBy>, UsageErrors> {
    let Some(text) = flag else {
        return Ok(None);
    };
    let by = text.trim().parse();
    by.map(Some)
        .map_err(|()| vec![bad_flag("--by", text, &GroupBy::accepted())])
}

/// One table of the groups.
pub fn page(origin: &SourceInfo, by: GroupBy, numbers: &EnhancedStats) -> String {
    let groups = numbers.groups.as_deref().unwrap_or_default();
    let mut table = Table::new(1);
    table.row(["", "", "tokens/s", "tokens/s", "first token", "first token"]);
    table.row([by.as_str(), "requests", "median", "p95", "median", "p95"]);
    for group in groups.iter().take(GROUPS_MAX) {
        let (speeds, first) = (&group.tokens_per_second, &group.time_to_first_token_seconds);
        table.row([
            group.name.clone(),
            thousands(group.requests),
            decimal(speeds.p50),
            decimal(speeds.p95),
            duration(first.p50),
            duration(first.p95),
        ]);
    }
    heading(origin, numbers) + &table.text() + &more(groups)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{group, numbers, origin};
    use super::*;

    #[test]
    fn each_group_is_a_line_with_its_speeds() {
        let numbers = EnhancedStats {
            groups: Some(vec![group("0.34.0", 12), group("0.33.3", 3456)]),
            ..numbers(Vec::new())
        };
        let page = page(&origin(), GroupBy::Version, &numbers);
        for words in [
            "the last 24 hours: 2026-11-",
            "                   tokens/s  tokens/s  first token  first token\n\
             version  requests    median       p95       median          p95\n\
             0.34.0         12       1.2      85.0       1.20 s       85.0 s\n\
             0.33.3      3,456       1.2      85.0       1.20 s       85.0 s\n",
        ] {
            assert!(page.contains(words), "no {words:?} in\n{page}");
        }
    }

    #[test]
    fn only_what_records_have_is_grouped_by() {
        assert_eq!(parse(None), Ok(None));
        assert_eq!(parse(Some("version")), Ok(Some(GroupBy::Version)));
        let refused = parse(Some("prompt")).unwrap_err();
        assert!(refused[0].contains("--by") && refused[0].contains("version"));
    }
}
