//! Whole connections of real clients, kept alive as they kept them, pass through the executable unchanged and count.

use crate::harness::Proxy;
use crate::harness::expected::Expected;
use crate::harness::recording::{self, assert_same_reply, assert_same_request};
use crate::harness::replay::Replay;
use crate::replay::settle;

#[test]
fn connections_of_clients_of_0_24_pass_unchanged_and_count() {
    perform_all("0.24.0");
}

#[test]
fn connections_of_clients_of_0_33_pass_unchanged_and_count() {
    perform_all("0.33.0");
}

fn perform_all(version: &str) {
    let replay = Replay::default();
    let ollama = replay.ollama();
    let tap = Proxy::start(&ollama);
    let mut expected = Expected::default();
    let mut before = tap.scrape();
    for connection in recording::connections(version) {
        let got = replay.run(tap.connect(), &connection);
        for (n, reply) in got.iter().enumerate() {
            let (name, request) = (
                format!("{} request {}", connection.name, n + 1),
                &connection.requests[n],
            );
            assert_same_request(&name, request, &ollama.next());
            assert_same_reply(&name, request.head.method(), &connection.replies[n], reply);
            expected.add(request, &connection.replies[n]);
        }
        let (after, differences) = settle(&tap, &before, &expected);
        assert!(
            differences.is_empty(),
            "{}: wrong in /metrics:\n{}",
            connection.name,
            differences.join("\n")
        );
        before = after;
        expected.clear();
    }
}
