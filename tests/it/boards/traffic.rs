//! A tap that is used: every dialect, streams and whole answers, tool calls, embeddings, requests that fail, and one whose client
//! leaves. What was recorded of a real Ollama is asked and answered again. Before that, requests meet with each trouble that the tap
//! knows.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::ollama::{self, STREAM_HEAD, token};
use crate::harness::recording::{self, Recording};
use crate::harness::{AfterReply, FakeOllama, Proxy, metric, post};

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

/// The answer of /api/ps while so many bytes of the model are in VRAM.
fn loaded(vram: u64) -> String {
    let model = json!({
        "name": "talk:latest", "model": "talk:latest", "size": 4_000_000_000_u64, "size_vram": vram, "context_length": 8192,
        "expires_at": "2199-01-01T00:00:00Z", "details": {"parameter_size": "8.0B", "quantization_level": "Q4_K_M"}
    });
    json!({ "models": [model] }).to_string()
}

/// How long the request waits that has to (seconds): from 5 on, it is told.
const WAIT: f64 = 5.5;

/// What is asked of `talk`, and what of its reply tells of a trouble.
fn troubles() -> Vec<(Value, Value)> {
    let system =
        |turn: u32| json!({"role": "system", "content": format!("{turn} {}", "rule ".repeat(900))});
    let user = |content: &str| json!({"role": "user", "content": content});
    let chat = |messages: Value| json!({"model": "talk", "stream": false, "messages": messages});
    let with = |num_batch: u32| json!({"model": "talk", "stream": false, "messages": [user("load")], "options": {"num_batch": num_batch}});
    let text = |content: &str| json!({"role": "assistant", "content": content});
    let cache = |cached: u64| json!({"message": text("a"), "prompt_eval_count": 1000, "prompt_eval_cached_count": cached});
    vec![
        (
            json!({"model": "talk", "stream": false, "prompt": "cut"}),
            json!({"response": "a", "prompt_eval_count": 4098, "context": vec![1; 9000]}),
        ),
        (
            chat(json!([user("think")])),
            json!({"message": {"role": "assistant", "content": "", "thinking": "Hm"}}),
        ),
        (chat(json!([system(1), user("a")])), cache(0)),
        (
            chat(json!([system(2), user("a"), text("a"), user("b")])),
            cache(10),
        ),
        (with(128), json!({"message": text("a")})),
        (
            with(256),
            json!({"message": text("a"), "load_duration": 3_000_000_000_u64}),
        ),
        (
            chat(json!([user("wait in line")])),
            json!({"message": text("a"), "total_duration": (WAIT * 1e9) as u64}),
        ),
    ]
}

/// A reply with these fields; what is not among them took no time.
fn reply(fields: &Value) -> String {
    let mut reply = json!({
        "model": "talk", "created_at": "2026-11-29T00:00:00Z", "done": true, "done_reason": "stop", "total_duration": 30_000_000,
        "load_duration": 1_000_000, "prompt_eval_count": 38, "prompt_eval_duration": 2_000_000, "eval_count": 2, "eval_duration": 20_000_000
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        reply[name] = value.clone();
    }
    reply.to_string()
}

fn target(ask: &Value) -> &'static str {
    if ask["messages"].is_array() {
        "/api/chat"
    } else {
        "/api/generate"
    }
}

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
    let mut replies: HashMap<_, _> = recordings()
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
    replies.extend(troubles().into_iter().map(|(ask, fields)| {
        let answer = ollama::json(&reply(&fields));
        (key(target(&ask), ask.to_string().as_bytes()), answer)
    }));
    let ollama = FakeOllama::start(move |conn| {
        let body = conn.body()?;
        if body.windows(12).any(|words| words == b"wait in line") {
            thread::sleep(Duration::from_secs_f64(WAIT));
        }
        if let Some(reply) = replies.get(&key(conn.head.target(), &body)) {
            return conn.answer(reply);
        }
        if body == ASK_CACHED.as_bytes() {
            return conn.answer(ollama::json(CACHED));
        }
        if body != br#"{"model":"talk","prompt":"wait"}"# {
            return Ok(AfterReply::Close);
        }
        conn.write([STREAM_HEAD.as_bytes(), &token("a")].concat())?;
        conn.wait_until_closed()
    });
    ollama.set(|state| state.ps = loaded(4_000_000_000));
    ollama
}

/// Has requests meet with each trouble. Returns how many those are.
pub fn meet_troubles(tap: &Proxy, ollama: &FakeOllama) -> f64 {
    // A model that lay in VRAM does so no more.
    for vram in [4_000_000_000, 3_000_000_000] {
        ollama.set(|state| state.ps = loaded(vram));
        let told = metric("ollama_model_vram_bytes").value(vram as f64);
        tap.scrape_until("the model's place", |scrape| told.is_in(scrape));
    }
    let troubles = troubles();
    for (ask, _) in &troubles {
        let reply = tap.ask("POST", post(target(ask), &ask.to_string()));
        assert_eq!(reply.status(), 200, "{ask}: {}", reply.text());
    }
    troubles.len() as f64
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
