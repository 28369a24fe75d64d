//! Counting and grouping.

use super::buckets::Bucket;
use super::*;

fn summary(
    timestamp: f64,
    model: Option<&'static str>,
    status: &'static str,
    duration: f64,
) -> RecordSummary<'static> {
    let model = model.map(Into::into);
    RecordSummary {
        timestamp,
        model,
        status: status.into(),
        duration_seconds: Some(duration),
        generated_tokens: Some(5),
        ..RecordSummary::default()
    }
}

#[test]
fn every_grouping_counts_every_record_once() {
    let mut statistics = Statistics::new(0.0, 7200.0);
    statistics.add(&summary(10.0, Some("a"), "success", 1.0));
    statistics.add(&summary(20.0, Some("a"), "error", 3.0));
    statistics.add(&summary(7199.0, None, "cancelled", 2.0));
    let all = statistics.enhanced(None);
    assert_eq!(
        (
            all.totals.requests,
            all.totals.success,
            all.totals.error,
            all.totals.cancelled
        ),
        (3, 1, 1, 1)
    );
    assert_eq!(
        (all.totals.success_rate, all.totals.generated_tokens),
        (Some(1.0 / 3.0), 15)
    );
    let models: Vec<(&str, u64)> = all
        .by_model
        .iter()
        .map(|group| (group.name.as_str(), group.requests))
        .collect();
    assert_eq!(models, [("a", 2), (UNKNOWN_NAME, 1)]);
    assert_eq!(all.by_status.len(), 3);
    assert_eq!(
        all.timeline.iter().map(|slot| slot.requests).sum::<u64>(),
        3
    );
    assert_eq!(
        (all.by_client[0].name.as_str(), all.by_client[0].requests),
        (UNKNOWN_NAME, 3)
    );
    assert_eq!(
        all.duration_buckets
            .iter()
            .map(|bucket| bucket.requests)
            .sum::<u64>(),
        3
    );
    assert_eq!(
        (all.by_model[0].first_seen, all.by_model[0].last_seen),
        (Some(10.0), Some(20.0))
    );
}

#[test]
fn clients_are_listed_up_to_a_bound() {
    let mut statistics = Statistics::new(0.0, 100.0);
    for n in 0..CLIENTS_MAX + 5 {
        let client = Some(format!("client-{n:03}").into());
        statistics.add(&RecordSummary {
            client,
            ..summary(10.0, Some("a"), "success", 1.0)
        });
    }
    let busy = RecordSummary {
        client: Some("busy".into()),
        time_to_first_token_seconds: Some(0.1),
        ..RecordSummary::default()
    };
    for model in ["a", "b"] {
        statistics.add(&RecordSummary {
            model: Some(model.into()),
            ..busy.clone()
        });
    }
    let all = statistics.enhanced(None);
    assert_eq!(all.by_client.len(), CLIENTS_MAX);
    assert_eq!(
        (all.by_client[0].name.as_str(), all.by_client[0].requests),
        ("busy", 2)
    );
    let first_tokens: Vec<_> = all
        .time_to_first_token_buckets
        .iter()
        .filter(|bucket| bucket.requests > 0)
        .collect();
    assert_eq!(
        first_tokens,
        [&Bucket {
            up_to: Some(0.1),
            requests: 2
        }]
    );
    assert_eq!(all.timeline[0].time_to_first_token_p50, Some(0.1));
}

#[test]
fn models_alone_have_the_same_numbers() {
    let (mut statistics, mut models) = (Statistics::new(0.0, 100.0), ModelStatistics::default());
    for n in 0..50u8 {
        let speed = (n % 7 > 0).then_some(f64::from(n) * 1.3);
        let some = summary(
            f64::from(n),
            [Some("a"), None][usize::from(n) % 2],
            ["success", "error"][usize::from(n) % 3 / 2],
            1.0,
        );
        let some = RecordSummary {
            tokens_per_second: speed,
            ..some
        };
        statistics.add(&some);
        models.add(&some);
    }
    let shown = |groups: Vec<Group>| {
        groups.into_iter().map(|group| Group {
            duration_seconds: Distribution::default(),
            ..group
        })
    };
    let texts = |groups: Vec<Group>| {
        shown(groups)
            .map(|group| serde_json::to_string(&group).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        texts(models.groups()),
        texts(statistics.enhanced(None).by_model)
    );
}

#[test]
fn a_timeline_has_no_gaps_and_at_most_so_many_slots() {
    for hours in [0.001, 0.1, 1.0, 24.0, 168.0, 8760.0, 87_600.0, 1e6] {
        let end = 1_795_252_622.5;
        let mut statistics = Statistics::new(end - hours * 3600.0, end);
        statistics.add(&summary(end + 3600.0, None, "success", 1.0));
        let all = statistics.enhanced(None);
        assert!(
            (1..=122).contains(&all.timeline.len()),
            "{hours}: {}",
            all.timeline.len()
        );
        assert_eq!(
            all.timeline.last().unwrap().requests,
            1,
            "a record from the future is the last slot's"
        );
        assert!(
            all.timeline[0].timestamp <= all.start_time
                && all.timeline.last().unwrap().timestamp <= all.end_time
        );
    }
}

#[test]
fn versions_are_grouped_and_where_they_begin_is_told() {
    let mut statistics = Statistics::new(0.0, 7200.0);
    for (timestamp, version, digest) in [
        (10.0, None, None),
        (20.0, Some("0.33.3"), Some("aaaa")),
        (30.0, Some("0.34.0"), Some("aaaa")),
        (40.0, Some("0.34.0"), Some("bbbb")),
    ] {
        statistics.add(&RecordSummary {
            ollama_version: version.map(Into::into),
            digest: digest.map(Into::into),
            ..summary(timestamp, Some("a"), "success", 1.0)
        });
    }
    let all = statistics.enhanced(Some(GroupBy::Version));
    let versions: Vec<(String, u64)> = all
        .groups
        .unwrap()
        .into_iter()
        .map(|group| (group.name, group.requests))
        .collect();
    let expected = [("0.34.0", 2), ("0.33.3", 1), (UNKNOWN_NAME, 1)];
    assert_eq!(versions, expected.map(|(name, n)| (name.to_owned(), n)));
    let change = |timestamp, changed, model: Option<&str>, to: &str| VersionChange {
        timestamp,
        changed,
        model: model.map(str::to_owned),
        to: to.to_owned(),
    };
    assert_eq!(
        all.changes,
        [
            change(30.0, Changed::Version, None, "0.34.0"),
            change(40.0, Changed::Digest, Some("a"), "bbbb")
        ]
    );
}
