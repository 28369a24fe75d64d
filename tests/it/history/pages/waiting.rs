//! Those who wait, and those who do not any more: a reader who is told what enters late, and a question
//! whose client has left.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lists::cursor;
use crate::harness::ollama::json as reply;
use crate::harness::runner::within;
use crate::harness::{AfterReply, Client, FakeOllama, Latch, Proxy, eventually, metric, request};
use crate::history::{
    BACKENDS, LOCAL, REPLY, TestHistory, asking, long, many, page, prompts, talk, wait_for_records,
};

/// Records that take a while to read.
const RECORDS: u32 = 60_000;

/// Of no record, but a part of every line: none can be passed over unread.
const SEARCH: &str = "/analytics/search?q=interaction_id";

fn record(n: u32) -> Value {
    let prompt = format!("why is it {n}?");
    json!({"interaction_id": format!("{n:016x}"), "timestamp": *long::TIME + f64::from(n) / 1000.0, "prompt_full": prompt,
        "prompt_preview": prompt, "response_full": "Because it follows the one before. ".repeat(20)})
}

#[test]
fn a_long_generation_is_new_when_it_ends_and_listed_where_it_arrived() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let latch = Latch::default();
        let held = latch.clone();
        let ollama = FakeOllama::start(move |conn| {
            if conn.body()?.windows(4).any(|part| part == b"long") {
                held.wait();
            }
            conn.answer(reply(REPLY))?;
            Ok(AfterReply::KeepAlive)
        });
        let tap = history.start(&ollama);
        let mut long = tap.connect();
        long.send(asking("long"));
        ollama.next();
        talk(&tap, "short");
        wait_for_records(&tap, 1);
        let list = tap.get("/analytics/search");
        assert_eq!(prompts(&list.json()), ["short"], "{backend}");
        latch.release();
        assert_eq!(long.reply("POST").status(), 200);
        wait_for_records(&tap, 2);
        let new = page(&tap, &format!("/analytics/search?since={}", cursor(&list)));
        assert_eq!(prompts(&new), ["long"], "{backend}");
        let anew = page(&tap, "/analytics/search");
        assert_eq!(prompts(&anew), ["short", "long"], "{backend}");
    }
}

#[test]
fn a_question_whose_client_left_frees_its_worker_at_once() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let ollama = FakeOllama::always(reply(REPLY));
        drop(history.start(&ollama));
        long::write(&history, backend, (1..=RECORDS).map(record), 1000);
        let tap = history
            .options(&ollama)
            .args(&["--log-level", "debug"])
            .start();
        let started = Instant::now();
        assert_eq!(many::page(&tap, SEARCH), json!([]), "{backend}");
        let whole = started.elapsed();
        // A machine that is busy makes both slower.
        let limit = within(Duration::from_millis(100)).max(whole / 10);
        assert!(whole > limit * 3, "{backend}: all was read in {whole:?}");
        let clients = both_read(&tap, SEARCH);
        let waited = until_a_worker_is_free(&tap, clients);
        assert!(
            waited < limit,
            "{backend}: a worker was free after {waited:?}, and all takes {whole:?}"
        );
        let gone = metric("ollama_tap_http_requests_total")
            .label("endpoint", "analytics/search")
            .label("code", "499");
        tap.scrape_until("both are counted", |scrape| gone.sum(scrape) == 2.0);
    }
}

#[test]
fn a_question_that_waits_for_loki_ends_with_its_client() {
    let history = TestHistory::new("loki");
    let ollama = FakeOllama::always(reply(REPLY));
    let tap = history
        .options(&ollama)
        .args(&["--log-level", "debug"])
        .start();
    talk(&tap, "first");
    wait_for_records(&tap, 1);
    let held = history.loki.hold();
    let clients = both_read(&tap, "/analytics/search?q=first");
    // Loki is waited for much longer.
    let waited = until_a_worker_is_free(&tap, clients);
    assert!(waited < within(Duration::from_millis(500)), "{waited:?}");
    drop(held);
    let found = page(&tap, "/analytics/search?q=first");
    assert_eq!(prompts(&found), ["first"]);
}

/// Two clients whose question both workers of the history read for.
fn both_read(tap: &Proxy, target: &str) -> [Client; 2] {
    let reading = || tap.log().matches("to analytics/search").count();
    let before = reading();
    let clients = [(); 2].map(|()| {
        let mut client = tap.connect();
        client.send(request("GET", target, &[], ""));
        client
    });
    eventually("both workers read", || reading() == before + 2);
    clients
}

/// The time until a question that needs no reading is answered, once these clients have left.
fn until_a_worker_is_free(tap: &Proxy, clients: [Client; 2]) -> Duration {
    let left = Instant::now();
    drop(clients);
    assert_eq!(tap.get("/analytics/models?x=1").status(), 400);
    left.elapsed()
}
