//! The recorder over a store in memory that fails, blocks and panics on demand.

use std::sync::{Condvar, Mutex};
use std::thread;

use super::*;
use crate::history::record::{Facts, Record};
use crate::history::store::{Detail, Extent, Flow, Keeper, Limits, Query, Result, StoreError};
use crate::metrics::tests::chat;

#[derive(Default)]
struct Memory {
    records: Mutex<Vec<Record>>,
    /// How the next writes go; beyond them all is well.
    plan: Mutex<Vec<Step>>,
    held: Mutex<bool>,
    moved: Condvar,
}

#[derive(Clone, Copy)]
enum Step {
    Fail,
    /// There is room for so many.
    Room(usize),
    Panic,
    Refuse(u64),
}

impl Memory {
    fn hold(&self, held: bool) {
        *self.held.lock().unwrap() = held;
        self.moved.notify_all();
    }

    fn ids(&self) -> Vec<String> {
        self.records
            .lock()
            .unwrap()
            .iter()
            .map(|record| record.interaction_id.clone())
            .collect()
    }
}

impl Keeper for Arc<Memory> {
    fn name(&self) -> &'static str {
        "memory"
    }
    fn place(&self) -> String {
        "memory".to_owned()
    }
    fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        let held = self.held.lock().unwrap();
        drop(self.moved.wait_while(held, |held| *held).unwrap());
        let step = self.plan.lock().unwrap().pop();
        match step {
            Some(Step::Room(most)) if batch.len() > most => {
                return Err(StoreError::Full("write to memory: full".to_owned()));
            }
            Some(Step::Fail) => return Err(StoreError::Failed("write to memory: full".to_owned())),
            Some(Step::Panic) => {
                batch.clear(); // as a store may have taken what it writes
                panic!("on demand")
            }
            _ => {}
        }
        self.records.lock().unwrap().append(batch);
        Ok(if let Some(Step::Refuse(count)) = step {
            count
        } else {
            0
        })
    }
    fn catch_up(&self) -> Result<bool> {
        Ok(false)
    }
    fn each_newest(&self, _: &Query, _: Detail, _: &mut dyn FnMut(Record) -> Flow) -> Result<()> {
        unreachable!()
    }
    fn each(&self, _: &Query, _: &mut dyn FnMut(Record) -> Flow) -> Result<()> {
        unreachable!()
    }
    fn each_facts(&self, _: &Query, _: &mut dyn FnMut(&Facts)) -> Result<()> {
        unreachable!()
    }
    fn get(&self, _: &str) -> Result<Option<Record>> {
        unreachable!()
    }
    fn extent(&self, _: f64) -> Result<Extent> {
        unreachable!()
    }
    fn retain(&self, _: &Limits) -> Result<u64> {
        unreachable!()
    }
    fn purge(&self, _: Option<f64>) -> Result<u64> {
        unreachable!()
    }
}

struct Stage {
    memory: Arc<Memory>,
    metrics: Arc<Metrics>,
    recorder: Recorder,
}

/// A recorder that flushes at once, over a memory whose first writes go as planned.
fn stage(plan: &[Step]) -> Stage {
    paced_stage(plan, Duration::ZERO)
}

/// One that would wait an hour for more.
fn patient_stage(plan: &[Step]) -> Stage {
    paced_stage(plan, Duration::from_secs(3600))
}

fn paced_stage(plan: &[Step], flush: Duration) -> Stage {
    let memory = Arc::new(Memory {
        plan: Mutex::new(plan.iter().rev().copied().collect()),
        ..Memory::default()
    });
    let metrics = Arc::new(Metrics::new("1.2.3").unwrap());
    let store = Arc::new(Store::of_others(Box::new(memory.clone())));
    let recorder = Recorder::start(
        store,
        StoreText::Full,
        flush,
        TEXT_MAX,
        metrics.clone(),
        record::Writer {
            host: "box".to_owned(),
            tap: 1,
        },
    )
    .unwrap();
    Stage {
        memory,
        metrics,
        recorder,
    }
}

impl Stage {
    fn submit(&self, n: usize, prompt: &str) {
        let exchange = Exchange {
            interaction_id: format!("{n:016x}"),
            prompt: Some(prompt.to_owned()),
            ..chat()
        };
        self.recorder.submit(Box::new(exchange));
    }

    fn metric(&self, line: &str) -> String {
        let text = String::from_utf8(self.metrics.encode()).unwrap();
        let value = text
            .lines()
            .find_map(|found| found.strip_prefix(line))
            .unwrap_or_else(|| panic!("no {line} in {text}"));
        value.trim().to_owned()
    }

    fn end(&self) -> usize {
        self.recorder
            .shutdown(Instant::now() + Duration::from_secs(20))
    }
}

#[test]
fn everything_accepted_is_written_in_order_before_the_end() {
    let stage = stage(&[]);
    stage.memory.hold(true);
    (0..2_000).for_each(|n| stage.submit(n, "why"));
    stage.memory.hold(false);
    assert_eq!(stage.end(), 0);
    assert_eq!(
        stage.memory.ids(),
        (0..2_000).map(|n| format!("{n:016x}")).collect::<Vec<_>>()
    );
    assert_eq!(
        stage.metric("ollama_analytics_writes_total{backend=\"memory\",status=\"success\"}"),
        "2000"
    );
    assert_eq!(stage.metric("ollama_analytics_queue_size"), "0");
}

#[test]
fn what_was_accepted_is_written_at_once_when_somebody_waits_for_it() {
    let stage = patient_stage(&[Step::Fail, Step::Fail]);
    let soon = Duration::from_secs(20);
    assert!(stage.recorder.flush(soon), "there is nothing to write");
    (0..1_200).for_each(|n| stage.submit(n, "why"));
    assert!(stage.recorder.flush(soon));
    assert_eq!(stage.memory.ids().len(), 1_200);
    stage.memory.hold(true);
    stage.submit(1_200, "why");
    assert!(
        !stage.recorder.flush(Duration::from_millis(50)),
        "it cannot be written now"
    );
    stage.memory.hold(false);
    assert!(stage.recorder.flush(soon));
    assert_eq!(stage.memory.ids().len(), 1_201);
    assert_eq!(stage.end(), 0);
}

#[test]
fn a_full_queue_drops_and_counts_and_never_waits() {
    let stage = stage(&[]);
    stage.memory.hold(true);
    (0..QUEUE_MAX + 700).for_each(|n| stage.submit(n, "why"));
    assert_eq!(
        stage.metric("ollama_tap_analytics_dropped_total"),
        "700",
        "what the writer holds counts, too"
    );
    assert_eq!(
        stage.metric("ollama_analytics_queue_size"),
        QUEUE_MAX.to_string()
    );
    stage.memory.hold(false);
    assert_eq!(stage.end(), 0);
    assert_eq!(stage.memory.ids().len(), QUEUE_MAX);
}

#[test]
fn long_texts_fill_the_queue_before_their_number_does() {
    let stage = stage(&[]);
    stage.memory.hold(true);
    let long = "x".repeat(1 << 20);
    (0..100).for_each(|n| stage.submit(n, &long));
    stage.memory.hold(false);
    assert_eq!(stage.end(), 0);
    assert!(
        (60..=64).contains(&stage.memory.ids().len()),
        "{}",
        stage.memory.ids().len()
    );
    assert_eq!(stage.recorder.shared.text.load(SeqCst), 0);
}

#[test]
fn a_store_that_fails_is_tried_again_until_it_takes_everything() {
    let stage = stage(&[Step::Fail, Step::Fail]);
    stage.submit(1, "why");
    stage.submit(2, "why");
    assert_eq!(stage.end(), 0);
    assert_eq!(stage.memory.ids().len(), 2);
    let errors: u64 = stage
        .metric("ollama_analytics_writes_total{backend=\"memory\",status=\"error\"}")
        .parse()
        .unwrap();
    assert!(errors >= 2);
}

#[test]
fn a_store_that_works_again_within_the_grace_takes_everything() {
    let stage = stage(&[Step::Fail; 7]);
    stage.submit(1, "why");
    let errors = || {
        stage
            .metric("ollama_analytics_writes_total{backend=\"memory\",status=\"error\"}")
            .parse::<u64>()
            .unwrap()
    };
    while errors() < 3 {
        thread::yield_now();
    }
    assert_eq!(
        stage
            .recorder
            .shutdown(Instant::now() + Duration::from_secs(2)),
        0
    );
    assert_eq!(stage.memory.ids().len(), 1);
}

#[test]
fn a_store_that_stays_broken_does_not_keep_us_from_ending() {
    let stage = stage(&[Step::Fail; 1000]);
    stage.submit(1, "why");
    stage.submit(2, "why");
    let began = Instant::now();
    assert_eq!(
        stage
            .recorder
            .shutdown(Instant::now() + Duration::from_millis(300)),
        2
    );
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_store_with_room_for_a_part_takes_that_part() {
    let stage = patient_stage(&[
        Step::Room(0),
        Step::Room(30),
        Step::Room(30),
        Step::Room(30),
    ]);
    (0..100).for_each(|n| stage.submit(n, "why"));
    assert_eq!(stage.end(), 0);
    assert_eq!(
        stage.memory.ids(),
        (0..100).map(|n| format!("{n:016x}")).collect::<Vec<_>>()
    );
    assert_eq!(stage.metric("ollama_tap_analytics_dropped_total"), "0");
}

#[test]
fn what_a_store_refuses_for_good_is_counted_as_lost() {
    let stage = stage(&[Step::Refuse(1)]);
    stage.submit(1, "why");
    assert_eq!(stage.end(), 0);
    assert_eq!(stage.metric("ollama_tap_analytics_dropped_total"), "1");
    assert_eq!(
        stage.metric("ollama_analytics_writes_total{backend=\"memory\",status=\"success\"}"),
        "0"
    );
}

#[test]
fn a_panic_in_the_store_costs_its_batch_and_nothing_more() {
    let stage = stage(&[Step::Panic]);
    stage.submit(1, "why");
    while stage.recorder.queue_size() > 0 {
        thread::yield_now();
    }
    stage.submit(2, "why");
    assert_eq!(stage.end(), 0);
    assert_eq!(stage.memory.ids(), ["0000000000000002"]);
    assert_eq!(stage.metric("ollama_tap_analytics_dropped_total"), "1");
    assert_eq!(
        stage.metric("ollama_analytics_writes_total{backend=\"memory\",status=\"success\"}"),
        "1"
    );
}
