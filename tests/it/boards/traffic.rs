//! A tap that is used: every dialect, streams and whole answers, tool calls, embeddings, requests that fail, and one whose client
//! leaves. What was recorded of a real Ollama is asked and answered again.

use std::collections::HashMap;

use crate::harness::ollama::{STREAM_HEAD, json, token};
use crate::harness::recording::{self, Recording};
use crate::harness::{AfterReply, FakeOllama, Proxy, post};

/// Recordings of which one round is made.
const RECORDED: [&str; 18] = [
    "chat-stream",
    "chat-block",
    "chat-think-stream",
    "chat-tools-stream",
    "chat-runner-dies",
    "generate-stream",
    "generate-unicode-prompt",
    "generate-missing-model",
    "embed-many",
    "embeddings-legacy",
    "v1-chat-stream-usage",
    "v1-chat-tools-stream",
    "v1-chat-bad-json",
    "v1-completions-stream",
    "v1-embeddings",
    "v1-responses-stream",
    "v1-messages-stream",
    "v1-messages-tools-block",
];

/// Requests of one round that count: the recorded ones, one whose prompt is cached, one that its client leaves, one for which Ollama
/// hangs up.
pub const ROUND: f64 = RECORDED.len() as f64 + 3.0;

/// What Ollama tells since 0.33.3, which the recordings are older than (docs.ollama.com/api/usage).
const CACHED: &str = r#"{"model":"talk","created_at":"2026-11-29T00:00:00Z","response":"a","done":true,"done_reason":"stop","total_duration":30000000,
"load_duration":1000000,"prompt_eval_count":38,"prompt_eval_cached_count":36,"prompt_eval_duration":2000000,"eval_count":2,"eval_duration":20000000}"#;

const ASK_CACHED: &str = r#"{"model":"talk","prompt":"again","stream":false}"#;

const LOADED: &str = r#"{"models":[{"name":"talk:latest","model":"talk:latest","size":4000000000,"size_vram":3000000000,"context_length":8192,
"expires_at":"2199-01-01T00:00:00Z","details":{"parameter_size":"8.0B","quantization_level":"Q4_K_M"}}]}"#;

fn recordings() -> Vec<Recording> {
    let all = recording::exchanges("0.33.0");
    let chosen: Vec<_> = all
        .into_iter()
        .filter(|recording| RECORDED.contains(&recording.name.as_str()))
        .collect();
    assert_eq!(chosen.len(), RECORDED.len());
    chosen
}

/// A stand-in with a loaded model that answers all that `round` asks.
pub fn ollama() -> FakeOllama {
    let key = |target: &str, body: &[u8]| (target.to_owned(), body.to_vec());
    let replies: HashMap<_, _> = recordings()
        .into_iter()
        .map(|recording| {
            (
                key(
                    recording.requests[0].head.target(),
                    &recording.requests[0].body,
                ),
                recording.replies[0].raw.clone(),
            )
        })
        .collect();
    let ollama = FakeOllama::start(move |conn| {
        let body = conn.body()?;
        if let Some(reply) = replies.get(&key(conn.head.target(), &body)) {
            return conn.answer(reply);
        }
        if body == ASK_CACHED.as_bytes() {
            return conn.answer(json(CACHED));
        }
        if body != br#"{"model":"talk","prompt":"wait"}"# {
            return Ok(AfterReply::Close);
        }
        conn.write([STREAM_HEAD.as_bytes(), &token("a")].concat())?;
        conn.wait_until_closed()
    });
    ollama.set(|state| state.ps = LOADED.to_owned());
    ollama
}

/// Asks everything once. What is counted afterwards grew by `ROUND`, a moment later.
pub fn round(tap: &Proxy) {
    for recording in recordings() {
        tap.ask("POST", &recording.requests[0].raw);
    }
    tap.ask("POST", post("/api/generate", ASK_CACHED));
    let mut leaving = tap.connect();
    leaving
        .send(post("/api/generate", r#"{"model":"talk","prompt":"wait"}"#))
        .head("POST");
    drop(leaving);
    assert_eq!(
        tap.ask(
            "POST",
            post("/api/generate", r#"{"model":"talk","prompt":"hang up"}"#)
        )
        .status(),
        502
    );
}
