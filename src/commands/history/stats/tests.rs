//! The page of the numbers.

use super::*;
use crate::history::store::GroupBy;
use crate::util::layout::columns;

pub fn group(name: &str, requests: u64) -> Group {
    let spread = || Distribution {
        p50: Some(1.2),
        p95: Some(85.0),
        p99: Some(3600.0),
        max: Some(7200.0),
        ..Distribution::default()
    };
    Group {
        name: name.to_owned(),
        requests,
        error: 3,
        success_rate: Some(0.98765),
        prompt_tokens: 12_345_678,
        generated_tokens: 1_234_567,
        duration_seconds: spread(),
        time_to_first_token_seconds: spread(),
        tokens_per_second: spread(),
        ..Group::default()
    }
}

pub fn numbers(models: Vec<Group>) -> EnhancedStats {
    EnhancedStats {
        hours: 23.999_999_97,
        start_time: 1_795_166_222.0,
        end_time: 1_795_252_622.0,
        totals: group("all", 12_345),
        by_model: models,
        by_category: vec![group("question", 1)],
        timeline_step_seconds: 900.0,
        ..EnhancedStats::default()
    }
}

pub fn origin() -> SourceInfo {
    SourceInfo {
        tap: None,
        backend: "jsonl".to_owned(),
        data_dir: Some("./history".to_owned()),
    }
}

/// As in a pipe.
pub fn view<'a>(
    origin: &'a SourceInfo,
    request: &'a StatsRequest,
    numbers: &'a EnhancedStats,
) -> View<'a> {
    View {
        origin,
        request,
        numbers,
        screen: Screen::default(),
    }
}

fn page(numbers: &EnhancedStats) -> String {
    view(&origin(), &StatsRequest::default(), numbers).page()
}

#[test]
fn the_page_says_what_happened_when_and_where_it_was_read() {
    let mut numbers = numbers(vec![group("llama3.2:latest", 12_000), group("phi4", 345)]);
    numbers.totals.prompt_cached_tokens = Some(999);
    let page = page(&numbers);
    for words in [
        "the last 24 hours: 2026-11-",
        "read in ./history (jsonl)",
        "12,345 requests, 98.8% successful, 3 failed\n12,345,678 tokens in (999 cached), 1,234,567 out\n\n",
        "                       p50     p95     p99     max\nduration             1.20 s  85.0 s  1h 00m  2h 00m",
        "tokens per second       1.2    85.0  3600.0  7200.0",
        "llama3.2:latest    12,000    98.8%  12,345,678  1,234,567     1.2    85.0  1.20 s  85.0 s  1.20 s  85.0 s",
        "question",
    ] {
        assert!(page.contains(words), "no {words:?} in\n{page}");
    }
}

#[test]
fn the_span_before_is_compared_with() {
    let mut numbers = numbers(Vec::new());
    numbers.previous.get_or_insert_default().totals = group("all", 10_000);
    let page = page(&numbers);
    let words = "out\ncompared with the 24 hours before: requests +23%, tokens in +0%, tokens out +0%, 3 requests failed then\n";
    assert!(page.contains(words), "{page}");
}

#[test]
fn a_span_that_was_named_is_not_called_the_last() {
    let request = StatsRequest {
        query: Query {
            start_time: Some(1.0),
            ..Query::default()
        },
        ..StatsRequest::default()
    };
    let page = view(&origin(), &request, &numbers(Vec::new())).page();
    assert!(page.starts_with("2026-11-") && page.contains(" to 2026-11-"));
}

#[test]
fn no_line_is_wider_than_the_screen_and_the_rest_of_many_models_is_counted() {
    let mut numbers = numbers(
        (0..50)
            .map(|n| {
                let name = format!("{n}\u{1b}[31m{}", "x".repeat(n * 5));
                group(&name, u64::MAX / 1_000_000_000)
            })
            .collect(),
    );
    numbers.groups = Some(vec![group(&"空".repeat(90), 1_234_567)]);
    let (origin, request) = (origin(), StatsRequest::default());
    for width in 20..200 {
        let view = View {
            screen: Screen {
                width: Some(width),
                has_color: false,
            },
            ..view(&origin, &request, &numbers)
        };
        let page = view.page() + &view.by(GroupBy::Model);
        assert!(
            page.lines().all(|line| columns(line) <= width),
            "{width}: {page}"
        );
        assert!(page.contains("and 30 more") && !page.contains('\u{1b}'));
    }
}

#[test]
fn nothing_known_is_shown_as_such() {
    let mut numbers = numbers(vec![Group {
        name: "m".to_owned(),
        ..Group::default()
    }]);
    numbers.totals = Group {
        requests: 1,
        ..Group::default()
    };
    let page = page(&numbers);
    assert!(
        page.contains("1 request, - successful\n0 tokens in, 0 out"),
        "{page}"
    );
}

#[test]
fn json_is_the_numbers_and_where_they_are_from() {
    let json = view(&origin(), &StatsRequest::default(), &numbers(Vec::new())).json();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&value["source"]["backend"], &value["totals"]["requests"]),
        (&"jsonl".into(), &12_345.into())
    );
}
