//! The queries of statistics, and the cache of their summaries.

use super::*;
use crate::history::store::suite::{filled, record};

const DAY: f64 = 86_400.0;

fn ago(n: u32, seconds: f64) -> Record {
    Record {
        timestamp: NOON - seconds,
        ..record(n)
    }
}

/// A day of 600 records, the last of them an hour ago.
fn day() -> Vec<Record> {
    (0..600)
        .map(|n| ago(n, DAY - f64::from(n) * 138.0))
        .collect()
}

fn since(seconds: f64) -> Query {
    Query {
        start_time: Some(NOON - seconds),
        end_time: Some(NOON + 3600.0),
        ..Query::default()
    }
}

/// Prompt tokens, host and client of each, in order.
fn facts(loki: &Loki, query: &Query) -> Vec<(u64, Option<String>, Option<String>)> {
    let mut found = Vec::new();
    let text = |text: &Option<std::borrow::Cow<str>>| text.as_deref().map(str::to_owned);
    loki.for_each_summary(query, &mut |facts| {
        found.push((
            facts.prompt_tokens.unwrap(),
            text(&facts.host),
            text(&facts.client),
        ))
    })
    .unwrap();
    found.sort();
    found
}

fn expected(records: &[Record]) -> Vec<(u64, Option<String>, Option<String>)> {
    let mut expected: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record.prompt_tokens.unwrap(),
                record.host.clone(),
                Some("curl".to_owned()),
            )
        })
        .collect();
    expected.sort();
    expected
}

/// The questions for lines so far, and how many bytes all were answered with.
fn asked(fake: &FakeLoki) -> (usize, usize) {
    let state = fake.state();
    (
        state
            .seen
            .iter()
            .filter(|seen| seen.path.ends_with("query_range"))
            .count(),
        state.bytes,
    )
}

fn start_counting(fake: &FakeLoki) {
    let mut state = fake.state();
    state.seen.clear();
    (state.bytes, state.entries) = (0, 0);
}

/// So much later that Loki is asked again how much it has, and what is new.
fn later(loki: &Loki) {
    loki.numbers.invalidate_from(i64::MIN);
    loki.pages.invalidate_from(i64::MIN);
}

#[test]
fn statistics_fetch_short_lines_and_a_refresh_what_is_new() {
    let (loki, fake) = fresh();
    let long = |record: Record| Record {
        prompt_preview: Some("x".repeat(200)),
        response_preview: Some("y".repeat(200)),
        ..record
    };
    let day: Vec<Record> = day().into_iter().map(long).collect();
    filled(&loki, day.clone());
    start_counting(&fake);
    assert_eq!(facts(&loki, &since(DAY)), expected(&day));
    let (_, bytes) = asked(&fake);
    assert!(bytes < 600 * 230, "{bytes} bytes of 600 records");
    later(&loki);
    filled(&loki, [ago(900, 60.0)]);
    start_counting(&fake);
    assert_eq!(
        facts(&loki, &since(DAY)),
        expected(&[day, vec![ago(900, 60.0)]].concat())
    );
    let (questions, bytes) = asked(&fake);
    assert!(
        questions <= 2 && bytes < 2000,
        "{questions} questions for lines, {bytes} bytes"
    );
}

/// What a refresh of the page asks: the numbers of a day, those of every model, how many there are.
fn refresh(loki: &Loki) -> [usize; 3] {
    let all = Query {
        end_time: Some(NOON + DAY),
        ..Query::default()
    };
    let day = Query {
        start_time: Some(NOON - DAY),
        ..all.clone()
    };
    let records = loki.record_extent().unwrap().records as usize;
    [facts(loki, &day).len(), facts(loki, &all).len(), records]
}

#[test]
fn a_refresh_reads_the_newest_quarter_of_an_hour_once_however_full_the_day_was() {
    let (loki, fake) = fresh();
    let day: Vec<Record> = (1..2880).map(|n| ago(n, f64::from(n) * 30.0)).collect();
    let count = day.len();
    filled(&loki, day);
    start_counting(&fake);
    assert_eq!(refresh(&loki), [count; 3]);
    // The extent is of the newest two and the oldest two; what stands at a page's edge comes twice,
    // and so does the newest quarter where this machine takes longer than it is held.
    let entries = fake.state().entries;
    assert!((count + 4..count + 40).contains(&entries), "{entries}");
    for _ in 0..3 {
        later(&loki);
        start_counting(&fake);
        assert_eq!(refresh(&loki), [count; 3]);
        assert_eq!(fake.state().entries, 30 + 4, "one every 30 seconds");
        let questions = fake.state().seen.len();
        let (lines, bytes) = asked(&fake);
        assert!(
            questions <= 12 && lines == 3 && bytes < 14_000,
            "{questions} questions, {lines} of them for lines, {bytes} bytes"
        );
    }
}

#[test]
fn what_another_tap_writes_late_is_found_and_what_loki_forgets_is_gone() {
    let (loki, fake) = fresh();
    let mut all = day();
    filled(&loki, all.clone());
    assert_eq!(facts(&loki, &since(DAY)), expected(&all));
    let late = [ago(901, 0.7 * DAY), ago(902, 0.2 * DAY)];
    filled(&at(&fake, LokiAuth::None, None), late.clone());
    all.extend(late);
    later(&loki);
    start_counting(&fake);
    assert_eq!(facts(&loki, &since(DAY)), expected(&all));
    let (_, bytes) = asked(&fake);
    assert!(bytes < 20_000, "{bytes} bytes for two records");
    let kept = nanos(NOON - DAY / 2.0);
    fake.state()
        .streams
        .values_mut()
        .for_each(|entries| entries.retain(|(time, _)| *time >= kept));
    all.retain(|record| nanos(record.timestamp) >= kept);
    later(&loki);
    assert_eq!(facts(&loki, &since(DAY)), expected(&all));
}

#[test]
fn our_own_late_records_are_found_at_once() {
    let (loki, _fake) = fresh();
    let mut all = day();
    filled(&loki, all.clone());
    assert_eq!(facts(&loki, &since(DAY)).len(), 600);
    all.push(ago(901, 0.7 * DAY));
    filled(&loki, all[600..].to_vec());
    assert_eq!(facts(&loki, &since(DAY)), expected(&all));
}

#[test]
fn each_time_that_is_asked_for_is_answered_whatever_was_asked_before() {
    let (loki, _fake) = fresh();
    let all: Vec<Record> = (0..600).map(|n| ago(n, f64::from(n) * 3000.0)).collect();
    filled(&loki, all.clone());
    for hours in [1.0, 24.0, 0.1, 300.0, 2.0, 1000.0, 24.0] {
        let meant: Vec<Record> = all
            .iter()
            .filter(|record| record.timestamp >= NOON - hours * 3600.0)
            .cloned()
            .collect();
        assert_eq!(
            facts(&loki, &since(hours * 3600.0)),
            expected(&meant),
            "{hours}"
        );
    }
    let between = Query {
        end_time: Some(NOON - DAY),
        ..since(3.0 * DAY)
    };
    let meant: Vec<Record> = all
        .iter()
        .filter(|record| between.contains_time(record.timestamp))
        .cloned()
        .collect();
    assert_eq!(facts(&loki, &between), expected(&meant));
}

#[test]
fn no_name_is_changed_on_its_way() {
    let (loki, _fake) = fresh();
    let names = [
        "a b",
        "a+b%20c",
        "\u{fffd}",
        "\"\\\n\0",
        "空 🙂",
        "{\"x\":1}",
        "İ",
        "&<>'",
    ];
    let named = |(n, name): (u32, &&str)| Record {
        host: Some((*name).to_owned()),
        metadata: serde_json::json!({"user_agent": "curl/8.5"}),
        ..ago(n, 7200.0 + f64::from(n))
    };
    let all: Vec<Record> = (0..).zip(&names).map(named).collect();
    filled(&loki, all.clone());
    assert_eq!(facts(&loki, &since(DAY)), expected(&all));
    for record in &all {
        assert_eq!(
            facts(
                &loki,
                &Query {
                    host: record.host.clone(),
                    ..since(DAY)
                }
            ),
            expected(std::slice::from_ref(record))
        );
    }
}

#[test]
fn entries_that_are_no_records_are_read_once_alone() {
    let (loki, fake) = fresh();
    filled(&loki, day());
    let labels = fake
        .labels()
        .into_iter()
        .find(|labels| labels["part"] == "facts")
        .unwrap();
    fake.state()
        .streams
        .get_mut(&labels)
        .unwrap()
        .insert((nanos(NOON - 10_000.0), "somebody else's".to_owned()));
    for _ in 0..2 {
        assert_eq!(facts(&loki, &since(DAY)).len(), 600);
        later(&loki);
    }
    start_counting(&fake);
    assert_eq!(facts(&loki, &since(DAY)).len(), 600);
    assert_eq!(asked(&fake).0, 1, "what is young");
}
