//! Connections as only Linux lets a test see or break them.
#![cfg(target_os = "linux")]

use std::fs;
use std::sync::Barrier;

use super::*;
use crate::harness::{Latch, proc};

#[test]
fn an_ollama_that_was_switched_off_and_on_costs_no_502() {
    const WORKERS: usize = 4;
    // All of them are busy at once, so that each has a connection of its own.
    let together = Barrier::new(WORKERS);
    let ollama = FakeOllama::start(move |conn| {
        together.wait();
        conn.answer(json(ANSWER))
    });
    let tap = Options::to(&ollama).args(&["--workers", "4"]).start();
    let ask_all = || {
        let mut clients: Vec<_> = (0..WORKERS).map(|_| tap.connect()).collect();
        for client in &mut clients {
            client.send(post("/api/generate", ASK));
        }
        clients
            .iter_mut()
            .map(|client| client.reply("POST").status())
            .collect::<Vec<_>>()
    };
    assert_eq!(ask_all(), [200; WORKERS]);
    if !ollama.vanish() {
        return;
    }
    assert_eq!(ask_all(), [200; WORKERS]);
    assert_eq!(
        ollama.take_received().len(),
        2 * WORKERS,
        "what reached nobody was sent anew, and nothing else"
    );
    counted(&tap, WORKERS as f64, 0.0);
}

#[test]
fn a_body_is_freed_once_it_can_no_longer_be_resent() {
    const BODY: u64 = 60 << 20;
    let latch = Latch::default();
    let held = latch.clone();
    let ollama = second(move |conn| {
        conn.body()?;
        held.wait();
        conn.answer(json(ANSWER))
    });
    let tap = with_kept_connection(&ollama);
    let mut client = tap.connect();
    client.send(post("/api/generate", &"x".repeat(BODY as usize)));
    ollama.next();
    eventually("its memory is free while Ollama is silent", || {
        proc::status(tap.id(), "VmRSS:") << 10 < BODY
    });
    assert!(
        proc::status(tap.id(), "VmHWM:") << 10 > BODY,
        "it was never held"
    );
    latch.release();
    assert_eq!(client.reply("POST").status(), 200);
}

#[test]
fn a_silent_ollama_is_asked_whether_it_is_still_there() {
    let ollama = FakeOllama::always(json(ANSWER));
    let tap = with_kept_connection(&ollama);
    // Columns of the table: local and remote address, and the timer that runs: 02 is keep-alive, in hundredths of a second.
    let table =
        fs::read_to_string(format!("/proc/{}/net/tcp", tap.id())).expect("/proc/PID/net/tcp");
    let peer = format!("0100007F:{:04X}", ollama.addr.port());
    let timers: Vec<&str> = table
        .lines()
        .filter(|line| line.split_whitespace().nth(2) == Some(&peer))
        .collect();
    let is_soon = |timer: &str| {
        let (kind, left) = timer.split_once(':').expect("a timer");
        kind == "02" && u32::from_str_radix(left, 16).expect("a time") <= 3_000
    };
    let of = |line: &&str| line.split_whitespace().nth(5).is_some_and(is_soon);
    assert!(timers.iter().any(of), "{timers:?}");
}
