//! The cache shows what the history holds, through any events; and it reads no more often than it
//! must.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::super::redaction::Redaction;
use super::super::{Detail, Extent, Limits, Selection};
use super::*;
use crate::sample;

/// A history in memory that counts its reads, and lets something happen during one.
#[derive(Default)]
struct Shelf {
    records: Mutex<Vec<Record>>,
    reads: AtomicUsize,
    #[expect(clippy::type_complexity)]
    meanwhile: Mutex<Option<Box<dyn FnOnce(&Shelf) + Send>>>,
}

impl Engine for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        self.records.lock().unwrap().append(batch);
        Ok(0)
    }

    fn catch_up(&self) -> Result<bool> {
        Ok(false)
    }

    fn for_each_newest(
        &self,
        _: &Query,
        _: Detail,
        _: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        Ok(())
    }

    fn for_each(&self, _: &Query, _: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<()> {
        Ok(())
    }

    fn for_each_summary(&self, query: &Query, visit: &mut dyn FnMut(&RecordSummary)) -> Result<()> {
        self.reads.fetch_add(1, SeqCst);
        let seen = self.records.lock().unwrap().clone();
        let meanwhile = self.meanwhile.lock().unwrap().take();
        meanwhile.into_iter().for_each(|happens| happens(self));
        seen.iter()
            .map(Record::summary)
            .filter(|summary| query.matches_summary(summary))
            .for_each(|summary| visit(&summary));
        Ok(())
    }

    fn get(&self, _: &str) -> Result<Option<Record>> {
        Ok(None)
    }

    fn extent(&self, _: f64) -> Result<Extent> {
        let records = self.records.lock().unwrap();
        let times = || records.iter().map(|record| record.timestamp);
        let (oldest, newest) = (
            times().min_by(f64::total_cmp),
            times().max_by(f64::total_cmp),
        );
        Ok(Extent {
            records: records.len() as u64,
            bytes: None,
            oldest,
            newest,
            latest: newest,
        })
    }

    fn retain(&self, _: &Limits) -> Result<u64> {
        Ok(0)
    }

    fn ids(&self, _: &str, _: usize) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn redact(&self, _: &Redaction) -> Result<u64> {
        Ok(0)
    }

    fn delete(&self, _: &Selection) -> Result<u64> {
        Ok(0)
    }

    fn purge(&self, before: Option<f64>) -> Result<u64> {
        self.records
            .lock()
            .unwrap()
            .retain(|record| before.is_some_and(|before| record.timestamp >= before));
        Ok(0)
    }
}

const DAY: f64 = 86_400.0;
const NOW: f64 = 100.0 * DAY;

fn record(timestamp: f64) -> Record {
    let model = Some(format!("model-{}", timestamp as u64 % 7));
    let status = ["success", "error"][timestamp as usize % 2].to_owned();
    Record {
        timestamp,
        model,
        generated_tokens: (status != "error").then_some(timestamp as u64),
        duration_seconds: Some(timestamp / 7.0),
        status,
        ..Record::default()
    }
}

fn write(cache: &SummaryCache, shelf: &Shelf, times: &[f64]) {
    let mut batch: Vec<Record> = times.iter().copied().map(record).collect();
    let writing = cache.begin(&batch);
    shelf.write(&mut batch).unwrap();
    writing.finish();
}

/// Returns the number of shown summaries, which must be those that are there.
fn shown(cache: &SummaryCache, shelf: &Shelf, start: f64, now: f64) -> usize {
    let mut summary = Vec::new();
    let see = &mut |seen: &RecordSummary| {
        let model = seen.model.as_deref().unwrap_or_default().to_owned();
        summary.push((
            seen.timestamp,
            model,
            seen.status.to_string(),
            seen.generated_tokens,
            seen.duration_seconds,
        ));
    };
    cache.for_each_summary(shelf, start, now, see).unwrap();
    summary.sort_by(|one, other| one.partial_cmp(other).unwrap());
    let records = shelf.records.lock().unwrap();
    let mut times: Vec<f64> = records
        .iter()
        .map(|record| record.timestamp)
        .filter(|time| *time >= start)
        .collect();
    times.sort_by(f64::total_cmp);
    let expected = times.into_iter().map(record).map(|r| {
        (
            r.timestamp,
            r.model.unwrap(),
            r.status,
            r.generated_tokens,
            r.duration_seconds,
        )
    });
    assert_eq!(summary, expected.collect::<Vec<_>>(), "since {start}");
    summary.len()
}

#[test]
fn what_is_known_is_not_read_again() {
    let (cache, shelf) = (SummaryCache::default(), Shelf::default());
    write(
        &cache,
        &shelf,
        &[NOW - 30.0 * DAY, NOW - 3.0 * DAY, NOW - 5.0],
    );
    assert_eq!(shown(&cache, &shelf, NOW - 7.0 * DAY, NOW), 2);
    let reads = shelf.reads.load(SeqCst);
    write(&cache, &shelf, &[NOW + 1.0, NOW + 2.0]);
    assert_eq!(shown(&cache, &shelf, NOW - 7.0 * DAY, NOW + 3.0), 4);
    assert_eq!(shown(&cache, &shelf, NOW - DAY, NOW + 3.0), 3);
    assert_eq!(
        shelf.reads.load(SeqCst),
        reads,
        "all that was asked for is in memory"
    );
    assert_eq!(shown(&cache, &shelf, NOW - 60.0 * DAY, NOW + 3.0), 5);
    assert!(shelf.reads.load(SeqCst) > reads);
}

#[test]
fn a_long_past_is_read_in_few_steps() {
    let (cache, shelf) = (SummaryCache::default(), Shelf::default());
    write(&cache, &shelf, &[NOW - 90.0 * DAY, NOW - 1.0]);
    assert_eq!(shown(&cache, &shelf, 0.0, NOW), 2);
    assert!(
        shelf.reads.load(SeqCst) <= 8,
        "{} reads of 90 days",
        shelf.reads.load(SeqCst)
    );
}

#[test]
fn records_that_others_removed_or_added_show() {
    let (cache, shelf) = (SummaryCache::default(), Shelf::default());
    write(&cache, &shelf, &[NOW - 50.0, NOW - 40.0]);
    assert_eq!(shown(&cache, &shelf, 0.0, NOW), 2);
    shelf.purge(Some(NOW - 45.0)).unwrap();
    assert_eq!(shown(&cache, &shelf, 0.0, NOW), 1);
    shelf
        .write(&mut vec![record(NOW - 48.0), record(NOW + 9.0)])
        .unwrap();
    assert_eq!(shown(&cache, &shelf, 0.0, NOW), 3);
    write(&cache, &shelf, &[NOW + 10.0]);
    assert_eq!(shown(&cache, &shelf, 0.0, NOW + 11.0), 4);
    shelf.purge(None).unwrap();
    assert_eq!(shown(&cache, &shelf, 0.0, NOW + 11.0), 0);
}

#[test]
fn a_late_record_shows_once_also_where_it_comes_while_the_past_is_read() {
    for late in [NOW - 20.0, NOW - DAY / 2.0] {
        let (cache, shelf) = (
            std::sync::Arc::new(SummaryCache::default()),
            Shelf::default(),
        );
        write(&cache, &shelf, &[NOW - 50.0]);
        let own = cache.clone();
        *shelf.meanwhile.lock().unwrap() = Some(Box::new(move |shelf| {
            write(&own, shelf, &[late, NOW + 1.0])
        }));
        cache
            .for_each_summary(&shelf, 0.0, NOW, &mut |_| {})
            .unwrap();
        assert_eq!(shown(&cache, &shelf, 0.0, NOW), 3);
        write(&cache, &shelf, &[late + 1.0]);
        assert_eq!(shown(&cache, &shelf, 0.0, NOW), 4);
    }
}

#[test]
fn a_batch_that_was_not_written_whole_leaves_nothing_to_rely_on() {
    let (cache, shelf) = (SummaryCache::default(), Shelf::default());
    write(&cache, &shelf, &[NOW - 50.0]);
    assert_eq!(shown(&cache, &shelf, 0.0, NOW), 1);
    let writing = cache.begin(&[record(NOW + 1.0), record(NOW + 2.0)]);
    assert_eq!(
        shown(&cache, &shelf, 0.0, NOW),
        1,
        "while it is being written as well"
    );
    shelf.write(&mut vec![record(NOW + 1.0)]).unwrap();
    drop(writing);
    assert_eq!(shown(&cache, &shelf, 0.0, NOW), 2);
}

#[test]
fn any_order_of_events_shows_what_is_there() {
    let mut rng = sample::random();
    let (cache, shelf, mut now) = (SummaryCache::default(), Shelf::default(), NOW);
    for _ in 0..sample::rounds(3_000, 100_000) {
        now += rng.f64() * 1000.0;
        match rng.u8(..10) {
            0 => {
                shelf.purge(Some(now - rng.f64() * 20.0 * DAY)).unwrap();
                cache.forget();
            }
            1 => shelf
                .write(&mut vec![record(now - rng.f64() * DAY)])
                .map(|_| ())
                .unwrap(),
            2..6 => write(
                &cache,
                &shelf,
                &[now - rng.f64() * 9.0 * DAY, now - rng.f64() * 900.0],
            ),
            _ => _ = shown(&cache, &shelf, now - rng.f64() * 30.0 * DAY, now),
        }
    }
}
