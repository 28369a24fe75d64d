//! Texts that are hard to keep: stored and found again unchanged, in prompt, model and agent, or marked as cut.

use serde_json::Value;

use super::kept::lines;
use super::{BACKENDS, REPLY, TestHistory, page, prompts, wait_for_records};
use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Memory, Proxy, request, skip_under_wine};

/// Texts as they stand in JSON, byte for byte, and what they say.
const TEXTS: [(&[u8], &str); 12] = [
    (b"nul \\u0000 escaped", "nul \0 escaped"),
    (b"nul \0 as it is", "nul \0 as it is"),
    (
        b"no UTF-8: \xff\xfe, cut: \xe2\x82",
        "no UTF-8: \u{fffd}\u{fffd}, cut: \u{fffd}",
    ),
    (b"lone \\ud800 high", "lone \u{fffd} high"),
    (b"lone \\uDC00\\ud83d low", "lone \u{fffd}\u{fffd} low"),
    (b"pair \\ud83e\\udd99", "pair \u{1f999}"),
    (
        b"\\\"quoted\\\" 'so' `or` so, \\\\ and \\\\\\\"",
        "\"quoted\" 'so' `or` so, \\ and \\\"",
    ),
    (
        b"a line\\nanother\\r\\n\\ttab\\u2028end\\u0085",
        "a line\nanother\r\n\ttab\u{2028}end\u{85}",
    ),
    (
        "\u{202e}שלום \u{200f}مرحبا\u{202c}".as_bytes(),
        "\u{202e}שלום \u{200f}مرحبا\u{202c}",
    ),
    (
        "👩‍👩‍👧‍👦 🦙🏳️‍🌈 é e\u{301} İı ſ ẞ".as_bytes(),
        "👩‍👩‍👧‍👦 🦙🏳️‍🌈 é e\u{301} İı ſ ẞ",
    ),
    (
        b"%_*? {job=\\\"x\\\"} |= \\\"y\\\" '); DROP TABLE interactions;--",
        "%_*? {job=\"x\"} |= \"y\" '); DROP TABLE interactions;--",
    ),
    (
        b"=HYPERLINK(\\\"x\\\")\\u001b[31mred",
        "=HYPERLINK(\"x\")\u{1b}[31mred",
    ),
];

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn ask(tap: &Proxy, model: &[u8], prompt: &[u8], agent: &str) {
    let body = [
        b"{\"model\":\"",
        model,
        b"\",\"prompt\":\"",
        prompt,
        b"\",\"stream\":false}",
    ]
    .concat();
    let headers = [
        "Content-Type: application/json",
        &format!("User-Agent: {agent}"),
    ];
    assert_eq!(
        tap.ask("POST", request("POST", "/api/generate", &headers, body))
            .status(),
        200
    );
}

#[test]
fn every_text_is_stored_and_found_unchanged() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let ollama = FakeOllama::always(json(REPLY));
        let tap = history.start(&ollama);
        // A header cannot hold more than this.
        let agent = r#"curl/8.5 ("quoted" 'so' \u0000 %_ {x} \)"#;
        for (raw, _) in TEXTS {
            ask(&tap, raw, raw, agent);
        }
        wait_for_records(&tap, TEXTS.len() as u64);
        let exported = page(&tap, "/analytics/export");
        assert_eq!(prompts(&exported), TEXTS.map(|(_, text)| text), "{backend}");
        for ((_, text), record) in TEXTS.iter().zip(exported.as_array().unwrap()) {
            let sent = record["metadata"]["model_sent"]
                .as_str()
                .or(record["model"].as_str());
            assert_eq!(
                (sent, record["metadata"]["user_agent"].as_str()),
                (Some(*text), Some(agent)),
                "{backend}"
            );
            assert_eq!(record["truncated"], false);
            found(&tap, backend, text, record);
        }
        let (code, stdout, stderr) = history.ask(&["export", "--format", "jsonl"]);
        assert_eq!(
            (code, lines(&stdout)),
            (0, exported.as_array().unwrap().clone()),
            "{stderr}"
        );
    }
}

/// Asserts that a text finds its record, as prompt and as model, and in any case.
fn found(tap: &Proxy, backend: &str, text: &str, record: &Value) {
    for (parameter, text) in [
        ("prompt_search", text.to_owned()),
        ("prompt_search", text.to_uppercase()),
        ("model", text.to_owned()),
    ] {
        // Where a capital is not one letter, what is asked for is another text.
        if text.to_lowercase() == record["prompt_full"].as_str().unwrap().to_lowercase() {
            let target = format!("/analytics/search?{parameter}={}", percent_encoded(&text));
            assert_eq!(
                page(tap, &target),
                Value::Array(vec![record.clone()]),
                "{backend} {parameter} {text:?}"
            );
        }
    }
}

#[test]
fn a_prompt_of_100_mb_is_kept_up_to_its_bound_in_bounded_memory() {
    if skip_under_wine("so many bytes take it minutes, and memory is measured on Linux") {
        return;
    }
    const LENGTH: usize = 100 << 20;
    /// The part of a body that is gathered before it streams, twice while it grows, and the record in the queue.
    const GROWTH: u64 = 160 << 20;
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let ollama = FakeOllama::start(|conn| {
            while conn.piece()?.is_some() {}
            conn.answer(json(REPLY))
        });
        let tap = history.start(&ollama);
        let memory = Memory::at_rest(&tap);
        let mut body = br#"{"model":"talk","prompt":"where is it? "#.to_vec();
        body.resize(LENGTH, b'x');
        body.extend(br#"","stream":false}"#);
        assert_eq!(
            tap.ask("POST", request("POST", "/api/generate", &[], &body))
                .status(),
            200
        );
        wait_for_records(&tap, 1);
        let record = &page(&tap, "/analytics/search?prompt_search=WHERE+IS+IT")[0];
        let (prompt, whole) = (record["prompt_full"].as_str().expect("a prompt"), 1 << 20);
        assert!(prompt.starts_with("where is it? xxx") && prompt.ends_with('x'));
        match backend {
            "loki" => assert!(
                (200_000..256_000).contains(&prompt.len()),
                "{}",
                prompt.len()
            ),
            _ => assert_eq!(prompt.len(), whole),
        }
        assert_eq!(
            (&record["truncated"], &record["request_bytes"]),
            (&true.into(), &body.len().into()),
            "{backend}"
        );
        memory.grew_less_than(GROWTH, backend);
    }
}
