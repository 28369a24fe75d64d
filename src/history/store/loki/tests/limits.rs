//! A Loki as it comes, and with tighter limits: each row of what a real one did to version 0.1.0.

use super::time::SECOND;
use super::*;
use crate::history::store::suite::{filled, newest, query, read_all, record};

const DAY: f64 = 86_400.0;

/// A record of one tap, with a prompt of so many bytes.
fn long(n: u32, bytes: usize) -> Record {
    let prompt = format!("{n} ")
        .repeat(bytes / 4)
        .chars()
        .take(bytes)
        .collect();
    Record {
        prompt_full: Some(prompt),
        host: Some("box".to_owned()),
        tap: Some(11434),
        ..record(n)
    }
}

fn of_one_tap(numbers: std::ops::Range<u32>) -> Vec<Record> {
    numbers
        .map(|n| Record {
            host: Some("box".to_owned()),
            tap: Some(11434),
            ..record(n)
        })
        .collect()
}

/// No answer was refused for its length.
fn nothing_was_too_large(fake: &FakeLoki) {
    assert_eq!(fake.state().refusals, 0);
}

#[test]
fn prompts_of_agents_are_listed_exported_and_counted_with_answers_that_every_loki_gives() {
    let (loki, fake) = fresh();
    let all: Vec<Record> = (0..120)
        .map(|n| long(n, if n % 10 == 0 { 200_000 } else { 100_000 }))
        .collect();
    filled(&loki, all.clone());
    assert!(read_all(&loki, &[]) == all);
    let whole = loki.newest(&Query::default(), Detail::Whole).unwrap();
    assert!(whole.iter().eq(all.iter().rev().take(100)));
    let mut facts = 0;
    loki.for_each_summary(&Query::default(), &mut |_| facts += 1)
        .unwrap();
    assert_eq!(facts, 120);
    nothing_was_too_large(&fake);
    fake.state().bytes = 0;
    loki.pages.invalidate_from(0);
    assert_eq!(
        loki.newest(&Query::default(), Detail::Brief).unwrap().len(),
        100
    );
    let bytes = fake.state().bytes;
    assert!(bytes < 300_000, "a list fetches no text: {bytes}");
    assert_eq!(
        newest(&loki, &[("prompt_search", "119 119")]),
        [record(119).interaction_id]
    );
}

#[test]
fn an_answer_that_is_refused_for_its_length_is_asked_for_in_pieces() {
    let (loki, fake) = fresh();
    fake.state().limits.answer = 150_000;
    let all: Vec<Record> = (0..300).map(|n| long(n, 2000)).collect();
    filled(&loki, all.clone());
    assert!(read_all(&loki, &[]) == all);
    assert!(fake.state().refusals > 0);
}

#[test]
fn limits_of_questions_are_learnt_from_lokis_words_and_kept_to() {
    let (loki, fake) = fresh();
    (fake.state().limits.entries, fake.state().limits.range) = (100, 7 * 86_400 * SECOND);
    let days_ago = |n: u32| Record {
        timestamp: NOON - f64::from(n) / 10.0 * DAY,
        ..record(n)
    };
    filled(&loki, (0..600).map(days_ago));
    assert_eq!(read_all(&loki, &[]).len(), 600);
    let extent = loki.extent(f64::INFINITY).unwrap();
    assert_eq!(
        (extent.records, extent.oldest),
        (600, Some(days_ago(599).timestamp))
    );
    let refused = fake.state().errors;
    let mut facts = 0;
    loki.for_each_summary(&query(&[("start_time", "0")]), &mut |_| facts += 1)
        .unwrap();
    assert_eq!(
        (facts, fake.state().errors),
        (600, refused),
        "what was learnt is not asked again"
    );
}

#[test]
fn a_look_back_that_loki_shortens_leaves_what_lies_within() {
    let (loki, fake) = fresh();
    fake.state().now = Some(nanos(NOON));
    let days_ago = |n: u32| Record {
        timestamp: NOON - f64::from(n) * DAY,
        ..record(n)
    };
    filled(&loki, (0..6).map(days_ago));
    fake.state().limits.lookback = Some(3 * 86_400 * SECOND);
    assert_eq!(newest(&loki, &[]).len(), 4);
    assert_eq!(
        loki.extent(f64::INFINITY).unwrap().oldest,
        Some(days_ago(3).timestamp)
    );
}

#[test]
fn a_page_that_stays_open_costs_next_to_nothing() {
    let (mut loki, fake) = fresh();
    loki.clock = || NOON + 1234.5;
    filled(&loki, records(0..50));
    let refresh = || {
        loki.extent(f64::INFINITY).unwrap();
        loki.newest(&Query::default(), Detail::Brief).unwrap();
        let mut facts = 0;
        loki.for_each_summary(
            &query(&[("start_time", &(NOON - DAY).to_string())]),
            &mut |_| facts += 1,
        )
        .unwrap();
        assert_eq!(facts, 50);
    };
    refresh();
    let first = fake.state().subqueries;
    assert!(first < 100, "{first}");
    (0..20).for_each(|_| refresh());
    assert!(
        fake.state().subqueries - first < 100,
        "twenty more: {}",
        fake.state().subqueries - first
    );
}

#[test]
fn years_without_records_are_looked_through_once_and_by_streams_alone() {
    let (mut loki, fake) = fresh();
    loki.clock = || NOON + 1234.5; // no whole hour
    filled(&loki, records(0..3));
    fake.state().seen.clear();
    assert_eq!(loki.get("ffffffffffffffff").unwrap(), None);
    assert_eq!(loki.get("fffffffffffffffe").unwrap(), None);
    let queries = |path: &str| {
        fake.state()
            .seen
            .iter()
            .filter(|seen| seen.path.ends_with(path))
            .count()
    };
    assert!(
        queries("/series") < 30 && queries("/query_range") <= 4,
        "{} {}",
        queries("/series"),
        queries("/query_range")
    );
    // A day is looked through each time, and not the years before it.
    assert!(fake.state().subqueries < 60, "{}", fake.state().subqueries);
}

#[test]
fn another_loki_that_is_older_gets_records_without_structured_metadata() {
    let (loki, fake) = fresh();
    fake.state().limits.metadata = false;
    filled(&loki, records(0..40));
    assert_eq!(read_all(&loki, &[("model", "phi4")]).len(), 20);
    assert!(
        fake.state()
            .metadata
            .values()
            .all(std::collections::BTreeMap::is_empty)
    );
    let refused = fake.state().errors;
    filled(&loki, records(40..80));
    assert_eq!(
        (read_all(&loki, &[]), fake.state().errors),
        (records(0..80), refused),
        "it is not tried again"
    );
}

#[test]
fn a_stream_that_may_not_be_made_holds_up_no_other() {
    let (loki, fake) = fresh();
    let of = |host: &str, n| Record {
        host: Some(host.to_owned()),
        tap: Some(1),
        ..record(n)
    };
    filled(&loki, [of("b", 1)]);
    fake.state().limits.streams = 2;
    let mut batch = vec![of("a", 2), of("b", 3), of("c", 4)];
    assert!(
        loki.write(&mut batch)
            .unwrap_err()
            .to_string()
            .contains("maximum active stream limit")
    );
    assert_eq!(
        (batch.len(), newest(&loki, &[]).len()),
        (2, 2),
        "what may be written is"
    );
    fake.state().limits.streams = 10;
    assert_eq!(
        (
            loki.write(&mut batch).unwrap(),
            batch.len(),
            newest(&loki, &[]).len()
        ),
        (0, 0, 4)
    );
}

#[test]
fn a_stream_that_took_enough_for_now_loses_nothing() {
    let (loki, fake) = fresh();
    fake.state().limits.stream_bytes = 20_000;
    let mut batch: Vec<Record> = (0..60).map(|n| long(n, 1000)).collect();
    let mut tries = 0;
    while let Err(why) = loki.write(&mut batch) {
        assert!(why.to_string().contains("Per stream rate limit"), "{why}");
        fake.state().limits.stream_bytes += 20_000;
        tries += 1;
    }
    assert!(tries > 1 && batch.is_empty());
    assert!(read_all(&loki, &[]) == (0..60).map(|n| long(n, 1000)).collect::<Vec<_>>());
}

#[test]
fn a_push_that_is_more_than_a_burst_is_halved_until_it_fits() {
    let (loki, fake) = fresh();
    fake.state().limits.burst = 100_000;
    let mut batch: Vec<Record> = (0..60).map(|n| long(n, 5000)).collect();
    let mut tries = 0;
    while loki.write(&mut batch).is_err() {
        tries += 1;
        assert!(tries < 10);
    }
    assert_eq!(read_all(&loki, &[]).len(), 60);
}

#[test]
fn a_gateway_that_takes_small_bodies_alone_gets_them_at_once() {
    let (loki, fake) = fresh();
    fake.fail(3, 413, "<html>nginx</html>");
    filled(&loki, (0..60).map(|n| long(n, 5000)));
    assert_eq!(read_all(&loki, &[]).len(), 60);
}

#[test]
fn what_comes_long_after_what_is_newer_goes_to_the_late_ones() {
    let (loki, fake) = fresh();
    fake.state().limits.behind = Some(3600 * SECOND);
    let ago = |n: u32, seconds: f64| Record {
        timestamp: NOON - seconds,
        ..of_one_tap(n..n + 1).remove(0)
    };
    filled(&loki, [ago(1, 0.0)]);
    filled(&loki, [ago(2, 7200.0), ago(3, 1.0), ago(4, 9000.0)]);
    assert_eq!(
        newest(&loki, &[]),
        [1, 3, 2, 4].map(|n| record(n).interaction_id)
    );
    let late: Vec<_> = fake
        .labels()
        .into_iter()
        .filter(|labels| labels.contains_key("late"))
        .collect();
    assert!(
        late.len() == 2 && late.iter().all(|labels| labels["late"] == "1"),
        "{late:?}"
    );
}

#[test]
fn a_tap_that_does_not_know_how_new_its_stream_is_learns_it_from_loki() {
    let (first, fake) = fresh();
    fake.state().limits.behind = Some(3600 * SECOND);
    let ago = |n: u32, seconds: f64| Record {
        timestamp: NOON - seconds,
        ..of_one_tap(n..n + 1).remove(0)
    };
    filled(&first, [ago(1, 0.0)]);
    let second = at(&fake, LokiAuth::None, None);
    filled(&second, [ago(2, 7200.0), ago(3, 1.0), ago(4, 9000.0)]);
    assert_eq!(
        newest(&second, &[]),
        [1, 3, 2, 4].map(|n| record(n).interaction_id)
    );
    assert_eq!(second.extent(f64::INFINITY).unwrap().records, 4);
}

#[test]
fn of_a_search_only_the_texts_that_are_shown_are_fetched() {
    let (loki, fake) = fresh();
    filled(&loki, (0..60).map(|n| long(n, 50_000)));
    loki.newest(&Query::default(), Detail::Brief).unwrap();
    fake.state().bytes = 0;
    let found = loki
        .newest(&query(&[("prompt_search", "7 7")]), Detail::Brief)
        .unwrap();
    assert_eq!(found.len(), 1);
    let bytes = fake.state().bytes;
    assert!(bytes < 20_000, "{bytes}");
}
