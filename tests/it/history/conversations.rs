//! Conversations: what a client says of them, what its messages say, and the records of one.

use serde_json::{Value, json};

use super::{BACKENDS, TestHistory, page, wait_for_records};
use crate::harness::ollama::json as answer;
use crate::harness::{FakeOllama, Proxy, request};

const CLAUDE: &str = "User-Agent: claude-cli/2.1.80 (external, cli)";
const CHAT: &str = r#"{"model":"talk","message":{"role":"assistant","content":"Hi."},"done":true,"prompt_eval_count":3,"eval_count":5}"#;
const MESSAGE: &str = r#"{"type":"message","content":[{"type":"text","text":"Hi."}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":5}}"#;
const VECTORS: &str = r#"{"model":"talk","embeddings":[[0.5]],"prompt_eval_count":3}"#;

fn ollama() -> FakeOllama {
    FakeOllama::start(|conn| {
        let reply = match conn.head.path() {
            "/v1/messages" => MESSAGE,
            "/api/embed" => VECTORS,
            _ => CHAT,
        };
        conn.answer(answer(reply))
    })
}

fn messages(texts: &[&str]) -> Value {
    let role = |n: usize| ["user", "assistant"][n % 2];
    let messages = texts.iter().enumerate();
    messages
        .map(|(n, text)| json!({"role": role(n), "content": text}))
        .collect()
}

/// Sends a request and returns its record.
fn ask(tap: &Proxy, path: &str, headers: &[&str], mut body: Value) -> Value {
    let before = page(tap, "/analytics/stats")["records"].as_u64().unwrap();
    body["model"] = json!("talk");
    body["stream"] = json!(false);
    let sent = request("POST", path, headers, body.to_string());
    assert_eq!(tap.ask("POST", sent).status(), 200, "{path}");
    wait_for_records(tap, before + 1);
    page(tap, "/analytics/search?limit=1")[0].clone()
}

fn chat(tap: &Proxy, headers: &[&str], texts: &[&str]) -> Value {
    let body = json!({"messages": messages(texts)});
    ask(tap, "/api/chat", headers, body)
}

#[test]
fn turns_of_a_chat_are_one_session_and_other_chats_are_others() {
    for backend in BACKENDS {
        let (history, ollama) = (TestHistory::new(backend), ollama());
        let tap = history.start(&ollama);
        let first = chat(&tap, &[CLAUDE], &["Hello", "Hi.", "Why?"]);
        let id = first["session_id"].as_str().unwrap().to_owned();
        assert_eq!(id.len(), 16, "{backend}: {first}");
        assert_eq!(first["session_guessed"], true);
        assert_eq!(first["client"], "Claude Code");
        assert_eq!(first["metadata"]["client_version"], "2.1.80");
        let more = ["Hello", "Hi.", "Why?", "Hi.", "So?"];
        assert_eq!(chat(&tap, &[CLAUDE], &more)["session_id"], id.as_str());
        for other in [chat(&tap, &[CLAUDE], &["Hello"]), chat(&tap, &[], &more)] {
            assert_ne!(other["session_id"], id.as_str(), "{backend}: {other}");
        }
        let found = page(&tap, &format!("/analytics/search?session={id}"));
        assert_eq!(found.as_array().unwrap().len(), 2, "{backend}");
        let of_claude = page(&tap, "/analytics/search?client=Claude+Code@127.0.0.1");
        assert_eq!(of_claude.as_array().unwrap().len(), 3, "{backend}");
        let (_, out, _) = history.ask(&["search", "--session", &id, "--json"]);
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(told.as_array().unwrap().len(), 2, "{backend}");
    }
}

#[test]
fn a_header_that_is_told_to_names_the_client() {
    let (history, ollama) = (TestHistory::new("jsonl"), ollama());
    let options = history.options(&ollama);
    let tap = options
        .args(&["--client-header", "X-OpenWebUI-User-Name"])
        .start();
    let named = ["X-OpenWebUI-User-Name: Ann", CLAUDE];
    let first = chat(&tap, &named, &["Hello"]);
    assert_eq!(first["client"], "Ann");
    let other = chat(&tap, &["x-openwebui-user-name: Bob"], &["Hello"]);
    assert_ne!(other["session_id"], first["session_id"]);
    assert_eq!(chat(&tap, &[CLAUDE], &["Hello"])["client"], "Claude Code");
    assert!(!tap.get("/metrics").text().contains("Ann"));
}

#[test]
fn a_client_that_names_its_session_is_believed() {
    let (history, ollama) = (TestHistory::new("sqlite"), ollama());
    let tap = history.start(&ollama);
    let hello = || json!({"messages": messages(&["Hello"])});
    for (header, id) in [
        ("X-OpenWebUI-Chat-Id: chat 1", "chat 1"),
        ("session-id: 0f", "0f"),
        ("X-Session-Id: 0f", "0f"),
    ] {
        let record = ask(&tap, "/api/chat", &[header], hello());
        let session = (&record["session_id"], &record["session_guessed"]);
        assert_eq!(session, (&json!(id), &json!(false)), "{header}");
    }
    let long = format!("session-id: {}", "x".repeat(129));
    let record = ask(&tap, "/api/chat", &[&long], hello());
    assert_eq!(record["session_guessed"], true);
    let mut body = hello();
    body["metadata"] = json!({"user_id": "user_1_account__session_7f"});
    let record = ask(&tap, "/v1/messages", &[CLAUDE], body);
    let session = (&record["session_id"], &record["session_guessed"]);
    assert_eq!(session, (&json!("7f"), &json!(false)));
    let vectors = json!({"input": "Hello"});
    let record = ask(&tap, "/api/embed", &["session-id: 0f"], vectors);
    let session = (&record["session_id"], &record["session_guessed"]);
    assert_eq!(session, (&Value::Null, &Value::Null));
}
