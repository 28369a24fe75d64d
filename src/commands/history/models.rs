//! The way out where no record names the model that was asked for: the models that there are.

use super::source::HistorySource;
use super::stats::StatsRequest;
use crate::history::store::{Extent, Query};
use crate::util::sanitize::escape_control_chars;

/// The most models that are named.
const NAMES_MAX: usize = 10;

/// Where a query names a model that no record has: those that there are, in words; else nothing.
pub fn besides(source: &HistorySource, query: &Query, extent: &Extent) -> String {
    let Some(asked) = &query.model else {
        return String::new();
    };
    let all = StatsRequest {
        query: Query {
            start_time: extent.oldest,
            ..Query::default()
        },
        ..StatsRequest::default()
    };
    let models = source.enhanced(&all).map(|numbers| numbers.by_model);
    let models = models.unwrap_or_default();
    let names: Vec<&str> = models.iter().map(|group| group.name.as_str()).collect();
    names_besides(asked, &names)
}

/// Lists names, first those that look like the one that was asked for; nothing where it is among them.
fn names_besides(asked: &str, names: &[&str]) -> String {
    if names.is_empty() || names.contains(&asked) {
        return String::new();
    }
    let (alike, others): (Vec<&str>, Vec<&str>) = names
        .iter()
        .partition(|name| name.contains(asked) || asked.contains(*name));
    let listed = alike.into_iter().chain(others).take(NAMES_MAX);
    let listed = listed.collect::<Vec<_>>().join(", ");
    let more = match names.len().saturating_sub(NAMES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "no request named the model {}; there are {}{more}",
        escape_control_chars(asked),
        escape_control_chars(&listed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_model_has_the_name_those_that_look_like_it_come_first() {
        let names = ["llama3.2:latest", "phi4:latest", "\u{1b}x"];
        assert_eq!(
            names_besides("phi", &names),
            r"no request named the model phi; there are phi4:latest, llama3.2:latest, \u{1b}x"
        );
        assert_eq!(names_besides("phi4:latest", &names), "");
        assert_eq!(names_besides("phi", &[]), "");
        let many = ["m"; 12];
        assert!(names_besides("phi", &many).ends_with("m, m and 2 more"));
    }
}
