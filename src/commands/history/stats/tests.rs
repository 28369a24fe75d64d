//! The page of the numbers.

use super::super::format::LINE_WIDTH;
use super::*;

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

#[test]
fn the_page_says_what_happened_when_and_where_it_was_read() {
    let page = page(
        &origin(),
        &numbers(vec![group("llama3.2:latest", 12_000), group("phi4", 345)]),
    );
    for words in [
        "the last 24 hours: 2026-11-",
        "read in ./history (jsonl)",
        "12,345 requests, 98.8% successful, 3 failed\n12,345,678 tokens read, 1,234,567 written",
        "                       p50     p95     p99     max\nduration             1.20 s  85.0 s  1h 00m  2h 00m",
        "tokens per second       1.2    85.0  3600.0  7200.0",
        "llama3.2:latest    12,000    98.8%  12,345,678  1,234,567     1.2  1.20 s  85.0 s  1.20 s  85.0 s",
        "question",
    ] {
        assert!(page.contains(words), "no {words:?} in\n{page}");
    }
}

#[test]
fn no_line_is_too_long_and_the_rest_of_many_models_is_counted() {
    let models = (0..50)
        .map(|n| {
            group(
                &format!("{n}\u{1b}[31m{}", "x".repeat(n * 5)),
                u64::MAX / 1_000_000_000,
            )
        })
        .collect();
    let page = page(&origin(), &numbers(models));
    assert!(
        page.contains("and 30 more (--json has all)") && !page.contains('\u{1b}'),
        "{page}"
    );
    let widest = numbers(vec![group("x", 1_234_567)]);
    let page = super::page(&origin(), &widest);
    assert!(
        page.lines().all(|line| line.chars().count() <= LINE_WIDTH),
        "{page}"
    );
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
    let page = page(&origin(), &numbers);
    assert!(
        page.contains("1 request, - successful\n0 tokens read"),
        "{page}"
    );
}

#[test]
fn hours_are_a_number_above_nothing() {
    assert_eq!((hours(None), hours(Some("0.5"))), (Ok(24.0), Ok(0.5)));
    for bad in ["", "0", "-1", "NaN", "inf", "1e9", "day"] {
        assert!(
            hours(Some(bad)).is_err_and(|bad| bad[0].contains("--hours")),
            "{bad}"
        );
    }
}

#[test]
fn json_is_the_numbers_and_where_they_are_from() {
    let value: serde_json::Value =
        serde_json::from_str(&json(&origin(), &numbers(Vec::new()))).unwrap();
    assert_eq!(
        (&value["source"]["backend"], &value["totals"]["requests"]),
        (&"jsonl".into(), &12_345.into())
    );
}
