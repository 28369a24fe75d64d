//! Replies of Ollama as bytes, to be sent whole or piece by piece.

use crate::harness::http::{LAST_CHUNK, chunk};

/// A reply of known length.
pub fn reply(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    [
        format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        )
        .as_bytes(),
        body,
    ]
    .concat()
}

/// A 200 with a JSON body.
pub fn json(body: &str) -> Vec<u8> {
    reply(
        "200 OK",
        &["Content-Type: application/json; charset=utf-8"],
        body,
    )
}

/// The head of a native stream.
pub const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";

/// One token of /api/generate, as a chunk.
pub fn token(text: &str) -> Vec<u8> {
    let text = serde_json::Value::from(text);
    chunk(format!(
        "{{\"model\":\"talk\",\"created_at\":\"2026-11-21T08:49:09Z\",\"response\":{text},\"done\":false}}\n"
    ))
}

/// The last object of /api/generate, as a chunk, with the end of the body.
pub fn done(prompt_tokens: u64, tokens: u64) -> Vec<u8> {
    let line = format!(
        "{{\"model\":\"talk\",\"created_at\":\"2026-11-21T08:49:09Z\",\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\
         \"total_duration\":82762732,\"load_duration\":989213,\"prompt_eval_count\":{prompt_tokens},\
         \"prompt_eval_duration\":2957000,\"eval_count\":{tokens},\"eval_duration\":75846000}}\n"
    );
    [chunk(line), LAST_CHUNK.to_vec()].concat()
}
