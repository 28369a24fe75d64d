//! Large bodies stream with flat memory, both ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::harness::ollama::reply;
use crate::harness::sample::rounds;
use crate::harness::{AfterReply, FakeOllama, Memory, Options, Proxy, request};

const MEGABYTE: usize = 1 << 20;
/// What each of these tests sends; in a long run more than 32 bits can count.
fn total() -> usize {
    rounds(100, 5_000) * MEGABYTE
}
/// The memory by which the executable may grow meanwhile.
const GROWTH: u64 = 30 << 20;

/// A megabyte in which every offset looks different.
fn block() -> Vec<u8> {
    (0..MEGABYTE as u32)
        .map(|n| (n ^ (n >> 8) ^ (n >> 15)) as u8)
        .collect()
}

/// Returns whether `bytes` are what stands at this offset of endlessly repeated blocks.
fn is_at(bytes: &[u8], offset: usize, block: &[u8]) -> bool {
    let start = offset % block.len();
    let first = bytes.len().min(block.len() - start);
    bytes[..first] == block[start..start + first]
        && (first == bytes.len() || is_at(&bytes[first..], 0, block))
}

fn receiving() -> (FakeOllama, Arc<AtomicU64>) {
    let received = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&received);
    let block = block();
    let ollama = FakeOllama::start(move |conn| {
        let mut offset = 0;
        while let Some(bytes) = conn.piece()? {
            if !is_at(&bytes, offset, &block) {
                return conn.answer(reply("400 Bad Request", &[], "digest mismatch"));
            }
            offset += bytes.len();
        }
        count.store(offset as u64, Ordering::SeqCst);
        conn.answer(reply("201 Created", &[], ""))
    });
    (ollama, received)
}

fn upload(framing: &str, send: impl Fn(&[u8]) -> Vec<u8>, end: &[u8]) {
    let (ollama, received) = receiving();
    let tap = Proxy::start(&ollama);
    let memory = Memory::at_rest(&tap);
    let mut client = tap.connect();
    client.send(format!(
        "POST /api/blobs/sha256:00 HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n"
    ));
    let block = send(&block());
    for _ in 0..total() / MEGABYTE {
        client.send(&block);
    }
    let got = client.send(end).reply("POST");
    assert_eq!(
        (got.status(), received.load(Ordering::SeqCst)),
        (201, total() as u64),
        "{}",
        got.text()
    );
    memory.grew_less_than(GROWTH, "streaming");
}

#[test]
fn an_upload_of_known_length_streams_with_flat_memory() {
    upload(&format!("Content-Length: {}", total()), <[u8]>::to_vec, b"");
}

#[test]
fn a_chunked_upload_streams_with_flat_memory() {
    upload(
        "Transfer-Encoding: chunked",
        |block| crate::harness::chunk(block),
        b"0\r\n\r\n",
    );
}

#[test]
fn a_download_streams_with_flat_memory() {
    let sent = block();
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        conn.write(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            total()
        ))?;
        for _ in 0..total() / MEGABYTE {
            conn.write(&sent)?;
        }
        Ok(AfterReply::KeepAlive)
    });
    let tap = Proxy::start(&ollama);
    let memory = Memory::at_rest(&tap);
    let mut client = tap.connect();
    client
        .send(request("GET", "/api/blobs/sha256:00", &[], ""))
        .head("GET");
    let (block, mut offset) = (block(), 0);
    while let Some(bytes) = client.piece().expect("a piece") {
        assert!(is_at(&bytes, offset, &block), "other bytes at {offset}");
        offset += bytes.len();
    }
    assert_eq!(offset, total());
    memory.grew_less_than(GROWTH, "streaming");
}

#[test]
fn prompts_beyond_the_buffers_budget_pass_all_the_same() {
    // 65 MiB of JSON: beyond what one request may have buffered, so it streams, and is still known by its head.
    let ollama = FakeOllama::start(|conn| {
        let mut count = 0;
        while let Some(bytes) = conn.piece()? {
            count += bytes.len();
        }
        conn.answer(crate::harness::ollama::json(&format!(
            r#"{{"model":"talk","done":true,"response":"{count}"}}"#
        )))
    });
    let tap = Options::to(&ollama).start();
    let text = "why ".repeat(65 * MEGABYTE / 4);
    let body = format!(r#"{{"model":"talk","prompt":"{text}"}}"#);
    let got = tap.ask("POST", crate::harness::post("/api/generate", &body));
    assert_eq!(got.json()["response"], body.len().to_string());
    tap.scrape_until("the long prompt", |scrape| {
        let counted = crate::harness::metric("ollama_requests_total")
            .label("model", "talk")
            .label("prompt_category", "question");
        counted.label("status", "success").value(1.0).is_in(scrape)
    });
}
