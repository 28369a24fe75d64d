//! Streams: tokens pass as they are made, a client that leaves frees Ollama, and a full house still answers its own pages.

use std::time::{Duration, Instant};

use crate::harness::http::LAST_CHUNK;
use crate::harness::ollama::{STREAM_HEAD, done, token};
use crate::harness::runner::within;
use crate::harness::{
    AfterReply, Client, FakeOllama, Latch, Options, Proxy, TIMEOUT, chunk, eventually,
    latched_ollama, metric, post,
};

/// Within this a departed client must have freed Ollama: the promised second, and what a busy machine adds.
const DISCONNECT_TIMEOUT: Duration = Duration::from_millis(1250);

const ASK: &str = r#"{"model":"talk","prompt":"Why?"}"#;

/// Sends each piece only after the client said that it has the one before.
fn passes_at_once(
    path: &str,
    head: &'static str,
    pieces: &'static [&'static str],
    end: &'static [u8],
) {
    let (next, wait) = crossbeam_channel::unbounded::<()>();
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        conn.write(head)?;
        for piece in pieces {
            conn.write(if end.is_empty() {
                piece.as_bytes().to_vec()
            } else {
                chunk(piece)
            })?;
            wait.recv_timeout(TIMEOUT).map_err(std::io::Error::other)?;
        }
        conn.write(end)?;
        Ok(if end.is_empty() {
            AfterReply::Close
        } else {
            AfterReply::KeepAlive
        })
    });
    let tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    assert_eq!(client.send(post(path, ASK)).head("POST").status(), 200);
    for piece in pieces {
        assert_eq!(String::from_utf8_lossy(&client.read_until(piece)), *piece);
        next.send(()).expect("the stand-in waits");
    }
    assert!(
        client.piece().expect("a clean end").is_none(),
        "more came than was sent"
    );
}

#[test]
fn tokens_arrive_while_the_next_ones_are_not_yet_made() {
    passes_at_once(
        "/api/generate",
        STREAM_HEAD,
        &[
            "{\"response\":\"a\"}\n",
            "{\"response\":\"b\"}\n",
            "half a li",
            "ne\n",
        ],
        LAST_CHUNK,
    );
}

#[test]
fn events_arrive_while_the_next_ones_are_not_yet_made() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    passes_at_once(
        "/v1/chat/completions",
        head,
        &["data: {}\n\n", "data: {\"a\":1}\n\n", "data: [DONE]\n\n"],
        LAST_CHUNK,
    );
}

#[test]
fn progress_of_a_pull_arrives_while_it_goes_on() {
    passes_at_once(
        "/api/pull",
        STREAM_HEAD,
        &[
            "{\"status\":\"pulling manifest\"}\n",
            "{\"completed\":1}\n",
            "{\"status\":\"success\"}\n",
        ],
        LAST_CHUNK,
    );
}

#[test]
fn a_reply_that_ends_with_its_connection_arrives_as_it_comes() {
    passes_at_once(
        "/api/new",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n",
        &["one", "two", "three"],
        b"",
    );
}

#[test]
fn the_head_arrives_before_the_first_byte_of_a_stream() {
    let latch = Latch::default();
    let held = latch.clone();
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        conn.write(STREAM_HEAD)?;
        held.wait();
        conn.write(LAST_CHUNK)?;
        Ok(AfterReply::KeepAlive)
    });
    let tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    assert_eq!(
        client
            .send(post("/api/generate", ASK))
            .head("POST")
            .status(),
        200
    );
    latch.release();
    assert!(client.piece().expect("a clean end").is_none());
}

/// A stand-in that says `first` and then waits for its peer to leave.
fn silent_after(first: Vec<u8>) -> FakeOllama {
    FakeOllama::start(move |conn| {
        conn.body()?;
        conn.write(&first)?;
        conn.wait_until_closed()
    })
}

fn cancelled(tap: &Proxy) {
    let cancelled = metric("ollama_requests_total").label("status", "cancelled");
    let scrape = tap.scrape_until("a cancelled request", |scrape| cancelled.sum(scrape) == 1.0);
    assert_eq!(metric("ollama_requests_total").sum(&scrape), 1.0);
    tap.scrape_until("no active requests", |scrape| {
        metric("ollama_active_requests").sum(scrape) == 0.0
    });
}

#[test]
fn a_client_that_leaves_while_ollama_is_silent_frees_it() {
    for leave in [drop, Client::reset] {
        for path in ["/api/generate", "/v1/messages"] {
            let ollama = silent_after(Vec::new());
            let tap = Proxy::start(&ollama);
            let mut client = tap.connect();
            client.send(post(path, ASK));
            ollama.next();
            let left = Instant::now();
            leave(client);
            assert!(
                ollama.closed() - left < within(DISCONNECT_TIMEOUT),
                "{path}: freed after {:?}",
                left.elapsed()
            );
            cancelled(&tap);
        }
    }
}

#[test]
fn a_client_that_leaves_a_silent_pull_ends_it() {
    let ollama = silent_after(
        [
            STREAM_HEAD.as_bytes(),
            &chunk("{\"status\":\"pulling manifest\"}\n"),
        ]
        .concat(),
    );
    let tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    client.send(post("/api/pull", ASK)).head("POST");
    client.read_until("manifest");
    let left = Instant::now();
    drop(client);
    assert!(ollama.closed() - left < within(DISCONNECT_TIMEOUT));
}

#[test]
fn a_client_that_leaves_between_tokens_frees_ollama_and_its_tokens_count() {
    let ollama = silent_after(
        [
            STREAM_HEAD.as_bytes(),
            &token("a"),
            &token("b"),
            &token("c"),
        ]
        .concat(),
    );
    let tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    client.send(post("/api/generate", ASK)).head("POST");
    client.read_until("\"c\"");
    let left = Instant::now();
    drop(client);
    assert!(ollama.closed() - left < within(DISCONNECT_TIMEOUT));
    cancelled(&tap);
    assert!(
        metric("ollama_tokens_generated_total")
            .label("model", "talk")
            .value(3.0)
            .is_in(&tap.scrape())
    );
}

#[test]
fn a_client_that_leaves_amid_tokens_frees_ollama() {
    let ollama = FakeOllama::start(|conn| {
        conn.body()?;
        conn.write(STREAM_HEAD)?;
        while conn.write(token("a")).is_ok() {
            std::thread::sleep(Duration::from_millis(2));
        }
        conn.wait_until_closed()
    });
    let tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    client.send(post("/api/generate", ASK)).head("POST");
    client.read_until("\"a\"");
    let left = Instant::now();
    drop(client);
    assert!(ollama.closed() - left < within(DISCONNECT_TIMEOUT));
    cancelled(&tap);
}

#[test]
fn a_client_that_leaves_after_the_end_marker_was_served() {
    let last = done(3, 2);
    let without_end = last[..last.len() - LAST_CHUNK.len()].to_vec();
    let ollama = silent_after([STREAM_HEAD.as_bytes(), &token("a"), &without_end].concat());
    let tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    client.send(post("/api/generate", ASK)).head("POST");
    client.read_until("\"done\":true");
    drop(client);
    ollama.closed();
    let success = metric("ollama_requests_total").label("status", "success");
    tap.scrape_until("a success", |scrape| success.sum(scrape) == 1.0);
}

#[test]
fn own_pages_answer_at_once_while_every_worker_streams() {
    let latch = Latch::default();
    let ollama = latched_ollama(&latch);
    let tap = Options::to(&ollama).args(&["--workers", "2"]).start();
    let mut streams: Vec<Client> = (0..3).map(|_| tap.connect()).collect();
    for stream in &mut streams {
        stream.send(post("/api/generate", ASK));
    }
    ollama.next();
    ollama.next();
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let asked = Instant::now();
            assert_eq!(tap.get("/metrics").status(), 200);
            asked.elapsed()
        })
        .collect();
    times.sort();
    assert!(
        times[2] < within(Duration::from_millis(100)),
        "/metrics took {times:?}"
    );
    assert!(
        metric("ollama_tap_workers_busy")
            .value(2.0)
            .is_in(&tap.scrape())
    );
    assert_eq!(tap.get("/test").status(), 200);
    assert_eq!(tap.get("/healthz").status(), 200);
    assert!(
        ollama.take_received().is_empty(),
        "a third stream began with two workers"
    );
    latch.release();
    for stream in &mut streams {
        assert!(stream.reply("POST").text().contains("\"done\":true"));
    }
}

#[test]
fn where_too_many_wait_the_rest_hear_that_the_server_is_busy() {
    let latch = Latch::default();
    let ollama = latched_ollama(&latch);
    let tap = Options::to(&ollama)
        .args(&["--workers", "1"])
        .env("OLLAMA_TAP_TEST_MAX_WAITING", "3")
        .start();
    let ask = || {
        let mut client = tap.connect();
        client.send(post("/api/generate", ASK));
        client
    };
    let mut served = ask();
    ollama.next();
    // Three of eight fit into the queue, whichever come first.
    let mut others: Vec<Client> = (0..8).map(|_| ask()).collect();
    let mut refused = 0;
    let busy = metric("ollama_tap_http_requests_total").label("code", "503");
    let failed = metric("ollama_requests_total").label("status", "error");
    tap.scrape_until("five refused", |scrape| {
        busy.sum(scrape) == 5.0 && failed.sum(scrape) == 5.0
    });
    let is_silent = |client: &mut Client| client.is_silent_for(Duration::from_millis(1));
    eventually("their replies", || {
        let silent = others.iter_mut().map(is_silent);
        silent.filter(|is_silent| *is_silent).count() == 3
    });
    others.retain_mut(|client| {
        let waits = is_silent(client);
        if !waits {
            let reply = client.reply("POST");
            assert_eq!(reply.status(), 503);
            assert_eq!(
                reply.text(),
                r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#
            );
            refused += 1;
        }
        waits
    });
    assert_eq!((refused, others.len()), (5, 3));

    // Each that leaves makes room for another.
    drop(others.pop());
    eventually("a place in the queue again", || {
        let mut client = ask();
        let waits = client.is_silent_for(Duration::from_millis(500));
        if waits {
            others.push(client);
        }
        waits
    });
    latch.release();
    for client in std::iter::once(&mut served).chain(&mut others) {
        assert!(client.reply("POST").text().contains("\"done\":true"));
    }
}
