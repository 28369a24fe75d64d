//! Valid requests, each spoilt at random: the process lives, nothing panics, and the next good request works.

use std::time::Duration;

use crate::harness::recording;
use crate::harness::sample::{random, rounds};
use crate::harness::{Client, Proxy, ollama::json, request, skip_under_wine, tap_answering};

#[test]
fn randomly_spoilt_requests_do_no_harm() {
    if skip_under_wine(
        "for a client that has left Wine's accept fails, and to listen anew each time takes longer than to send that much",
    ) {
        return;
    }
    let (_ollama, mut tap) = tap_answering(json(r#"{"model":"talk","response":"Hi","done":true}"#));
    let valid: Vec<Vec<u8>> = recording::exchanges("0.33.0")
        .into_iter()
        .map(|recording| recording.request)
        .collect();
    let mut random = random();
    for n in 0..rounds(2_000, 100_000) {
        let mut bytes = valid[random.usize(..valid.len())].clone();
        for _ in 0..random.usize(1..=4) {
            spoil(&mut bytes, &mut random);
        }
        offend(&tap, &bytes, random.bool());
        if n % 100 == 99 {
            assert_eq!(tap.get("/api/version").status(), 200, "after {n}");
        }
    }
    assert!(tap.is_running());
    assert!(!tap.log().contains("panicked"), "something panicked");
    let reply = tap
        .connect()
        .send(request(
            "POST",
            "/api/generate",
            &[],
            r#"{"model":"talk","prompt":"x"}"#,
        ))
        .reply("POST");
    assert_eq!(reply.status(), 200);
}

/// Sends the bytes and leaves: after what came back so far, or with a reset.
fn offend(tap: &Proxy, bytes: &[u8], politely: bool) {
    let mut client: Client = tap.connect();
    if client.try_send(bytes).is_err() {
        return;
    }
    if politely {
        client.finish_sending();
        while !client.is_silent_for(Duration::from_millis(3)) && client.skip_bytes() {}
    } else {
        client.reset();
    }
}

fn spoil(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    if bytes.is_empty() {
        return;
    }
    let at = random.usize(..bytes.len());
    let end = (at + random.usize(1..40)).min(bytes.len());
    match random.u8(..8) {
        0 => bytes[at] ^= 1 << random.u8(..8),
        1 => bytes[at] = random.u8(..),
        2 => bytes.insert(
            at,
            *random.choice(b"\r\n: \0,;\"{}%\xff09").expect("a byte"),
        ),
        3 => drop(bytes.drain(at..end)),
        4 => bytes.truncate(at),
        5 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
        6 => drop(bytes.splice(at..end, b"\r\nContent-Length: 99999999999\r\n".to_vec())),
        _ => drop(bytes.splice(at..at, b"\r\nTransfer-Encoding: chunked\r\n".to_vec())),
    }
}
