//! The harness alone, client and stand-in without the tap between them: what fails here is no fault of the executable.

use crate::harness::recording::{self, VERSIONS, assert_same_reply, assert_same_request};
use crate::harness::replay::Replay;
use crate::harness::scrape::{Scrape, metric};
use crate::harness::{AfterReply, Client, FakeOllama, Latch, chunk, ollama, post, request};

#[test]
fn every_recording_replays_without_the_tap() {
    let replay = Replay::default();
    let ollama = replay.ollama();
    for version in VERSIONS {
        for recording in recording::exchanges(version)
            .iter()
            .chain(&recording::connections(version))
        {
            let got = replay.run(Client::connect(ollama.addr), recording);
            for (n, reply) in got.iter().enumerate() {
                assert_same_request(&recording.name, &recording.requests[n], &ollama.next());
                assert_same_reply(
                    &recording.name,
                    recording.requests[n].head.method(),
                    &recording.replies[n],
                    reply,
                );
            }
        }
    }
}

#[test]
fn there_are_238_exchanges_that_ended_by_themselves() {
    let count: usize = VERSIONS
        .iter()
        .map(|version| recording::exchanges(version).len())
        .sum();
    assert_eq!(count, 238);
}

#[test]
fn a_latch_holds_the_stand_in() {
    let latch = Latch::default();
    let held = latch.clone();
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        conn.write(ollama::STREAM_HEAD)?;
        conn.write(ollama::token("Hi"))?;
        held.wait();
        conn.write(ollama::done(3, 1))?;
        Ok(AfterReply::KeepAlive)
    });
    let mut client = Client::connect(ollama.addr);
    client.send(post("/api/generate", "{}")).head("POST");
    assert!(String::from_utf8_lossy(&client.piece().unwrap().unwrap()).contains("Hi"));
    latch.release();
    client.read_until("\"done\":true");
    assert!(client.piece().unwrap().is_none());
}

#[test]
fn the_stand_in_notices_a_client_that_leaves() {
    let ollama = FakeOllama::start(|conn| {
        conn.body()?;
        conn.wait_until_closed()
    });
    let mut client = Client::connect(ollama.addr);
    client.send(request("GET", "/", &[], ""));
    ollama.next();
    drop(client);
    ollama.closed();
}

#[test]
fn scrapes_are_parsed_and_matched() {
    let text = "# HELP a b\na_total{m=\"x\\\"y\",n=\"z,}\"} 3\nup 1\nb_bucket{le=\"+Inf\"} 2\n";
    let scrape = Scrape::parse(text);
    assert!(
        metric("a_total")
            .label("m", "x\"y")
            .label("n", "z,}")
            .value(3.0)
            .is_in(&scrape)
    );
    assert!(metric("up").value(1.0).is_in(&scrape));
    assert!(!metric("up").value(2.0).is_in(&scrape));
    assert_eq!(metric("b_bucket").sum(&scrape), 2.0);
    assert!(scrape.since(&scrape).samples().next().is_none());
}

#[test]
fn chunks_are_framed() {
    assert_eq!(chunk("0123456789abcdef"), b"10\r\n0123456789abcdef\r\n");
}
