//! The recorder over a store in memory that fails, blocks and panics on demand.

mod memory;

use std::sync::Mutex;
use std::thread;

use self::memory::{Memory, Step};
use super::*;
use crate::metrics::tests::chat;

struct Stage {
    memory: Arc<Memory>,
    metrics: Arc<Metrics>,
    recorder: Recorder,
}

/// A recorder that flushes at once, over a memory whose first writes go as planned.
fn stage(plan: &[Step]) -> Stage {
    stage_with_flush_interval(plan, Duration::ZERO)
}

/// One that would wait an hour for more.
fn slow_flushing_stage(plan: &[Step]) -> Stage {
    stage_with_flush_interval(plan, Duration::from_secs(3600))
}

fn stage_with_flush_interval(plan: &[Step], flush: Duration) -> Stage {
    stage_over(
        Arc::new(Memory {
            plan: Mutex::new(plan.iter().rev().copied().collect()),
            ..Memory::default()
        }),
        flush,
    )
}

fn stage_over(memory: Arc<Memory>, flush: Duration) -> Stage {
    let metrics = Arc::new(Metrics::new("1.2.3").unwrap());
    let store = Arc::new(Store::of_others(Box::new(memory.clone())));
    let recorder = Recorder::start(
        store,
        StoreText::Full,
        flush,
        QUEUED_TEXT_MAX,
        metrics.clone(),
        record::TapIdentity {
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
fn what_was_accepted_is_written_at_once_on_a_flush() {
    let stage = slow_flushing_stage(&[Step::Fail, Step::Fail]);
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
    let stage = slow_flushing_stage(&[
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
fn what_was_put_off_is_tried_again_and_counted_without_new_records() {
    let memory = Arc::new(Memory {
        left: Mutex::new(vec![
            Step::Refuse(1),
            Step::Fail,
            Step::Refuse(2),
            Step::Fail,
        ]),
        ..Memory::default()
    });
    let stage = stage_over(memory, Duration::ZERO);
    while stage.metric("ollama_tap_analytics_dropped_total") != "3" {
        thread::yield_now();
    }
    assert_eq!(
        stage.metric("ollama_analytics_writes_total{backend=\"memory\",status=\"error\"}"),
        "3"
    );
    assert_eq!(stage.end(), 0);
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
