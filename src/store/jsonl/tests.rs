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
use crate::store::suite::{NOON, each, filled, newest, record, suite};

mod limits;
mod overlaps;
mod torn;

fn fresh() -> (Jsonl, TempDir) {
    let stage = tempfile::tempdir().unwrap();
    (open(&stage), stage)
}

/// Tries again, because a process that another test is just starting holds the lock of a writer that is gone for a moment.
fn open(stage: &TempDir) -> Jsonl {
    let directory = std::iter::repeat_with(|| Directory::lock(stage.path(), "test")).flatten().next().unwrap();
    Jsonl::writer(directory).unwrap()
}

suite!(fresh);
suite! { fresh: what_lies_in_the_future_is_not_the_newest_and_goes_when_it_may }

fn day() -> Day {
    Day::of(NOON).unwrap()
}

fn day_file(stage: &TempDir) -> PathBuf {
    day().path(stage.path())
}

/// The lines of a day file, as any gzip reader sees them, by id.
fn unzipped(stage: &TempDir) -> Vec<String> {
    let mut text = String::new();
    MultiGzDecoder::new(File::open(day_file(stage)).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str::<Record>(line).unwrap().interaction_id).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.interaction_id.as_str()).collect()
}

fn members(keeper: &Jsonl) -> usize {
    let mut starts: Vec<u64> = keeper.files.open(day()).unwrap().unwrap().index.blocks.iter().map(|block| block.member).collect();
    starts.dedup();
    starts.len()
}

#[test]
fn a_record_goes_to_the_file_of_its_local_date_whatever_the_clock_says_now() {
    let (keeper, stage) = fresh();
    let midnight = day().end();
    let at = |timestamp: f64, n| Record { timestamp, ..record(n) };
    filled(&keeper, [at(midnight, 3), at(midnight - 0.001, 2), at(NOON, 1), at(-1.0, 0)]);
    assert_eq!(unzipped(&stage), ["0000000000000001", "0000000000000002"]);
    assert_eq!(keeper.files.days().unwrap().len(), 3);
    assert_eq!(ids(&each(&keeper, &[])), newest(&keeper, &[]).into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn what_has_no_date_is_refused_and_harms_nothing() {
    let (keeper, _stage) = fresh();
    let strange = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 1e13];
    let mut batch: Vec<Record> = strange.into_iter().map(|timestamp| Record { timestamp, ..record(0) }).collect();
    batch.push(record(1));
    assert_eq!(keeper.write(&mut batch).unwrap(), 6);
    assert!(batch.is_empty());
    assert_eq!(ids(&each(&keeper, &[])), ["0000000000000001"]);
}

#[test]
fn files_that_others_wrote_are_read_too() {
    let (keeper, stage) = fresh();
    let line = |id: u32, time: f64| {
        format!(
            r#"{{"interaction_id": "{id:016x}", "timestamp": {time}, "model": "phi4", "endpoint": "api/chat", "prompt_category": "other", "prompt_full": "gr\u00fcn", "prompt_tokens": 3, "duration": 1.5, "eval_duration": 0.5, "load_duration": null, "status": "success", "metadata": {{}}}}"#
        )
    };
    let strange = format!(
        "{{\"timestamp\": 1e300, \"interaction_id\": \"x\"}}\n{{\"timestamp\": NaN}}\nnot json\n\n{{\"timestamp\": -5}}\n{}\n",
        line(2, NOON + 1.0)
    );
    let mut bytes = gzip(&format!("{}\n{}\n", line(1, NOON + 30.0), line(3, NOON)));
    bytes.extend(gzip(&strange));
    fs::write(day_file(&stage), bytes).unwrap();
    filled(&keeper, [record(20)]);
    let found = each(&keeper, &[("prompt_search", "GRÜN")]);
    assert_eq!(ids(&found), ["0000000000000003", "0000000000000002", "0000000000000001"]);
    assert_eq!((found[0].duration_seconds, found[0].eval_duration_seconds, found[0].load_duration_seconds), (Some(1.5), Some(0.5), None));
    assert_eq!(newest(&keeper, &[("start_time", &NOON.to_string()), ("limit", "2")]), ["x", "0000000000000001"]);
    assert_eq!(keeper.extent(f64::INFINITY).unwrap().records, 6);
}

#[test]
fn a_day_that_is_over_becomes_one_sorted_member_and_takes_late_records_still() {
    let (keeper, stage) = fresh();
    fs::write(day_file(&stage), gzip(&format!("{}\n", serde_json::to_string(&record(77)).unwrap()))).unwrap();
    (0..30).rev().for_each(|n| filled(&keeper, [record(n), record(100 - n)]));
    let before = each(&keeper, &[]);
    keeper.retain_on(day(), &NO_LIMITS).unwrap();
    assert_eq!(members(&keeper), 31, "a day that is not over is left alone");
    for late in [200, 150] {
        keeper.retain_on(day().next(), &NO_LIMITS).unwrap();
        assert_eq!(members(&keeper), 1);
        assert!(unzipped(&stage).is_sorted());
        filled(&keeper, [record(late)]);
    }
    let after = each(&keeper, &[]);
    assert_eq!(after[..before.len()], before);
    assert_eq!(after[before.len()..], [record(150), record(200)]);
    assert_eq!(newest(&keeper, &[("limit", "3")]), ["00000000000000c8", "0000000000000096", "0000000000000064"]);
}

const NO_LIMITS: Limits = Limits { oldest: None, future: None, max_bytes: None };

#[test]
fn a_file_that_cannot_be_read_in_full_is_not_written_anew() {
    let (keeper, stage) = fresh();
    let mut bytes = gzip(&format!("{}\nno record\n", serde_json::to_string(&record(1)).unwrap()));
    bytes.extend(gzip("no record either\n"));
    fs::write(day_file(&stage), &bytes).unwrap();
    keeper.retain_on(day().next(), &NO_LIMITS).unwrap();
    assert_eq!(fs::read(day_file(&stage)).unwrap(), bytes);
    assert_eq!(day::list(stage.path()).unwrap().len(), 1);
}

#[test]
fn a_long_batch_lies_in_many_blocks_and_comes_back_in_order() {
    let (keeper, _stage) = fresh();
    let long = |n| Record { response_full: Some(format!("{n} ").repeat(60_000)), timestamp: NOON + f64::from(n % 7), ..record(n) };
    filled(&keeper, (0..20).map(long));
    let file = keeper.files.open(day()).unwrap().unwrap();
    assert!(file.index.blocks.len() > 2 && members(&keeper) == 1);
    let found = each(&keeper, &[]);
    assert!(found.len() == 20 && found.is_sorted_by_key(Record::position));
    keeper.retain_on(day().next(), &NO_LIMITS).unwrap();
    assert_eq!(each(&keeper, &[]), found);
}

#[test]
fn what_cannot_be_written_stays_in_the_batch_and_other_days_are_written() {
    let (keeper, stage) = fresh();
    fs::create_dir(day_file(&stage)).unwrap();
    let other = Record { timestamp: NOON - 86_400.0, ..record(2) };
    let mut batch = vec![record(1), other.clone(), record(3)];
    let Err(StoreError::Failed(text)) = keeper.write(&mut batch) else { panic!("written") };
    assert!(text.starts_with("write ") && text.contains("ollama_2026"), "{text}");
    assert_eq!(batch, [record(1), record(3)]);
    fs::remove_dir(day_file(&stage)).unwrap();
    filled(&keeper, batch);
    assert_eq!(each(&keeper, &[]), [other, record(1), record(3)]);
}

#[test]
fn a_reader_changes_nothing_and_says_where_nothing_is() {
    let stage = tempfile::tempdir().unwrap();
    for empty in [stage.path().to_owned(), stage.path().join("missing")] {
        let Err(StoreError::Nothing(text)) = Jsonl::reader(&empty) else { panic!("found something") };
        assert!(text.contains(&*empty.to_string_lossy()), "{text}");
    }
    filled(&open(&stage), [record(1)]);
    let mut bytes = fs::read(day_file(&stage)).unwrap();
    bytes.extend(&bytes.clone()[..40]); // being written
    fs::write(day_file(&stage), &bytes).unwrap();
    let reader = Jsonl::reader(stage.path()).unwrap();
    assert_eq!(each(&reader, &[]), [record(1)]);
    assert!(reader.write(&mut vec![record(2)]).is_err() && reader.purge(None).is_err() && reader.retain(&NO_LIMITS).is_err());
    assert_eq!(fs::read(day_file(&stage)).unwrap(), bytes);
}

#[test]
fn a_reader_follows_a_writer_in_another_process() {
    let (writer, stage) = fresh();
    filled(&writer, [record(1)]);
    let reader = Jsonl::reader(stage.path()).unwrap();
    filled(&writer, [record(3)]);
    assert_eq!(each(&reader, &[]).len(), 2);
    filled(&writer, [record(2)]);
    writer.retain_on(day().next(), &NO_LIMITS).unwrap();
    assert_eq!(ids(&each(&reader, &[])), ["0000000000000001", "0000000000000002", "0000000000000003"]);
    writer.purge(None).unwrap();
    assert!(each(&reader, &[]).is_empty());
}

/// Skipped where there is no such tool.
#[test]
fn zcat_reads_a_day() {
    let (keeper, stage) = fresh();
    filled(&keeper, (0..3).map(record));
    filled(&keeper, (3..5).map(record));
    for day_is_over in [false, true] {
        if day_is_over {
            keeper.retain_on(day().next(), &NO_LIMITS).unwrap();
        }
        let Ok(output) = std::process::Command::new("zcat").arg(day_file(&stage)).output() else { return }; // not installed
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 5);
    }
}

#[test]
fn lines_as_python_wrote_them_are_in_every_answer() {
    let (keeper, stage) = fresh();
    let line = |n: u32, fields: &str| format!(r#"{{"interaction_id": "{n:016x}", "timestamp": {}, {fields}}}"#, NOON + f64::from(n)) + "\n";
    let lines = [
        line(1, r#""prompt_full": "half \ud83d a smile", "endpoint": "api/chat""#),
        line(2, r#""prompt_full": "no endpoint", "endpoint": null, "prompt_category": null"#),
        line(3, r#""prompt_full": "no number", "tokens_per_second": NaN, "duration": Infinity"#),
        line(4, r#""prompt_full": "a float", "prompt_tokens": 4.0, "metadata": {"\udc00": NaN}"#),
        "{\"timestamp\": NaN}\nno record\n".to_owned(),
    ];
    fs::write(day_file(&stage), gzip(&lines.concat())).unwrap();
    for day_is_over in [false, true] {
        let prompts = each(&keeper, &[]).into_iter().filter_map(|record| record.prompt_full).collect::<Vec<_>>();
        assert_eq!(prompts, ["half \u{fffd} a smile", "no endpoint", "no number", "a float"]);
        assert_eq!((newest(&keeper, &[]).len(), keeper.extent(f64::INFINITY).unwrap().records), (4, 4));
        assert_eq!(newest(&keeper, &[("prompt_search", "A SMILE")]), ["0000000000000001"]);
        let mut facts = 0;
        keeper.each_facts(&Query::default(), &mut |_| facts += 1).unwrap();
        assert_eq!(facts, 4);
        for n in 1..=4 {
            assert!(keeper.get(&record(n).interaction_id).unwrap().is_some(), "{n}");
        }
        if !day_is_over {
            fs::write(day_file(&stage), gzip(&lines[..4].concat())).unwrap();
            filled(&keeper, []);
            keeper.retain_on(day().next(), &NO_LIMITS).unwrap();
        }
    }
    assert_eq!(members(&keeper), 1);
}

#[test]
fn a_directory_that_was_removed_is_made_again_and_has_one_writer_still() {
    let (keeper, stage) = fresh();
    filled(&keeper, [record(1)]);
    fs::remove_dir_all(stage.path()).unwrap();
    filled(&keeper, [record(2)]);
    assert_eq!(each(&keeper, &[]), [record(2)]);
    assert!(Directory::lock(stage.path(), "another").is_err());
    fs::remove_file(day_file(&stage)).unwrap();
    filled(&keeper, [record(3)]);
    assert_eq!(each(&keeper, &[]), [record(3)]);
}

#[test]
fn a_directory_that_another_tap_made_again_is_its_own() {
    let (keeper, stage) = fresh();
    fs::remove_dir_all(stage.path()).unwrap();
    let other = Directory::lock(stage.path(), "the other tap").unwrap();
    let mut batch = vec![record(1)];
    let Err(StoreError::Failed(text)) = keeper.write(&mut batch) else { panic!("written") };
    assert!(text.contains("the other tap") && batch.len() == 1, "{text}");
    drop(other);
    filled(&keeper, batch);
    assert_eq!(each(&keeper, &[]), [record(1)]);
}

#[test]
fn a_file_that_was_mended_while_it_was_written_anew_stays_as_it_was_mended() {
    let (keeper, stage) = fresh();
    filled(&keeper, [record(1), record(2)]);
    let file = keeper.files.open(day()).unwrap().unwrap();
    let fill = |file: &Arc<DayFile>, aside: &mut aside::Aside| {
        let end = file.index.whole;
        File::options().append(true).open(day_file(&stage))?.write_all(&gzip("torn")[..12])?;
        filled(&keeper, [record(3)]);
        aside.copy(file, 0, end)?;
        Ok(true)
    };
    assert!(!keeper.replace(file, fill).unwrap());
    assert_eq!(each(&keeper, &[]), [record(1), record(2), record(3)]);
    assert_eq!(keeper.purge(Some(record(2).timestamp)).unwrap(), 1);
    assert_eq!(each(&keeper, &[]), [record(2), record(3)]);
}
