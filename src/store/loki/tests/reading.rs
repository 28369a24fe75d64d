//! Asking: windows, pages, filters, and what a hostile question can do.

use super::*;
use crate::store::suite::{each, filled, newest, query, record};

const DAY: f64 = 86_400.0;

fn failure<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Err(StoreError::Failed(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_year_is_read_in_windows_that_loki_allows() {
    let (loki, fake) = fresh();
    let days_ago = |n: u32| Record { timestamp: NOON - f64::from(n) * DAY, ..record(n) };
    filled(&loki, (0..=390).step_by(13).map(days_ago));
    let ids: Vec<String> = (0..=390).step_by(13).map(|n| format!("{n:016x}")).collect();
    assert_eq!(newest(&loki, &[]), ids);
    assert_eq!(each(&loki, &[]).into_iter().rev().map(|record| record.interaction_id).collect::<Vec<_>>(), ids);
    let between = [("start_time", (NOON - 65.0 * DAY).to_string()), ("end_time", (NOON - 26.0 * DAY).to_string())];
    let between = between.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(newest(&loki, &between), ids[2..=5]);
    let extent = loki.extent(f64::INFINITY).unwrap();
    assert_eq!((extent.records, extent.oldest, extent.newest), (31, Some(NOON - 390.0 * DAY), Some(NOON)));
    assert_eq!(loki.get(&ids[30]).unwrap(), Some(days_ago(390)));
    assert!(fake.state().seen.iter().all(|seen| seen.parameters.get("limit").is_none_or(|limit| limit.parse::<usize>().unwrap() <= 5000)));
}

#[test]
fn a_record_older_than_the_usual_look_back_is_found_by_its_time() {
    let (loki, _fake) = fresh();
    filled(&loki, [Record { timestamp: NOON - 500.0 * DAY, ..record(1) }]);
    assert!(newest(&loki, &[]).is_empty());
    assert_eq!(newest(&loki, &[("start_time", "0")]).len(), 1);
}

#[test]
fn the_first_page_of_a_search_is_one_question() {
    let (loki, fake) = fresh();
    filled(&loki, records(0..300));
    fake.state().seen.clear();
    assert_eq!(newest(&loki, &[]).len(), 100);
    assert_eq!(fake.state().seen.len(), 1);
}

#[test]
fn more_records_than_loki_gives_at_once_are_exported_in_order() {
    let (loki, fake) = fresh();
    filled(&loki, records(0..1));
    let labels = fake.labels().remove(0);
    // 12,000 more, seven to a moment.
    let short = |n: i64| (nanos(NOON + 10.0) + n / 7, format!("{{\"interaction_id\":\"{n:016x}\",\"timestamp\":{NOON}}}"));
    fake.state().streams.get_mut(&labels).unwrap().extend((1..12_001).map(short));
    let ids: Vec<String> = each(&loki, &[]).into_iter().map(|record| record.interaction_id).collect();
    assert!(ids == (0..12_001).map(|n| format!("{n:016x}")).collect::<Vec<_>>());
    let mut facts = 0;
    loki.each_facts(&Query::default(), &mut |_| facts += 1).unwrap();
    assert_eq!(facts, 12_001);
}

#[test]
fn records_of_one_moment_are_neither_lost_nor_repeated_between_pages() {
    let (loki, _fake) = fresh();
    let all: Vec<Record> = (0..300).map(|n| Record { timestamp: NOON, ..record(n) }).collect();
    filled(&loki, all.clone());
    assert_eq!(each(&loki, &[]), all);
    let (mut paged, mut before) = (Vec::new(), String::new());
    loop {
        let page = newest(&loki, &[("limit", "70"), ("before", &before)]);
        let Some(last) = page.last() else { break };
        before = last.clone();
        paged.extend(page);
    }
    assert_eq!(paged, all.iter().rev().map(|record| record.interaction_id.clone()).collect::<Vec<_>>());
}

#[test]
fn long_lines_are_read_in_pages_that_fit_into_memory() {
    let (mut loki, fake) = fresh();
    loki.client.answer_max = 1_000_000;
    let long = |n| Record { prompt_full: Some("x".repeat(100_000)), ..record(n) };
    filled(&loki, (0..18).map(long));
    fake.state().seen.clear();
    assert_eq!(each(&loki, &[]).len(), 18);
    let mut limits: Vec<String> = fake.state().seen.iter().map(|seen| seen.parameters["limit"].clone()).collect();
    limits.dedup();
    assert_eq!(limits[..4], ["500", "125", "31", "7"], "the first answers were too long");
}

#[test]
fn a_model_that_was_folded_into_the_others_is_found_by_its_name() {
    let (loki, fake) = fresh();
    let named = |n: u32| Record { model: Some(format!("m{n}\"}} |= \"")), ..record(n) };
    filled(&loki, (0..250).map(named));
    assert_eq!(fake.labels().iter().map(|labels| labels["model"].clone()).collect::<std::collections::BTreeSet<_>>().len(), 201);
    for n in [0, 7, 199, 200, 249] {
        assert_eq!(newest(&loki, &[("model", &format!("m{n}\"}} |= \""))]), [record(n).interaction_id]);
    }
}

#[test]
fn no_question_can_become_another_one() {
    let (loki, fake) = fresh();
    filled(&loki, records(0..10));
    for hostile in
        ["\"} |= \"", "\\", "`", "\n", "{}", "a\\\"b", "(?i)|.*", "\" or {job=~\".+\"} |~ \"", "\0", "%22%7D", "&limit=1", "🙂\u{202e}"]
    {
        for name in ["prompt_search", "model", "endpoint"] {
            assert!(newest(&loki, &[(name, hostile)]).is_empty(), "{name} {hostile:?}");
        }
        assert_eq!(loki.get(hostile).unwrap(), None);
    }
    assert!(fake.state().seen.iter().all(|seen| seen.is_push() || seen.parameters["query"].starts_with("{job=\"ollama-tap\"")));
    let long = "x".repeat(100_000);
    assert!(newest(&loki, &[("prompt_search", &long), ("endpoint", &long), ("model", &long)]).is_empty());
}

#[test]
fn lines_that_are_no_records_are_passed_over() {
    let (loki, fake) = fresh();
    filled(&loki, records(0..2));
    let labels = fake.labels().remove(0);
    for (line, n) in ["plain text", "{}", "[]", "{\"msg\":\"x\"}", "{\"timestamp\":\"no number\"}", ""].into_iter().zip(0..) {
        fake.state().streams.get_mut(&labels).unwrap().insert((nanos(NOON) - n, line.to_owned()));
    }
    assert_eq!((each(&loki, &[]), newest(&loki, &[]).len()), (records(0..2), 2));
}

#[test]
fn what_loki_says_against_a_question_is_passed_on() {
    let fake = FakeLoki::start();
    fake.state().tenants = true;
    let loki = at(&fake, LokiAuth::Bearer("s3cret".to_owned()), None);
    assert_eq!(failure(loki.newest(&Query::default(), Detail::Whole)), format!("ask loki at {}: 401 no org id", fake.url()));
    fake.refuse();
    let said = failure(loki.extent(f64::INFINITY));
    assert!(said.starts_with(&format!("ask loki at {}: ", fake.url())) && !said.contains("s3cret"), "{said}");
    assert!(matches!(loki.newest(&query(&[("before", "0000000000000001")]), Detail::Whole), Err(StoreError::Failed(_))));
}

#[test]
fn a_slow_loki_is_waited_for() {
    let (loki, fake) = fresh();
    filled(&loki, records(0..2));
    let held = fake.hold();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| newest(&loki, &[]));
        assert!(!asking.is_finished());
        drop(held);
        assert_eq!(asking.join().unwrap().len(), 2);
    });
}
