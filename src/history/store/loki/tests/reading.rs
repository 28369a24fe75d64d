//! Asking: windows, pages, filters, and what a hostile question can do.

use super::*;
use crate::history::store::suite::{filled, newest, query, read_all, record};

const DAY: f64 = 86_400.0;

#[test]
fn a_year_is_read_in_windows_that_loki_allows() {
    let (loki, fake) = fresh();
    let days_ago = |n: u32| Record {
        timestamp: NOON - f64::from(n) * DAY,
        ..record(n)
    };
    filled(&loki, (0..=390).step_by(13).map(days_ago));
    let ids: Vec<String> = (0..=390).step_by(13).map(|n| format!("{n:016x}")).collect();
    assert_eq!(newest(&loki, &[]), ids);
    assert_eq!(
        read_all(&loki, &[])
            .into_iter()
            .rev()
            .map(|record| record.interaction_id)
            .collect::<Vec<_>>(),
        ids
    );
    let between = [
        ("start_time", (NOON - 65.0 * DAY).to_string()),
        ("end_time", (NOON - 26.0 * DAY).to_string()),
    ];
    let between = between
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    assert_eq!(newest(&loki, &between), ids[2..=5]);
    let extent = loki.extent(f64::INFINITY).unwrap();
    assert_eq!(
        (extent.records, extent.oldest, extent.newest),
        (31, Some(NOON - 390.0 * DAY), Some(NOON))
    );
    assert_eq!(loki.get(&ids[30]).unwrap(), Some(days_ago(390)));
    assert!(fake.state().seen.iter().all(|seen| {
        seen.parameters
            .get("limit")
            .is_none_or(|limit| limit.parse::<usize>().unwrap() <= 5000)
    }));
}

#[test]
fn a_record_older_than_the_usual_look_back_is_found_by_its_time() {
    let (loki, _fake) = fresh();
    filled(
        &loki,
        [Record {
            timestamp: NOON - 500.0 * DAY,
            ..record(1)
        }],
    );
    assert!(newest(&loki, &[]).is_empty());
    assert_eq!(newest(&loki, &[("start_time", "0")]).len(), 1);
}

#[test]
fn the_first_page_of_a_search_is_one_question() {
    let (loki, fake) = fresh();
    filled(&loki, records(0..300));
    fake.state().seen.clear();
    assert_eq!(newest(&loki, &[("limit", "1")]).len(), 1);
    fake.state().seen.clear();
    let list = |detail| {
        loki.newest(&query(&[("start_time", "0")]), detail)
            .unwrap()
            .len()
    };
    assert_eq!(
        (list(Detail::Brief), fake.state().seen.len()),
        (100, 1),
        "a list is facts alone"
    );
    fake.state().seen.clear();
    assert_eq!(
        (list(Detail::Whole), fake.state().seen.len()),
        (100, 1),
        "and whole records are their texts, too"
    );
}

#[test]
fn more_records_than_loki_gives_at_once_are_exported_in_order() {
    let (loki, fake) = fresh();
    filled(&loki, records(0..1));
    let labels = fake.labels().remove(0);
    assert_eq!(labels["part"], "facts");
    // 12,000 more, seven to a moment.
    let short = |n: i64| {
        (
            nanos(NOON + 10.0) + n / 7,
            format!("{{\"interaction_id\":\"{n:016x}\",\"timestamp\":{NOON}}}"),
        )
    };
    fake.state()
        .streams
        .get_mut(&labels)
        .unwrap()
        .extend((1..12_001).map(short));
    let ids: Vec<String> = read_all(&loki, &[])
        .into_iter()
        .map(|record| record.interaction_id)
        .collect();
    assert!(ids == (0..12_001).map(|n| format!("{n:016x}")).collect::<Vec<_>>());
    let mut facts = 0;
    loki.for_each_summary(&Query::default(), &mut |_| facts += 1)
        .unwrap();
    assert_eq!(facts, 12_001);
}

#[test]
fn records_of_one_moment_are_neither_lost_nor_repeated_between_pages() {
    let (loki, _fake) = fresh();
    let all: Vec<Record> = (0..300)
        .map(|n| Record {
            timestamp: NOON,
            ..record(n)
        })
        .collect();
    filled(&loki, all.clone());
    assert_eq!(read_all(&loki, &[]), all);
    let (mut paged, mut before) = (Vec::new(), String::new());
    loop {
        let page = newest(&loki, &[("limit", "70"), ("before", &before)]);
        let Some(last) = page.last() else { break };
        before = last.clone();
        paged.extend(page);
    }
    assert_eq!(
        paged,
        all.iter()
            .rev()
            .map(|record| record.interaction_id.clone())
            .collect::<Vec<_>>()
    );
}

#[test]
fn no_question_can_become_another_one() {
    let (loki, fake) = fresh();
    filled(&loki, records(0..10));
    for hostile in [
        "\"} |= \"",
        "\\",
        "`",
        "\n",
        "{}",
        "a\\\"b",
        "(?i)|.*",
        "\" or {job=~\".+\"} |~ \"",
        "\0",
        "%22%7D",
        "&limit=1",
        "🙂\u{202e}",
    ] {
        for name in ["prompt_search", "model", "endpoint"] {
            assert!(
                newest(&loki, &[(name, hostile)]).is_empty(),
                "{name} {hostile:?}"
            );
        }
        assert_eq!(loki.get(hostile).unwrap(), None);
    }
    let query = |seen: &stand_in::Seen| {
        seen.parameters
            .get("query")
            .or(seen.parameters.get("match[]"))
            .unwrap()
            .clone()
    };
    assert!(
        fake.state()
            .seen
            .iter()
            .all(|seen| seen.is_push() || query(seen).starts_with("{job=\"ollama-tap\""))
    );
    let long = "x".repeat(100_000);
    assert!(
        newest(
            &loki,
            &[
                ("prompt_search", &long),
                ("endpoint", &long),
                ("model", &long)
            ]
        )
        .is_empty()
    );
}

#[test]
fn lines_that_are_no_records_are_passed_over() {
    let (loki, fake) = fresh();
    filled(&loki, records(0..2));
    let labels = fake
        .labels()
        .into_iter()
        .find(|labels| labels["part"] == "facts" && labels["host"] == "box")
        .unwrap();
    for (line, n) in [
        "plain text",
        "{}",
        "[]",
        "{\"msg\":\"x\"}",
        "{\"timestamp\":\"no number\"}",
        "",
    ]
    .into_iter()
    .zip(0..)
    {
        fake.state()
            .streams
            .get_mut(&labels)
            .unwrap()
            .insert((nanos(NOON) - n, line.to_owned()));
    }
    assert_eq!(
        (read_all(&loki, &[]), newest(&loki, &[]).len()),
        (records(0..2), 2)
    );
}

#[test]
fn what_is_read_only_in_part_is_no_answer() {
    let (loki, fake) = fresh();
    let text = "x".repeat(200_000);
    filled(
        &loki,
        (0..40).map(|n| Record {
            prompt_full: Some(text.clone()),
            ..record(n)
        }),
    );
    fake.state().breaks = Some((
        3,
        502,
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n".to_owned(),
    ));
    let mut shown = 0;
    let listed = loki.for_each_newest(&Query::default(), Detail::Whole, &mut |_| {
        shown += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(
        failure(listed),
        format!("ask loki at {}: 502 Bad Gateway", fake.url())
    );
    assert!((1..40).contains(&shown), "{shown}");
}

#[test]
fn what_loki_says_against_a_question_is_passed_on() {
    let fake = FakeLoki::start();
    fake.state().tenants = true;
    let loki = at(&fake, LokiAuth::Bearer("s3cret".to_owned()), None);
    assert_eq!(
        failure(loki.newest(&Query::default(), Detail::Whole)),
        format!("ask loki at {}: 401 no org id", fake.url())
    );
    fake.refuse();
    let said = failure(loki.extent(f64::INFINITY));
    assert!(
        said.starts_with(&format!("ask loki at {}: ", fake.url())) && !said.contains("s3cret"),
        "{said}"
    );
    assert!(matches!(
        loki.newest(&query(&[("before", "0000000000000001")]), Detail::Whole),
        Err(StoreError::Failed(_))
    ));
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

#[test]
fn there_is_no_order_but_by_time() {
    let (loki, _fake) = fresh();
    match loki.newest(&suite::query(&[("sort", "tokens")]), Detail::Brief) {
        Err(StoreError::InvalidParameter(bad)) => {
            assert_eq!((&*bad.name, &*bad.value), ("sort", "tokens"))
        }
        other => panic!("{other:?}"),
    }
}
