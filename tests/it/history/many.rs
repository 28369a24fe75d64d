//! A history of many records: what is asked of it is found, and answered in flat memory.

use serde_json::{Value, json};

use super::{LOCAL, REPLY, TestHistory, long};
use crate::harness::ollama::json as reply;
use crate::harness::sample::rounds;
use crate::harness::{Client, FakeOllama, Memory, Proxy, TIMEOUT, eventually, request};

/// The memory by which the executable may grow, whatever it answers.
const GROWTH: u64 = 60 << 20;

/// The most whose percentiles are exact.
const EXACT: u32 = 200_000;

/// Between two of them (seconds).
const APART: f64 = 0.001;

/// The number of a busy tap writes at once.
const BATCH: usize = 100;

fn record(n: u32) -> Value {
    let prompt = format!("why is it {n:07}?");
    json!({"interaction_id": format!("{n:016x}"), "timestamp": *long::TIME + APART * f64::from(n), "prompt_full": prompt, "prompt_preview": prompt,
        "response_full": "Because it follows the one before."})
}

/// A client that has asked, and whose answer has begun to come: to read through everything may take longer than patience lasts.
fn asked(tap: &Proxy, target: &str) -> Client {
    let mut client = tap.connect();
    client.send(request("GET", target, &[], ""));
    assert!(
        (0..rounds(4, 40)).any(|_| !client.is_silent_for(TIMEOUT)),
        "{target}: no answer"
    );
    client
}

pub fn page(tap: &Proxy, target: &str) -> Value {
    let reply = asked(tap, target).reply("GET");
    assert_eq!(reply.status(), 200, "{target}: {}", reply.text());
    reply.json()
}

/// The lines of an export, none of which is kept here.
pub fn exported(tap: &Proxy) -> u32 {
    let mut client = asked(tap, "/analytics/export?format=jsonl");
    assert_eq!(client.head("GET").status(), 200);
    let mut lines = 0;
    while let Some(bytes) = client.piece().expect("a piece") {
        lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u32;
    }
    lines
}

#[test]
fn many_records_are_counted_searched_and_exported_in_flat_memory() {
    let count = rounds(3_000, 1_000_000);
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let ollama = FakeOllama::always(reply(REPLY));
        drop(history.start(&ollama));
        long::write(&history, backend, (1..=count).map(record), BATCH);
        let tap = history.start(&ollama);
        let memory = Memory::at_rest(&tap);
        eventually("all are counted", || {
            page(&tap, "/analytics/stats")["records"] == count
        });
        let needle = record(count / 3);
        let found = page(
            &tap,
            &format!("/analytics/search?prompt_search={:07}", count / 3),
        );
        assert_eq!(
            (found.as_array().map(Vec::len), &found[0]["prompt_full"]),
            (Some(1), &needle["prompt_full"]),
            "{backend}"
        );
        let newest = page(&tap, "/analytics/messages?limit=2");
        assert_eq!(
            (&newest[0]["interaction_id"], &newest[1]["interaction_id"]),
            (
                &record(count)["interaction_id"],
                &record(count - 1)["interaction_id"]
            )
        );
        assert_eq!(exported(&tap), count, "{backend}");
        for asked in ["first", "again"] {
            let all = page(&tap, "/analytics/stats/enhanced?hours=24");
            assert_eq!(
                (&all["totals"]["requests"], &all["approximate"]),
                (&count.into(), &(count > EXACT).into()),
                "{backend}: {asked}"
            );
        }
        memory.grew_less_than(GROWTH, backend);
    }
}
