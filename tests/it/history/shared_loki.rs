//! One Loki at the size people have: many records with an agent's prompts, and many machines.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::many::{exported, page};
use super::{REPLY, TestHistory};
use crate::harness::ollama::json as reply;
use crate::harness::runner::within;
use crate::harness::sample::{random, rounds};
use crate::harness::{FakeOllama, Memory, Proxy, TIMEOUT, metric, post};

/// The memory by which the executable may grow while it answers, however long the history and its texts are.
const READING: u64 = 60 << 20;

/// The same while it writes, when up to 64 MiB of text wait, and what is sent is made of a batch of them.
const WRITING: u64 = 160 << 20;

/// Requests between two looks at what waits.
const ROUND: u32 = 1000;

/// Clients at a time.
const CLIENTS: u32 = 4;

/// An agent's prompt is every tenth (bytes).
const LONG: usize = 100_000;

fn prompt(n: u32) -> String {
    format!(
        "why is it {n:07}?{}",
        if n.is_multiple_of(10) {
            "p".repeat(LONG)
        } else {
            String::new()
        }
    )
}

fn talk(tap: &Proxy, numbers: impl Iterator<Item = u32>) {
    let mut client = tap.connect();
    for n in numbers {
        client.send(post(
            "/api/generate",
            &json!({"model": "talk", "prompt": prompt(n), "stream": false}).to_string(),
        ));
        assert_eq!(client.reply("POST").status(), 200);
    }
}

/// Waits until nothing waits any more, as long as it becomes less; a stand-in that reads many a long text may be slow.
fn all_is_written(tap: &Proxy) {
    let queue = || metric("ollama_analytics_queue_size").sum(&tap.scrape());
    let (mut waiting, mut since) = (queue(), Instant::now());
    while waiting > 0.0 {
        assert!(
            since.elapsed() < within(TIMEOUT) * rounds(2, 20),
            "{waiting} records wait and become no less"
        );
        thread::sleep(Duration::from_millis(5));
        let now = queue();
        since = if now < waiting { Instant::now() } else { since };
        waiting = now;
    }
}

/// Fills the history by requests, no faster than Loki takes the records. The stand-ins keep nothing of them but the streams.
fn fill(history: &TestHistory, ollama: &FakeOllama, tap: &Proxy, count: u32) {
    for first in (0..count).step_by(ROUND as usize) {
        thread::scope(|scope| {
            let numbers = |client| {
                (first..count.min(first + ROUND))
                    .skip(client as usize)
                    .step_by(CLIENTS as usize)
            };
            for client in 0..CLIENTS {
                drop(scope.spawn(move || talk(tap, numbers(client))));
            }
        });
        all_is_written(tap);
        drop(ollama.take_received());
        let mut loki = history.loki.state();
        loki.seen.clear();
        loki.metadata.clear();
    }
    assert_eq!(
        metric("ollama_tap_analytics_dropped_total").sum(&tap.scrape()),
        0.0
    );
}

#[test]
fn many_records_in_loki_are_written_counted_listed_and_exported_in_flat_memory() {
    let count = rounds(3_000, 100_000);
    let history = TestHistory::new("loki");
    let ollama = FakeOllama::always(reply(REPLY));
    let writer = history.options(&ollama).env("LOG_LEVEL", "WARNING").start();
    let memory = Memory::at_rest(&writer);
    fill(&history, &ollama, &writer, count);
    memory.grew_less_than(WRITING, "writing");
    drop(writer);
    let tap = history.start(&ollama);
    let memory = Memory::at_rest(&tap);
    assert_eq!(page(&tap, "/analytics/stats")["records"], count);
    let totals = page(&tap, "/analytics/stats/enhanced?hours=24")["totals"].clone();
    assert_eq!(
        (&totals["requests"], &totals["generated_tokens"]),
        (&count.into(), &(5 * count).into())
    );
    assert_eq!(
        page(&tap, "/analytics/messages").as_array().map(Vec::len),
        Some(100)
    );
    assert_eq!(exported(&tap), count);
    assert_eq!(
        history.loki.state().refusals,
        0,
        "no answer was too long for a Loki as it comes"
    );
    memory.grew_less_than(READING, "reading");
}

const TAPS: usize = 10;
const MODELS: usize = 14;
const TURNS: usize = 4;

/// A day of one machine, all at once: an agent sends the whole conversation with each turn.
fn work(tap: &Proxy, machine: usize, text: &str) {
    let mut client = tap.connect();
    for (model, turn) in (0..MODELS).flat_map(|model| (0..TURNS).map(move |turn| (model, turn))) {
        let prompt = format!(
            "machine {machine} model {model} turn {turn} {}",
            text.repeat(1 + turn)
        );
        client.send(post(
            "/api/generate",
            &json!({"model": format!("model-{model}"), "prompt": prompt, "stream": false})
                .to_string(),
        ));
        assert_eq!(client.reply("POST").status(), 200);
    }
}

/// The pages that an open dashboard fetches at every refresh.
fn refresh(tap: &Proxy) -> Value {
    for target in [
        "/analytics/stats/enhanced?hours=24",
        "/analytics/messages?limit=50",
        "/analytics/models",
    ] {
        page(tap, target);
    }
    page(tap, "/analytics/stats")
}

#[test]
fn ten_taps_share_a_loki_with_default_limits_and_every_record_is_there_once() {
    let history = TestHistory::new("loki");
    // A default one takes what is up to an hour behind.
    history.loki.state().limits.behind = Some(3_600_000_000_000);
    let ollama = FakeOllama::always(reply(REPLY));
    let start = |n: usize| {
        history
            .options(&ollama)
            .args(&["--name", &format!("machine-{n}"), "--workers", "8"])
            .start()
    };
    let taps: Vec<Proxy> = (0..TAPS).map(start).collect();
    let mut random = random();
    let text: String = (0..20_000).map(|_| random.alphanumeric()).collect();
    let text = text.as_str();
    thread::scope(|scope| {
        taps.iter()
            .enumerate()
            .for_each(|(n, tap)| drop(scope.spawn(move || work(tap, n, text))))
    });
    for tap in &taps {
        all_is_written(tap);
        assert_eq!(
            metric("ollama_tap_analytics_dropped_total").sum(&tap.scrape()),
            0.0
        );
    }
    let count = TAPS * MODELS * TURNS;
    assert_eq!(history.loki.lines().len(), 2 * count, "two entries each");
    let streams = history.loki.labels().len();
    assert!((2 * TAPS..=4 * TAPS).contains(&streams), "{streams}");
    let all = page(&taps[0], "/analytics/export");
    let told = |record: &Value| {
        (
            record["host"].to_string(),
            record["model"].to_string(),
            record["prompt_full"].to_string(),
        )
    };
    let all: Vec<_> = all.as_array().expect("an array").iter().map(told).collect();
    assert_eq!(
        (all.len(), all.iter().collect::<BTreeSet<_>>().len()),
        (count, count)
    );
    let by_host = page(&taps[1], "/analytics/stats/enhanced?hours=24")["by_host"].clone();
    let each = by_host
        .as_array()
        .expect("groups")
        .iter()
        .map(|group| group["requests"].as_u64());
    assert!(each.eq([Some((MODELS * TURNS) as u64); TAPS]), "{by_host}");
    page_costs_next_to_nothing(&history, &taps[2], count);
    assert_eq!(
        history.loki.state().errors,
        0,
        "Loki had nothing to complain of"
    );
}

/// What stays open asks anew every few seconds; what is new to Loki is asked of it anew, and a question of a day is one of 24 hours.
fn page_costs_next_to_nothing(history: &TestHistory, tap: &Proxy, count: usize) {
    const REFRESHES: usize = 4;
    const APART: Duration = Duration::from_millis(2100);
    assert_eq!(refresh(tap)["records"], count);
    let before = history.loki.state().subqueries;
    for _ in 0..REFRESHES {
        thread::sleep(APART);
        refresh(tap);
    }
    let subqueries = history.loki.state().subqueries - before;
    assert!(
        subqueries < 30 * REFRESHES,
        "{REFRESHES} refreshes made Loki do {subqueries} queries"
    );
}
