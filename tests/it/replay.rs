//! Every exchange recorded from a real Ollama passes through the executable unchanged, and /metrics moves by exactly what it says.

use std::time::{Duration, Instant};

use crate::harness::expected::Expected;
use crate::harness::recording::{self, assert_same_reply, assert_same_request};
use crate::harness::replay::Replay;
use crate::harness::{Proxy, Scrape};

#[test]
fn exchanges_of_ollama_0_24_pass_unchanged_and_count() {
    replay("0.24.0");
}

#[test]
fn exchanges_of_ollama_0_33_pass_unchanged_and_count() {
    replay("0.33.0");
}

fn replay(version: &str) {
    let replay = Replay::default();
    let ollama = replay.ollama();
    let tap = Proxy::start(&ollama);
    let mut expected = Expected::default();
    let mut before = tap.scrape();
    let mut wrong = Vec::new();
    for recording in recording::exchanges(version) {
        let (name, request, reply) = (
            &recording.name,
            &recording.requests[0],
            &recording.replies[0],
        );
        let got = replay.run(tap.connect(), &recording);
        assert_same_request(name, request, &ollama.next());
        assert_same_reply(name, request.head.method(), reply, &got[0]);
        expected.add(request, reply);
        let (after, differences) = settle(&tap, &before, &expected);
        wrong.extend(
            differences
                .into_iter()
                .map(|difference| format!("{name}: {difference}")),
        );
        before = after;
        expected.clear();
    }
    assert!(
        ollama.take_received().is_empty(),
        "the upstream got requests that nobody sent"
    );
    assert!(
        wrong.is_empty(),
        "{} wrong in /metrics:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Scrapes until what changed is what was expected, for metrics move after the reply went out; after a second, what differs stays so.
pub fn settle(tap: &Proxy, before: &Scrape, expected: &Expected) -> (Scrape, Vec<String>) {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let after = tap.scrape();
        let differences = expected.differences(&after.since(before));
        if differences.is_empty() || Instant::now() > deadline {
            return (after, differences);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
