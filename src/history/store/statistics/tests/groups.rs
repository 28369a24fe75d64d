//! Filters, and the groups that are asked for.

use super::super::changes::{Changed, VersionChange};
use super::*;

#[test]
fn a_filter_keeps_out_of_every_group_and_a_facet_ignores_its_own() {
    let records = [
        summary(1.0, Some("a"), "success", 1.0),
        summary(2.0, Some("b"), "success", 1.0),
        summary(3.0, Some("b"), "error", 1.0),
    ];
    let filters = [("model", "a"), ("status", "success")];
    let all = answer(&question(60.0, &filters), &records);
    assert_eq!(all.totals.requests, 1);
    assert_eq!(counts(&all.by_model), [("a", 1)]);
    let with_facets = [filters[0], filters[1], ("facets", "true")];
    let all = answer(&question(60.0, &with_facets), &records);
    assert_eq!(all.totals.requests, 1);
    assert_eq!(counts(&all.by_model), [("a", 1), ("b", 1)]);
    assert_eq!(counts(&all.by_status), [("success", 1)]);
}

#[test]
fn records_are_grouped_as_asked() {
    let records: Vec<RecordSummary> = [1.0, 3601.0, 3602.0, 90_000.0]
        .into_iter()
        .map(|seconds| summary(seconds, Some("a"), "success", 1.0))
        .collect();
    let groups = |by| {
        answer(&question(2e5, &[("by", by)]), &records)
            .groups
            .unwrap()
    };
    assert_eq!(
        counts(&groups("day")),
        [("2026-11-30", 3), ("2026-12-01", 1)]
    );
    assert_eq!(groups("hour")[1].timestamp, Some(MONDAY + 3600.0));
    assert_eq!(counts(&groups("week")), [("2026-11-30", 4)]);
    for (by, name) in [
        ("model", "a"),
        ("client", UNKNOWN_NAME),
        ("endpoint", "api/chat"),
        ("category", ""),
        ("status", "success"),
        ("session", UNKNOWN_NAME),
        ("version", UNKNOWN_NAME),
        ("host", UNKNOWN_NAME),
    ] {
        assert_eq!(counts(&groups(by)), [(name, 4)], "{by}");
    }
    assert!(answer(&question(60.0, &[]), &records).groups.is_none());
}

#[test]
fn versions_are_grouped_and_where_they_begin_is_told() {
    let records = [
        (10.0, None, None),
        (20.0, Some("0.33.3"), Some("aaaa")),
        (30.0, Some("0.34.0"), Some("aaaa")),
        (40.0, Some("0.34.0"), Some("bbbb")),
    ]
    .map(|(seconds, version, digest)| RecordSummary {
        ollama_version: version.map(Into::into),
        digest: digest.map(Into::into),
        ..summary(seconds, Some("a"), "success", 1.0)
    });
    let all = answer(&question(7200.0, &[("by", "version")]), &records);
    let expected = [("0.34.0", 2), ("0.33.3", 1), (UNKNOWN_NAME, 1)];
    assert_eq!(counts(all.groups.as_deref().unwrap()), expected);
    let change = |seconds, changed, model: Option<&str>, to: &str| VersionChange {
        timestamp: MONDAY + seconds,
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
