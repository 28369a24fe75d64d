//! The stand-in responds as a real Loki was recorded to: otherwise the other tests would prove
//! nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::Value;

use super::*;

/// The time of the recordings (nanoseconds since 1970).
const RECORDED: i64 = 1_795_252_623_000_000_000;

fn recording(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/loki-3.7/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Status line, content type and body of a reply.
fn parts(reply: &[u8]) -> (String, String, String) {
    let reply = String::from_utf8(reply.to_vec()).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let kind = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Type: "))
        .unwrap_or_default();
    let body = if head.contains("chunked") {
        body.split("\r\n").skip(1).step_by(2).collect()
    } else {
        body.trim_end().to_owned()
    };
    (
        head.lines().next().unwrap().to_owned(),
        kind.to_owned(),
        body,
    )
}

fn sent(fake: &FakeLoki, request: &[u8]) -> (String, String, String) {
    let mut stream = TcpStream::connect(fake.addr).unwrap();
    stream.write_all(request).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    parts(&reply)
}

/// The recorded pushes whose request is too long to keep: a line of so many bytes.
fn long(time: &str, id: &str, bytes: usize) -> Vec<u8> {
    let record = format!(
        r#"{{\"interaction_id\": \"{id}\", \"model\": \"llama3.2:latest\", \"prompt_full\": \"X\", \"status\": \"success\", \"generated_tokens\": 33, \"duration_seconds\": 1.5}}"#
    );
    let plain = record.replace('\\', "").len() - 1;
    let line = record.replace('X', &"x".repeat(bytes - plain));
    let stream = r#"{"job": "ollama-tap", "model": "llama3.2:latest", "endpoint": "api/chat", "status": "success", "prompt_category": "question", "host": "box"}"#;
    let body =
        format!(r#"{{"streams": [{{"stream": {stream}, "values": [["{time}", "{line}"]]}}]}}"#);
    let head = format!(
        "POST /loki/api/v1/push HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

#[test]
fn the_stand_in_answers_as_a_real_loki_did() {
    let fake = FakeLoki::start();
    fake.state().now = Some(RECORDED);
    let long_lines = [
        long("1795252621620879616", "000000000000000f", 300_155),
        long("1795252621628762624", "0000000000000010", 255_155),
    ];
    assert_eq!(
        sent(&fake, &long_lines[0]),
        parts(&recording("push-long-line.reply"))
    );
    assert_eq!(
        sent(&fake, &long_lines[1]),
        parts(&recording("push-line-255k.reply"))
    );
    for name in [
        "push",
        "push-gzip",
        "push-metadata",
        "push-out-of-order",
        "push-two-streams",
        "push-unicode",
        "push-nul",
        "push-old-and-good",
        "push-same-again",
        "push-no-labels",
        "push-too-old",
        "push-in-future",
        "push-bad-json",
        "push-bad-label-name",
        "push-many-labels",
        "push-empty",
        "push-no-content-type",
        "query-bad",
        "query-limit-too-high",
        "query-range-too-long",
    ] {
        let reply = sent(&fake, &recording(&format!("{name}.request")));
        assert_eq!(reply, parts(&recording(&format!("{name}.reply"))), "{name}");
    }
    for name in [
        "query-all",
        "query-any-case",
        "query-forward",
        "query-json-id",
        "query-none",
        "query-count",
    ] {
        let reply = sent(&fake, &recording(&format!("{name}.request")));
        let recorded = parts(&recording(&format!("{name}.reply")));
        assert_eq!((reply.0, reply.1), (recorded.0, recorded.1), "{name}");
        let result =
            |body: &str| serde_json::from_str::<Value>(body).unwrap()["data"]["result"].clone();
        assert_eq!(result(&reply.2), result(&recorded.2), "{name}");
    }
    fake.state().tenants = true;
    assert_eq!(
        sent(&fake, &recording("push-no-tenant.request")),
        parts(&recording("push-no-tenant.reply"))
    );
}

#[test]
fn a_burst_is_refused_in_the_recorded_words() {
    let (fake, recorded) = (
        FakeLoki::start(),
        parts(&recording("push-rate-limited.reply")),
    );
    let values: Vec<String> = (0..60)
        .map(|n| format!(r#"["{n}","{}"]"#, "x".repeat(200_155)))
        .collect();
    let body = format!(
        r#"{{"streams":[{{"stream":{{"job":"x"}},"values":[{}]}}]}}"#,
        values.join(",")
    );
    let head = format!(
        "POST /loki/api/v1/push HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    assert_eq!(sent(&fake, [head, body].concat().as_bytes()), recorded);
}
