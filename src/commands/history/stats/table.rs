//! The table of groups.

use super::super::format::{decimal, duration, percent};
use super::super::table::{Cell, Column, Table};
use crate::history::store::Group;
use crate::util::numbers::thousands;
use crate::util::screen::{Screen, Style};

const COLUMNS: [Column; 12] = [
    Column::name(),
    Column::number(),
    Column::number().leave_out(5),
    Column::number().leave_out(3),
    Column::number().leave_out(1),
    Column::number().leave_out(9),
    Column::number(),
    Column::number().leave_out(8),
    Column::number().leave_out(2),
    Column::number().leave_out(6),
    Column::number().leave_out(4),
    Column::number().leave_out(7),
];

/// A line for each group, under the names that `name` gives them.
pub fn of_groups(
    title: &str,
    groups: &[Group],
    name: impl Fn(&Group) -> String,
    screen: &Screen,
) -> String {
    let mut table = Table::new(&COLUMNS);
    let knows_cached = groups
        .iter()
        .any(|group| group.prompt_cached_tokens.is_some());
    let if_cached = |head| if knows_cached { head } else { "" };
    #[rustfmt::skip]
    let heads = [
        ["", "", "", "tokens", "tokens", if_cached("tokens"), "tokens", "tokens", "time", "time", "first", "first"],
        [title, "requests", "success", "in", "out", if_cached("cached"), "per s", "p95", "p50", "p95", "p50", "p95"],
    ];
    heads.into_iter().for_each(|head| table.head(head));
    for group in groups {
        let cached = match group.prompt_cached_tokens {
            Some(tokens) => thousands(tokens),
            None => if_cached("-").to_owned(),
        };
        table.row([
            name(group).into(),
            thousands(group.requests).into(),
            success(group),
            thousands(group.prompt_tokens).into(),
            thousands(group.generated_tokens).into(),
            cached.into(),
            decimal(group.tokens_per_second.p50).into(),
            decimal(group.tokens_per_second.p95).into(),
            duration(group.duration_seconds.p50).into(),
            duration(group.duration_seconds.p95).into(),
            duration(group.time_to_first_token_seconds.p50).into(),
            duration(group.time_to_first_token_seconds.p95).into(),
        ]);
    }
    table.text(screen)
}

/// The share of its requests that went well; one that is not whole stands out.
fn success(group: &Group) -> Cell {
    let style = if group.error > 0 {
        Style::Warning
    } else {
        Style::Plain
    };
    Cell::new(style, &percent(group.success_rate))
}

/// How many groups the table has no room for.
pub fn more(groups: usize, shown: usize) -> String {
    match groups.saturating_sub(shown) {
        0 => String::new(),
        more => format!("and {more} more (--json has all)"),
    }
}
