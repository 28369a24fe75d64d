//! Roll-ups say what the records say, through any change of these.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::config::{Backend, HistoryConfig};
use crate::history::record::now;
use crate::history::store::statistics::{EnhancedStats, StatsQuestion};
use crate::history::store::{Limits, Selection, Store, suite};

mod files;

const BACKENDS: [Backend; 2] = [Backend::Jsonl, Backend::Sqlite];

/// Records of three days, and between two of them (seconds).
const RECORDS: u32 = 600;
const APART: f64 = 3.0 * DAY / RECORDS as f64;

fn open(backend: Backend, dir: &Path) -> Store {
    let history = HistoryConfig::on_disk(dir, backend);
    Store::open_for_writing(&history, "a test")
        .unwrap()
        .unwrap()
}

/// When the first record arrived: so that the last one did some minutes ago.
fn begin() -> f64 {
    (now() - 3.0 * DAY).floor() - 600.0
}

fn record(n: u32, begin: f64) -> Record {
    let clients = ["curl", "OpenCode", "Codex"];
    Record {
        timestamp: begin + f64::from(n) * APART,
        status: ["success", "success", "success", "error", "cancelled"][n as usize % 5].to_owned(),
        error: (n % 5 == 3).then(|| format!("model 'm{n}' needs {n} GiB")),
        duration_seconds: Some(0.01 * 1.02_f64.powi(n as i32)),
        time_to_first_token_seconds: (!n.is_multiple_of(7)).then(|| f64::from(n % 50) / 10.0),
        reload_cause: n.is_multiple_of(11).then(|| "expired".to_owned()),
        load_duration_seconds: None,
        time_spent: None,
        endpoint: ["api/chat", "api/generate", "api/embed"][n as usize % 3].to_owned(),
        client: Some(clients[n as usize % 13 % 3].to_owned()),
        ..suite::record(n)
    }
}

fn filled(backend: Backend) -> (Store, TempDir, f64) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(backend, dir.path());
    let begin = begin();
    store
        .write(&mut (0..RECORDS).map(|n| record(n, begin)).collect())
        .unwrap();
    (store, dir, begin)
}

fn question(pairs: &[(&str, &str)], exact_max: u64) -> StatsQuestion {
    let mut question = StatsQuestion::parse(pairs.iter().copied(), now()).unwrap();
    question.exact_max = exact_max;
    question
}

/// The answer of roll-ups, which are never asked for fewer than two records.
fn rolled(store: &Store, pairs: &[(&str, &str)]) -> EnhancedStats {
    let answer = store.enhanced(&question(pairs, 1)).unwrap();
    assert!(answer.approximate, "{pairs:?}");
    answer
}

fn exact(store: &Store, pairs: &[(&str, &str)]) -> EnhancedStats {
    store.enhanced(&question(pairs, 1 << 40)).unwrap()
}

fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(FILE_PREFIX)).collect();
    names.sort_unstable();
    names
}

/// Compares two answers field by field: percentiles may be 2 % off, all else is the same.
fn assert_alike(place: &str, one: &Value, other: &Value) {
    match (one, other) {
        (Value::Object(fields), Value::Object(others)) => {
            assert_eq!(fields.len(), others.len(), "{place}");
            for (name, value) in fields {
                if name != "approximate" {
                    assert_alike(&format!("{place}.{name}"), value, &others[name]);
                }
            }
        }
        (Value::Array(values), Value::Array(others)) => {
            assert_eq!(values.len(), others.len(), "{place}: {one} {other}");
            for (n, value) in values.iter().enumerate() {
                assert_alike(&format!("{place}[{n}]"), value, &others[n]);
            }
        }
        (Value::Number(one), Value::Number(other)) => {
            let [one, other] = [one, other].map(|number| number.as_f64().unwrap());
            let field = place.rsplit(['.', '_']).next().unwrap_or_default();
            let is_percentile = ["p50", "p90", "p95", "p99"].contains(&field);
            let is_moment = place.ends_with("_time") || place.ends_with("hours");
            let (share, least) = match (is_percentile, is_moment) {
                (true, _) => (0.02, 1e-9),
                (_, true) => (0.0, 60.0),
                _ => (1e-6, 1e-6),
            };
            let far = (one - other).abs();
            assert!(far <= one.abs() * share + least, "{place}: {one} {other}");
        }
        _ => assert_eq!(one, other, "{place}"),
    }
}

fn assert_agree(store: &Store, pairs: &[(&str, &str)]) {
    let answers = [rolled(store, pairs), exact(store, pairs)];
    let [one, other] = answers.map(|answer| serde_json::to_value(answer).unwrap());
    assert_alike(&format!("{pairs:?}"), &one, &other);
}

#[test]
fn roll_ups_say_what_the_records_say() {
    for backend in BACKENDS {
        let (store, dir, begin) = filled(backend);
        let (start, end) = (
            (begin + 10_000.5).to_string(),
            (begin + 2.2 * DAY).to_string(),
        );
        let (quarter, later) = ((begin + DAY).to_string(), (begin + 2.0 * DAY).to_string());
        for pairs in [
            &[("hours", "100")][..],
            &[("hours", "100"), ("facets", "true"), ("model", "phi4")],
            &[("hours", "100"), ("client", "curl"), ("by", "day")],
            &[("hours", "50"), ("status", "error"), ("by", "version")],
            &[
                ("hours", "100"),
                ("endpoint", "api/embed"),
                ("tz", "+05:30"),
            ],
            &[("hours", "100"), ("by", "hour"), ("tz", "Europe/Rome")],
            &[("start_time", &start), ("end_time", &end), ("step", "3600")],
            &[
                ("start_time", &quarter),
                ("end_time", &later),
                ("by", "client"),
            ],
            &[
                ("hours", "60"),
                ("compare", "day"),
                ("by", "host"),
                ("step", "86400"),
            ],
        ] {
            assert_agree(&store, pairs);
        }
        assert!(files(dir.path()).len() >= 3, "{backend:?}");
        drop(store);
        assert_agree(&open(backend, dir.path()), &[("hours", "100")]);
    }
}

#[test]
fn what_roll_ups_do_not_tell_is_read_from_the_records() {
    let (store, _dir, _) = filled(Backend::Sqlite);
    for pairs in [
        &[("hours", "100"), ("min_duration", "1")][..],
        &[("hours", "100"), ("q", "sky")],
        &[("hours", "100"), ("by", "session")],
        &[("hours", "2"), ("step", "60")],
    ] {
        assert_agree(&store, pairs);
    }
    let few = store
        .enhanced(&question(&[("hours", "100")], 1000))
        .unwrap();
    assert!(!few.approximate, "600 of 1000 are exact");
}

#[test]
fn late_records_and_deleted_ones_are_in_the_next_answer() {
    for backend in BACKENDS {
        let (store, dir, begin) = filled(backend);
        let all = [("hours", "100")];
        assert_eq!(rolled(&store, &all).totals.requests, 600, "{backend:?}");
        let late = Record {
            timestamp: begin + 5000.25,
            ..record(9000, begin)
        };
        let ids = vec![late.interaction_id.clone()];
        store.write(&mut vec![late]).unwrap();
        assert_eq!(rolled(&store, &all).totals.requests, 601, "{backend:?}");
        store.delete(&Selection::Ids(ids)).unwrap();
        assert_agree(&store, &all);
        store
            .delete(&Selection::Matching(Box::new(suite::query(&[(
                "status", "error",
            )]))))
            .unwrap();
        let left = rolled(&store, &all).totals;
        assert_eq!((left.requests, left.error), (480, 0), "{backend:?}");
        store.purge(Some(begin + DAY)).unwrap();
        assert_agree(&store, &all);
        store.purge(None).unwrap();
        assert_eq!(files(dir.path()), [""; 0], "{backend:?}");
    }
}

#[test]
fn what_another_program_deletes_is_noticed() {
    let (store, dir, _) = filled(Backend::Jsonl);
    let all = [("hours", "100")];
    rolled(&store, &all);
    let entries = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut days: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "gz"))
        .collect();
    days.sort_unstable();
    fs::remove_file(&days[1]).unwrap();
    assert_agree(&store, &all);
}

#[test]
fn a_damaged_file_is_made_anew() {
    let (store, dir, _) = filled(Backend::Sqlite);
    let all = [("hours", "100")];
    rolled(&store, &all);
    let path = dir.path().join(&files(dir.path())[1]);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let answer = store.enhanced(&question(&all, 1)).unwrap();
    assert_eq!(answer.totals.requests, 600);
    assert_agree(&store, &all);
}

#[test]
fn clients_without_room_count_together() {
    let mut builder = RollupBuilder::new(day_of(suite::NOON));
    for n in 0..1200 {
        let record = Record {
            timestamp: suite::NOON,
            client: Some(format!("client {n}")),
            status: "success".to_owned(),
            ..suite::record(2)
        };
        builder.add(&record.summary());
    }
    builder.head.until = day_start(day_of(suite::NOON) + 1);
    let bytes = builder.encode();
    let file = RollupFile::decode(&bytes).unwrap();
    let (mut sets, mut other) = (0, 0);
    let names: Vec<_> = file.keys().map(|key| key.client).collect();
    file.for_each(Sets::Quarters, &mut |_, key, set| {
        sets += 1;
        if names[key].as_deref() == Some("other") {
            other += set.requests;
        }
    })
    .unwrap();
    assert_eq!((sets, other), (501, 700));
}

#[test]
fn a_client_without_room_is_counted_in_the_records_where_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(Backend::Sqlite, dir.path());
    let roomy = next_quarter(begin());
    let crowded = roomy + DAY;
    let of = |n: u32, client: &str, time: f64| Record {
        timestamp: time,
        client: Some(client.to_owned()),
        ..record(n, roomy)
    };
    let others = (0..600).map(|n| of(n, &format!("client {n}"), crowded));
    let busy = (600..603).flat_map(|n| [of(n, "busy", roomy), of(n + 3, "busy", crowded + 1.0)]);
    store.write(&mut others.chain(busy).collect()).unwrap();
    assert_agree(&store, &[("hours", "100"), ("client", "busy")]);
    // There are days without requests since, and roll-ups tell all the same.
    let all = rolled(&store, &[("hours", "100")]);
    let busiest = &all.by_client[0];
    assert_eq!((&*busiest.name, busiest.requests), ("other", 103));
}

#[test]
fn the_span_before_is_told_after_its_records_have_expired() {
    for backend in BACKENDS {
        let (store, dir, begin) = filled(backend);
        let cut = day_start(day_of(begin + 2.0 * DAY));
        let span = [cut, cut + DAY / 2.0].map(|time| time.to_string());
        let half = [("start_time", &*span[0]), ("end_time", &*span[1])];
        let with = |name, value| [half[0], half[1], (name, value)];
        let before = exact(&store, &half).previous.unwrap();
        let limits = Limits {
            oldest: Some(cut),
            ..Limits::default()
        };
        store.retain(&limits).unwrap();
        // A day file stays as long as a part of its day does, by local time.
        store.engine.purge(Some(cut)).unwrap();
        store.retain(&limits).unwrap();
        let after = exact(&store, &half).previous.unwrap();
        assert!(after.approximate, "{backend:?}");
        assert_eq!(
            (after.start_time, after.end_time),
            (before.start_time, before.end_time)
        );
        assert_eq!(after.totals.requests, before.totals.requests, "{backend:?}");
        let totals = [&before, &after].map(|previous| serde_json::to_value(previous).unwrap());
        assert_alike("previous", &totals[0], &totals[1]);
        let filtered = exact(&store, &with("status", "error")).previous.unwrap();
        assert_eq!(filtered.totals.requests, before.totals.error);
        assert!(exact(&store, &with("client", "curl")).previous.is_none());
        assert!(exact(&store, &with("q", "sky")).previous.is_none());
        let first = fs::read(dir.path().join(&files(dir.path())[0])).unwrap();
        let has = |text: &str| {
            first
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(has("phi4") && !has("curl") && !has("127.0.0.1") && !has("GiB"));
        store.purge(Some(cut)).unwrap();
        assert!(exact(&store, &half).previous.is_none(), "{backend:?}");
    }
}

#[test]
fn roll_ups_are_kept_so_many_days_longer_than_their_records() {
    let (store, dir, begin) = filled(Backend::Sqlite);
    rolled(&store, &[("hours", "100")]);
    let count = files(dir.path()).len();
    store
        .rollups
        .expire(begin + (KEPT_DAYS - 1.0) * DAY)
        .unwrap();
    assert_eq!(files(dir.path()).len(), count);
    store
        .rollups
        .expire(begin + (KEPT_DAYS + 10.0) * DAY)
        .unwrap();
    assert_eq!(files(dir.path()).len(), 0);
}
