//! Conversations that are longer than a record may be, and those of which not all may be kept.

use serde_json::{Value, json};

use super::{ask, kept, ollama, said, user};
use crate::history::{BACKENDS, TestHistory};

#[test]
fn a_request_beyond_the_bound_keeps_the_newest() {
    let (history, ollama) = (TestHistory::new("jsonl"), ollama());
    let tap = history.start(&ollama);
    let long = "long ".repeat(20_000);
    let messages: Vec<Value> = (0..10).map(|n| user(&format!("{n} {long}"))).collect();
    let record = ask(&tap, "/api/chat", json!({"messages": messages}));
    let shown = said(&record);
    assert_eq!((shown.len(), &*shown[0]), (3, "gone gone: bound"));
    assert_eq!(record["messages"][0]["count"], 8);
    assert!(shown[2].starts_with("user: 9 long"));
    let last = ask(
        &tap,
        "/api/chat",
        json!({"messages": [user(&long.repeat(4))]}),
    );
    assert_eq!(
        (&last["messages"][0]["truncated"], &last["truncated"]),
        (&json!(true), &json!(true))
    );
    assert!(last["messages"].to_string().len() <= 256 * 1024);
}

#[test]
fn only_what_may_be_kept_is() {
    let secret = format!("{}secret", "x".repeat(120));
    for (mode, text) in [("preview", Some("x".repeat(80))), ("none", None)] {
        for backend in BACKENDS {
            let (history, ollama) = (TestHistory::new(backend), ollama());
            let tap = history
                .options(&ollama)
                .args(&["--store-text", mode])
                .start();
            let messages = json!([{"role": "system", "content": secret}, user(&secret),
                {"role": "assistant", "content": secret, "thinking": "secret", "tool_calls": [{"function": {"name": "f", "arguments": {"a": "secret"}}}]},
                user(&secret)]);
            let record = ask(&tap, "/api/chat", json!({"messages": messages}));
            let first = record["messages"][0]["text"].as_str();
            assert_eq!(
                (first, record["system"].as_str()),
                (text.as_deref(), text.as_deref()),
                "{mode} {backend}"
            );
            assert!(
                !record.to_string().contains("secret"),
                "{mode} {backend}: {record}"
            );
            assert!(!kept(&tap)[0].to_string().contains("secret"));
        }
    }
}
