//! Counting and grouping.

mod groups;

use super::buckets::Bucket;
use super::*;
use crate::history::record::SecondsSpent;
use crate::history::store::query::UNKNOWN_NAME;

/// 2026-11-30, a Monday, 00:00 UTC.
const MONDAY: f64 = 1_795_996_800.0;

fn summary(
    seconds: f64,
    model: Option<&'static str>,
    status: &'static str,
    duration: f64,
) -> RecordSummary<'static> {
    RecordSummary {
        timestamp: MONDAY + seconds,
        model: model.map(Into::into),
        status: status.into(),
        endpoint: "api/chat".into(),
        duration_seconds: Some(duration),
        generated_tokens: Some(5),
        ..RecordSummary::default()
    }
}

/// Asks for so many seconds from Monday on, and more.
fn question(seconds: f64, more: &[(&str, &str)]) -> StatsQuestion {
    let times = [MONDAY, MONDAY + seconds].map(|time| time.to_string());
    let span = [("start_time", &*times[0]), ("end_time", &*times[1])];
    StatsQuestion::parse(span.into_iter().chain(more.iter().copied()), MONDAY).unwrap()
}

fn answer(question: &StatsQuestion, summaries: &[RecordSummary]) -> EnhancedStats {
    let mut statistics = Statistics::new(question);
    for summary in summaries {
        statistics.add(summary, None);
    }
    statistics.enhanced(None)
}

/// The names of groups with their requests.
fn counts(groups: &[Group]) -> Vec<(&str, u64)> {
    let groups = groups.iter();
    groups
        .map(|group| (group.name.as_str(), group.requests))
        .collect()
}

#[test]
fn every_grouping_counts_every_record_once() {
    let all = answer(
        &question(7200.0, &[]),
        &[
            summary(10.0, Some("a"), "success", 1.0),
            summary(20.0, Some("a"), "error", 3.0),
            summary(7199.0, None, "cancelled", 2.0),
        ],
    );
    let totals = &all.totals;
    assert_eq!(
        (
            totals.requests,
            totals.success,
            totals.error,
            totals.cancelled
        ),
        (3, 1, 1, 1)
    );
    assert_eq!(totals.generated_tokens, 15);
    assert_eq!(totals.success_rate, Some(0.5), "who left did not fail");
    assert_eq!(counts(&all.by_model), [("a", 2), (UNKNOWN_NAME, 1)]);
    assert_eq!(all.by_status.len(), 3);
    let slots: u64 = all.timeline.iter().map(|slot| slot.requests).sum();
    assert_eq!(slots, 3);
    assert_eq!(counts(&all.by_client), [(UNKNOWN_NAME, 3)]);
    assert_eq!(
        (all.by_model[0].first_seen, all.by_model[0].last_seen),
        (Some(MONDAY + 10.0), Some(MONDAY + 20.0))
    );
}

#[test]
fn measures_are_those_of_successes_that_generate() {
    let embedding = |status| RecordSummary {
        endpoint: "api/embed".into(),
        ..summary(1.0, Some("a"), status, 0.01)
    };
    let all = answer(
        &question(60.0, &[]),
        &[
            summary(1.0, Some("a"), "success", 2.0),
            summary(2.0, Some("a"), "error", 0.001),
            summary(3.0, Some("a"), "cancelled", 90.0),
            embedding("success"),
            embedding("error"),
        ],
    );
    let durations = &all.totals.duration_seconds;
    assert_eq!((durations.count, durations.max), (1, Some(2.0)));
    let filled: Vec<&Bucket> = (all.duration_buckets.iter())
        .filter(|bucket| bucket.requests > 0)
        .collect();
    assert_eq!(filled.len(), 1);
    assert_eq!(filled[0].up_to, Some(2.0));
    assert_eq!(all.embeddings.requests, 2);
    assert_eq!(all.embeddings.duration_seconds.max, Some(0.01));
    assert_eq!(
        all.timeline
            .iter()
            .map(|slot| slot.duration_count)
            .sum::<u64>(),
        1
    );
}

#[test]
fn first_tokens_are_told_with_and_without_those_that_waited_for_a_load() {
    let first_token = |seconds, cause: Option<&'static str>| RecordSummary {
        time_to_first_token_seconds: Some(seconds),
        reload_cause: cause.map(Into::into),
        time_spent: Some(SecondsSpent {
            load: seconds,
            ..SecondsSpent::default()
        }),
        ..summary(1.0, Some("a"), "success", 1.0)
    };
    let records = [
        first_token(0.25, None),
        first_token(8.0, Some("expired")),
        first_token(4.0, Some("room")),
        first_token(5.5, Some("room")),
    ];
    let all = answer(&question(60.0, &[]), &records);
    assert_eq!(all.totals.time_to_first_token_seconds.max, Some(8.0));
    assert_eq!(all.time_to_first_token_warm_seconds.max, Some(0.25));
    assert_eq!(all.totals.cold_starts, 3);
    let told = all.by_reload_cause.iter();
    let told: Vec<(&str, u64, f64)> = told
        .map(|load| (load.cause.as_str(), load.requests, load.seconds_lost))
        .collect();
    assert_eq!(told, [("room", 2, 9.5), ("expired", 1, 8.0)]);
}

#[test]
fn the_time_of_all_requests_is_summed_up() {
    let spent = |queue, generation| RecordSummary {
        time_spent: Some(SecondsSpent {
            queue,
            generation,
            ..SecondsSpent::default()
        }),
        ..summary(1.0, None, "success", 1.0)
    };
    let all = answer(
        &question(60.0, &[]),
        &[
            spent(0.1, 1.0),
            spent(0.2, 2.0),
            summary(2.0, None, "error", 7.0),
        ],
    );
    let expected = SecondsSpent {
        queue: 0.3,
        generation: 3.0,
        other: 7.0,
        ..SecondsSpent::default()
    };
    assert_eq!(
        (all.time_spent, all.totals.time_spent),
        (expected, expected)
    );
    assert_eq!(all.timeline[1].time_spent.queue, 0.3);
}

#[test]
fn clients_are_told_apart_by_address_and_listed_up_to_a_bound() {
    let client = |name: String, ip: Option<&'static str>| RecordSummary {
        client: Some(name.into()),
        client_ip: ip.map(Into::into),
        ..summary(10.0, Some("a"), "success", 1.0)
    };
    let mut records: Vec<RecordSummary> = (0..LISTED_MAX + 5)
        .map(|n| client(format!("client-{n:03}"), None))
        .collect();
    for ip in ["10.0.0.7", "10.0.0.8", "10.0.0.7"] {
        records.push(client("curl".to_owned(), Some(ip)));
    }
    let clients = answer(&question(100.0, &[]), &records).by_client;
    assert_eq!(clients.len(), LISTED_MAX);
    let first = &clients[0];
    assert_eq!((first.name.as_str(), first.requests), ("curl", 2));
    assert_eq!(first.client_ip.as_deref(), Some("10.0.0.7"));
}

#[test]
fn models_alone_have_the_same_numbers() {
    let mut models = ModelStatistics::default();
    let mut records = Vec::new();
    for n in 0..50u8 {
        let speed = (n % 7 > 0).then_some(f64::from(n) * 1.3);
        let some = summary(
            f64::from(n),
            [Some("a"), None][usize::from(n) % 2],
            ["success", "error"][usize::from(n) % 3 / 2],
            1.0,
        );
        records.push(RecordSummary {
            tokens_per_second: speed,
            ..some
        });
    }
    records.iter().for_each(|record| models.add(record));
    let text = |groups: &[Group]| serde_json::to_string(groups).unwrap();
    let all = answer(&question(100.0, &[]), &records);
    assert_eq!(text(&models.groups()), text(&all.by_model));
}

#[test]
fn a_timeline_has_no_gaps_and_at_most_so_many_slots() {
    for hours in [0.001, 0.1, 1.0, 24.0, 168.0, 8760.0, 87_600.0, 876_600.0] {
        let question =
            StatsQuestion::parse([("hours", &*hours.to_string())], MONDAY + 0.5).unwrap();
        let all = answer(&question, &[summary(3600.0, None, "success", 1.0)]);
        assert!(
            (1..=122).contains(&all.timeline.len()),
            "{hours}: {}",
            all.timeline.len()
        );
        let last = all.timeline.last().unwrap();
        assert_eq!(last.requests, 1, "what is of the future is the last slot's");
        let slots = all.timeline.windows(2);
        assert!(
            slots
                .into_iter()
                .all(|pair| pair[0].end == pair[1].timestamp)
        );
        assert!(all.timeline[0].timestamp <= all.start_time && last.timestamp <= all.end_time);
    }
}

#[test]
fn percentiles_of_very_many_records_are_nearly_right_and_told_to_be_so() {
    let question = question(1000.0, &[("by", "model")]);
    let mut statistics = Statistics::new(&question);
    let count = EXACT_RECORDS_MAX + 1000;
    for n in 0..count {
        let duration = 0.001 * (n + 1) as f64;
        statistics.add(
            &summary(n as f64 % 1000.0, Some("a"), "success", duration),
            None,
        );
    }
    let all = statistics.enhanced(None);
    assert!(all.approximate);
    assert_eq!(
        (all.totals.requests, all.by_model[0].requests),
        (count, count)
    );
    let exact = 0.001 * (count as f64 * 0.95).ceil();
    for group in [&all.totals, &all.by_model[0], &all.groups.unwrap()[0]] {
        let p95 = group.duration_seconds.p95.unwrap();
        assert!((p95 / exact - 1.0).abs() < 0.02, "{p95} for {exact}");
    }
    let requests: u64 = all
        .duration_buckets
        .iter()
        .map(|bucket| bucket.requests)
        .sum();
    assert_eq!(requests, count);
}
