//! The shared suite, and what only day files have.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::files::DayFile;
use super::*;
use crate::history::store::suite::{NOON, filled, message, newest, read_all, record, suite};

mod foreign;
mod limits;
mod overlaps;
mod processes;
mod torn;

fn fresh() -> (Jsonl, TempDir) {
    let stage = tempfile::tempdir().unwrap();
    (open(&stage), stage)
}

/// Tries again, because a process that another test is just starting holds the lock of a closed
/// writer for a moment.
fn open(stage: &TempDir) -> Jsonl {
    let directory = std::iter::repeat_with(|| Directory::lock(stage.path(), "test"))
        .flatten()
        .next()
        .unwrap();
    Jsonl::writer(directory).unwrap()
}

suite!(fresh);
suite! { fresh: what_lies_in_the_future_is_not_the_newest_and_goes_when_it_may a_list_is_sorted_by_a_number_and_its_pages_follow_without_gaps selected_records_are_deleted_and_no_others what_a_deleted_record_said_is_in_no_later_one what_is_purged_by_time_is_in_no_later_record any_filters_together_delete_what_they_find_and_nothing_else }

fn day() -> Day {
    Day::of(NOON).unwrap()
}

fn day_file(stage: &TempDir) -> PathBuf {
    day().path(stage.path())
}

/// The lines of a day file, as any gzip reader sees them, by id.
fn unzipped(stage: &TempDir) -> Vec<String> {
    let mut text = String::new();
    MultiGzDecoder::new(File::open(day_file(stage)).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap().interaction_id)
        .collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn ids(records: &[Record]) -> Vec<&str> {
    records
        .iter()
        .map(|record| record.interaction_id.as_str())
        .collect()
}

fn members(engine: &Jsonl) -> usize {
    let mut starts: Vec<u64> = engine
        .files
        .open(day())
        .unwrap()
        .unwrap()
        .index
        .blocks
        .iter()
        .map(|block| block.member)
        .collect();
    starts.dedup();
    starts.len()
}

#[test]
fn a_record_goes_to_the_file_of_its_local_date_whatever_the_clock_says_now() {
    let (engine, stage) = fresh();
    let midnight = day().end();
    let at = |timestamp: f64, n| Record {
        timestamp,
        ..record(n)
    };
    filled(
        &engine,
        [
            at(midnight, 3),
            at(midnight - 0.001, 2),
            at(NOON, 1),
            at(-1.0, 0),
        ],
    );
    assert_eq!(unzipped(&stage), ["0000000000000001", "0000000000000002"]);
    assert_eq!(engine.files.days().unwrap().len(), 3);
    assert_eq!(
        ids(&read_all(&engine, &[])),
        newest(&engine, &[]).into_iter().rev().collect::<Vec<_>>()
    );
}

#[test]
fn what_has_no_date_is_refused_and_harms_nothing() {
    let (engine, _stage) = fresh();
    let strange = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e300,
        -1e300,
        1e13,
    ];
    let mut batch: Vec<Record> = strange
        .into_iter()
        .map(|timestamp| Record {
            timestamp,
            ..record(0)
        })
        .collect();
    batch.push(record(1));
    assert_eq!(engine.write(&mut batch).unwrap(), 6);
    assert!(batch.is_empty());
    assert_eq!(ids(&read_all(&engine, &[])), ["0000000000000001"]);
}

#[test]
fn a_day_that_is_over_becomes_one_sorted_member_and_takes_late_records_still() {
    let (engine, stage) = fresh();
    fs::write(
        day_file(&stage),
        gzip(&format!(
            "{}\n",
            serde_json::to_string(&record(77)).unwrap()
        )),
    )
    .unwrap();
    (0..30)
        .rev()
        .for_each(|n| filled(&engine, [record(n), record(100 - n)]));
    let before = read_all(&engine, &[]);
    engine.retain_on(day(), &NO_LIMITS).unwrap();
    assert_eq!(members(&engine), 31, "a day that is not over is left alone");
    for late in [200, 150] {
        engine.retain_on(day().next(), &NO_LIMITS).unwrap();
        assert_eq!(members(&engine), 1);
        assert!(unzipped(&stage).is_sorted());
        filled(&engine, [record(late)]);
    }
    let after = read_all(&engine, &[]);
    assert_eq!(after[..before.len()], before);
    assert_eq!(after[before.len()..], [record(150), record(200)]);
    assert_eq!(
        newest(&engine, &[("limit", "3")]),
        ["00000000000000c8", "0000000000000096", "0000000000000064"]
    );
}

const NO_LIMITS: Limits = Limits {
    oldest: None,
    future: None,
    max_bytes: None,
};

#[test]
fn a_file_that_cannot_be_read_in_full_is_not_written_anew() {
    let (engine, stage) = fresh();
    let mut bytes = gzip(&format!(
        "{}\nno record\n",
        serde_json::to_string(&record(1)).unwrap()
    ));
    bytes.extend(gzip("no record either\n"));
    fs::write(day_file(&stage), &bytes).unwrap();
    engine.retain_on(day().next(), &NO_LIMITS).unwrap();
    assert_eq!(fs::read(day_file(&stage)).unwrap(), bytes);
    assert_eq!(day::list(stage.path()).unwrap().len(), 1);
}

#[test]
fn a_long_batch_lies_in_many_blocks_and_comes_back_in_order() {
    let (engine, _stage) = fresh();
    let long = |n| Record {
        response_full: Some(format!("{n} ").repeat(60_000)),
        timestamp: NOON + f64::from(n % 7),
        ..record(n)
    };
    filled(&engine, (0..20).map(long));
    let file = engine.files.open(day()).unwrap().unwrap();
    assert!(file.index.blocks.len() > 2 && members(&engine) == 1);
    let found = read_all(&engine, &[]);
    assert!(found.len() == 20 && found.is_sorted_by_key(Record::position));
    engine.retain_on(day().next(), &NO_LIMITS).unwrap();
    assert_eq!(read_all(&engine, &[]), found);
}

#[test]
fn what_cannot_be_written_stays_in_the_batch_and_other_days_are_written() {
    let (engine, stage) = fresh();
    fs::create_dir(day_file(&stage)).unwrap();
    let other = Record {
        timestamp: NOON - 86_400.0,
        ..record(2)
    };
    let mut batch = vec![record(1), other.clone(), record(3)];
    let Err(StoreError::Failed(text)) = engine.write(&mut batch) else {
        panic!("written")
    };
    assert!(
        text.starts_with("write ") && text.contains("ollama_2026"),
        "{text}"
    );
    assert_eq!(batch, [record(1), record(3)]);
    fs::remove_dir(day_file(&stage)).unwrap();
    filled(&engine, batch);
    assert_eq!(read_all(&engine, &[]), [other, record(1), record(3)]);
}

#[test]
fn a_file_that_was_mended_while_it_was_written_anew_stays_as_it_was_mended() {
    let (engine, stage) = fresh();
    filled(&engine, [record(1), record(2)]);
    let file = engine.files.open(day()).unwrap().unwrap();
    let fill = |file: &Arc<DayFile>, replacement: &mut replacement::Replacement| {
        let end = file.index.whole;
        File::options()
            .append(true)
            .open(day_file(&stage))?
            .write_all(&gzip("torn")[..12])?;
        filled(&engine, [record(3)]);
        replacement.copy(file, 0, end)?;
        Ok(true)
    };
    assert!(!engine.replace(file, fill).unwrap());
    assert_eq!(read_all(&engine, &[]), [record(1), record(2), record(3)]);
    assert_eq!(engine.purge(Some(record(2).timestamp)).unwrap(), 1);
    assert_eq!(read_all(&engine, &[]), [record(2), record(3)]);
}
