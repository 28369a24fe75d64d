//! Models that became slower, and chance, through a store.

use fastrand::Rng;

use super::super::suite::{NOON, record};
use super::super::{Hidden, Selection, Why};
use super::*;
use crate::config::{Backend, HistoryConfig};
use crate::diagnose::Kind;
use crate::diagnose::slower::SIDE_MIN;
use crate::history::record::Record;

/// Seconds.
const DAY: f64 = 86_400.0;
const HOUR: f64 = 3600.0;

/// A store of its own in a directory, with these records.
fn store(backend: Backend, mut records: Vec<Record>) -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let config = HistoryConfig::on_disk(dir.path(), backend);
    let store = Store::open_for_writing(&config, "a test").unwrap().unwrap();
    assert_eq!(store.write(&mut records).unwrap(), 0);
    (store, dir)
}

/// A request at so many seconds before noon.
fn request(id: u32, model: &str, before: f64, version: &str, speed: f64) -> Record {
    Record {
        timestamp: NOON - before,
        model: Some(model.to_owned()),
        endpoint: "api/chat".to_owned(),
        host: None,
        tap: None,
        tokens_per_second: Some(speed),
        status: "success".to_owned(),
        ollama_version: Some(version.to_owned()),
        digest: None,
        findings: Vec::new(),
        prompt_tokens: Some(100),
        ..record(id)
    }
}

/// A model that answered fast until three days before noon, and slowly with the next version.
fn upgrade(model: &str, requests: u32, factor: f64) -> Vec<Record> {
    (0..requests)
        .flat_map(|n| {
            let before = f64::from(requests - n) * 60.0;
            let speed = 60.0 + f64::from(n % 7);
            [
                request(2 * n, model, before + 3.0 * DAY, "0.33.3", speed),
                request(2 * n + 1, model, before, "0.34.0", factor * speed),
            ]
        })
        .collect()
}

fn why(store: &Store, pairs: &[(&str, &str)]) -> Why {
    let query = Query::parse(pairs.iter().copied()).unwrap();
    let query = Query {
        end_time: Some(NOON),
        ..query
    };
    store
        .why(&query.in_hours(24.0, NOON), Hidden::LeftOut, NOON)
        .unwrap()
}

#[test]
fn a_model_that_an_upgrade_slowed_is_told_with_requests_to_look_at() {
    for backend in [Backend::Jsonl, Backend::Sqlite] {
        let (store, _dir) = store(backend, upgrade("phi4", 60, 0.7));
        let told = why(&store, &[]);
        let group = &told.findings[0];
        assert_eq!(
            (group.kind, group.cause.as_str()),
            (Kind::Slower, "version")
        );
        assert_eq!(
            group.sentence,
            "phi4 is 30 % slower with Ollama 0.34.0 than with Ollama 0.33.3: 44.1 instead of 63.0 \
             tokens/s (medians of 60 and 60 requests)"
        );
        assert_eq!((group.requests, told.requests), (60, 60));
        assert_eq!((group.first, group.last), (NOON - HOUR, NOON - 60.0));
        assert_eq!(group.examples.len(), EXAMPLES_MAX);
        assert_eq!(group.examples[0], format!("{:016x}", 119));
    }
}

#[test]
fn only_what_is_asked_for_is_compared() {
    let (store, _dir) = store(Backend::Sqlite, upgrade("phi4", 60, 0.7));
    let count = |pairs: &[(&str, &str)]| why(&store, pairs).findings.len();
    assert_eq!(count(&[("finding", "slower")]), 1);
    assert_eq!(count(&[("model", "phi4")]), 1);
    for pairs in [
        ("finding", "slower:sure"),
        ("finding", "waited"),
        ("model", "llama3.2"),
        ("status", "error"),
        ("prompt_search", "sky"),
    ] {
        assert_eq!(count(&[pairs]), 0, "{pairs:?}");
    }
    let before = (NOON - 2.0 * DAY).to_string();
    let query = Query::parse([("end_time", before.as_str())]).unwrap();
    let told = store.why(&query, Hidden::LeftOut, NOON).unwrap();
    assert_eq!(
        (told.findings.len(), told.requests),
        (0, 60),
        "nothing had changed yet"
    );
}

#[test]
fn a_comparison_is_kept_for_some_minutes_unless_records_are_deleted() {
    let (store, _dir) = store(Backend::Sqlite, upgrade("phi4", 60, 0.7));
    let count = |pairs: &[(&str, &str)]| why(&store, pairs).findings.len();
    assert_eq!(count(&[]), 1);
    let kept = |now: f64| {
        let state = lock(&store.compared.state);
        let last = state.last.as_ref().unwrap();
        last.answers(&last.query, now)
    };
    assert!(kept(now()) && !kept(now() + FRESH_SECONDS));
    assert_eq!(count(&[("model", "llama3.2")]), 0);
    assert_eq!(count(&[]), 1);
    let of_model = Query::parse([("model", "phi4")]).unwrap();
    let which = Selection::Matching(Box::new(of_model));
    assert_eq!(store.delete(&which).unwrap().deleted, 120);
    assert_eq!(count(&[]), 0);
}

#[test]
fn a_model_that_nobody_asks_any_more_is_not_told() {
    let mut records = upgrade("phi4", 60, 0.7);
    records
        .iter_mut()
        .for_each(|record| record.timestamp -= 2.0 * DAY);
    let (store, _dir) = store(Backend::Sqlite, records);
    assert_eq!(why(&store, &[]).findings, []);
}

#[test]
fn of_two_hundred_shuffled_histories_at_most_two_are_called_slower() {
    let mut rng = Rng::with_seed(16);
    let side = SIDE_MIN as u32 + 20;
    let mut records = Vec::new();
    for model in 0..200 {
        let name = format!("m{model}");
        let mut own = upgrade(&name, side, 1.0);
        // Some far slower, as of a machine that does other things too.
        let speed = |rng: &mut Rng| match rng.u8(..10) {
            0 => 30.0 + 30.0 * rng.f64(),
            _ => 57.0 + 6.0 * rng.f64(),
        };
        let mut speeds: Vec<f64> = own.iter().map(|_| speed(&mut rng)).collect();
        rng.shuffle(&mut speeds);
        for (n, (record, speed)) in own.iter_mut().zip(speeds).enumerate() {
            record.interaction_id = format!("{model:08x}{n:08x}");
            record.tokens_per_second = Some(speed);
        }
        records.extend(own);
    }
    let (store, _dir) = store(Backend::Jsonl, records);
    let alarms = why(&store, &[]).findings.len();
    println!("{alarms} false alarms in 200");
    assert!(alarms <= 2, "{alarms}");
}
