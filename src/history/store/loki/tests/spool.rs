//! Records that Loki had not taken when the tap ended.

use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::history::record::TapIdentity;
use crate::history::store::suite::{filled, read_all};

/// A tap that leaves what it cannot send in `dir`.
fn tap(fake: &FakeLoki, dir: &Path, host: &str) -> Loki {
    let (url, _) = Upstream::parse(&fake.url()).unwrap();
    let writer = TapIdentity {
        host: host.to_owned(),
        tap: 8000,
    };
    let mut loki = Loki::writer(
        &LokiSettings {
            url,
            auth: LokiAuth::None,
            tenant: None,
        },
        None,
        Some(dir),
        &writer,
    );
    loki.clock = || NOON;
    loki
}

fn files(dir: &Path) -> Vec<String> {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn what_was_left_is_sent_before_anything_new_and_once() {
    let (fake, dir) = (FakeLoki::start(), tempfile::tempdir().unwrap());
    let first = tap(&fake, dir.path(), "gpu");
    assert!(
        first.save_unwritten(&records(0..3)).unwrap()
            && first.save_unwritten(&records(3..6)).unwrap()
    );
    assert_eq!(files(dir.path()), ["loki-unsent-gpu-8000.jsonl.gz"]);
    let second = tap(&fake, dir.path(), "another");
    fake.fail(1, 503, "");
    let mut batch = records(6..8);
    assert!(second.write(&mut batch).is_err());
    assert_eq!(
        (batch.len(), files(dir.path()).len()),
        (2, 1),
        "nothing new before what is old"
    );
    assert_eq!(second.write(&mut batch).unwrap(), 0);
    assert_eq!(
        (read_all(&second, &[]), files(dir.path()).len()),
        (records(0..8), 0)
    );
    let labels = fake.labels();
    assert!(
        labels
            .iter()
            .all(|labels| labels["host"] != "gpu" && labels["host"] != "another"),
        "a record keeps its own host"
    );
}

#[test]
fn what_was_left_is_sent_while_nothing_new_comes() {
    let (fake, dir) = (FakeLoki::start(), tempfile::tempdir().unwrap());
    tap(&fake, dir.path(), "gpu")
        .save_unwritten(&records(0..3))
        .unwrap();
    let second = tap(&fake, dir.path(), "gpu");
    second.catch_up().unwrap();
    assert_eq!(read_all(&second, &[]), records(0..3));
}

#[test]
fn what_was_left_and_is_refused_is_counted_while_nothing_new_comes() {
    let (fake, dir) = (FakeLoki::start(), tempfile::tempdir().unwrap());
    let one_tap = |n| Record {
        host: Some("box".to_owned()),
        tap: Some(1),
        ..suite::record(n)
    };
    tap(&fake, dir.path(), "gpu")
        .save_unwritten(&(0..3).map(one_tap).collect::<Vec<_>>())
        .unwrap();
    let second = tap(&fake, dir.path(), "gpu");
    fake.fail(1, 400, "entry for stream '{}' has timestamp too old: x");
    second.catch_up().unwrap();
    assert_eq!(
        second.take_refused(),
        Refused {
            records: 0,
            texts: 1
        }
    );
    assert_eq!(
        (read_all(&second, &[]).len(), files(dir.path()).len()),
        (3, 0)
    );
    second.save_unwritten(&[one_tap(4)]).unwrap();
    let third = tap(&fake, dir.path(), "gpu");
    fake.fail(2, 400, "couldn't parse labels");
    third.catch_up().unwrap();
    assert_eq!(
        third.take_refused(),
        Refused {
            records: 1,
            texts: 0
        }
    );
}

#[test]
fn a_push_that_hangs_is_given_up_when_the_tap_ends() {
    let (fake, dir) = (FakeLoki::start(), tempfile::tempdir().unwrap());
    let loki = tap(&fake, dir.path(), "gpu");
    let held = fake.hold();
    let mut batch = records(0..3);
    loki.set_deadline(Instant::now() + Duration::from_secs(2));
    let began = Instant::now();
    assert!(loki.write(&mut batch).is_err() && began.elapsed() < Duration::from_secs(5));
    assert!(batch.len() == 3 && loki.save_unwritten(&batch).unwrap());
    drop(held);
    let next = tap(&fake, dir.path(), "gpu");
    filled(&next, records(3..4));
    assert_eq!(
        read_all(&next, &[]),
        records(0..4),
        "each once, whether Loki took the first push or not"
    );
}
