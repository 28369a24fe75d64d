//! Filters together: whatever is asked for at once, each lets pass what it does alone.

use proptest::sample::subsequence;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// The numbers of the records that are there.
const NUMBERS: std::ops::Range<u32> = 0..60;

/// Combinations that are tried.
const CASES: u32 = 48;

type Filter = (&'static str, &'static str, fn(u32) -> bool);

/// Filters, and the numbers of the records that they let pass.
const FILTERS: [Filter; 16] = [
    ("start_time", "1795262405", |n| n >= 5),
    ("end_time", "1795262450", |n| n < 50),
    ("model", "PHI4:latest", |n| n % 2 == 1),
    ("prompt_category", "question", |n| n.is_multiple_of(2)),
    ("endpoint", "/api/chat", |n| n.is_multiple_of(3)),
    ("status", "success", |n| n % 10 != 9),
    ("host", "other", |n| n % 4 >= 2),
    ("tap", "8000", |n| n % 2 == 1),
    ("finding", "context_cut:sure", |n| n % 10 == 7),
    ("client", "curl@127.0.0.1", |_| true),
    ("session", "chat 1", |n| n % 3 == 1),
    ("q", "NUMBER 1", |n| n.to_string().starts_with('1')),
    ("prompt_search", "er 2", |n| n.to_string().starts_with('2')),
    ("min_duration", "2", |n| n >= 20),
    ("max_duration", "4.5", |n| n <= 45),
    ("min_tokens", "33", |_| true),
];

/// Does `check` with some filters at a time, and the numbers that all of them let pass.
fn for_any_filters(fewest: usize, check: impl Fn(&[(&str, &str)], Vec<u32>)) {
    let some = subsequence(FILTERS.to_vec(), fewest..=4);
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let checked = TestRunner::new(config).run(&some, |filters| {
        let pairs: Vec<(&str, &str)> = filters
            .iter()
            .map(|(name, value, _)| (*name, *value))
            .collect();
        let passes = |n: &u32| filters.iter().all(|(.., lets_pass)| lets_pass(*n));
        check(&pairs, NUMBERS.filter(passes).collect());
        Ok(())
    });
    checked.unwrap_or_else(|why| panic!("{why}"));
}

pub fn any_filters_together_find_what_each_of_them_lets_pass(engine: &dyn Engine) {
    filled(engine, NUMBERS.map(record));
    for_any_filters(0, |pairs, numbers| {
        let expected = ids(numbers.iter().copied().rev());
        assert_eq!(newest(engine, pairs), expected, "{pairs:?}");
        let oldest_first = read_all(engine, pairs).into_iter();
        let found: Vec<String> = oldest_first.map(|record| record.interaction_id).collect();
        assert_eq!(found, ids(numbers), "{pairs:?}");
        let mut unordered = Vec::new();
        let visit = &mut |record: Record| {
            unordered.push(record.interaction_id);
            ControlFlow::Continue(())
        };
        engine.for_each_unordered(&query(pairs), visit).unwrap();
        unordered.sort_unstable();
        assert_eq!(unordered, found, "{pairs:?}");
    });
}

/// For backends that delete.
pub fn any_filters_together_delete_what_they_find_and_nothing_else(engine: &dyn Engine) {
    filled(engine, NUMBERS.map(record));
    for_any_filters(1, |pairs, numbers| {
        let meant = Selection::Matching(Box::new(query(pairs)));
        assert_eq!(
            engine.delete(&meant).unwrap(),
            numbers.len() as u64,
            "{pairs:?}"
        );
        let kept: Vec<u32> = NUMBERS.filter(|n| !numbers.contains(n)).collect();
        assert_eq!(
            newest(engine, &[]),
            ids(kept.into_iter().rev()),
            "{pairs:?}"
        );
        filled(engine, numbers.into_iter().map(record));
    });
}
