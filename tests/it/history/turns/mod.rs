//! What a request says: kept once, shown whole, found, and forgotten with the record that brought it.

/// What a deleted record said.
mod forgotten;
/// Bounds, and texts that may not be kept.
mod limits;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{BACKENDS, LOCAL, TestHistory, page, wait_for_records};
use crate::harness::ollama::json as answer;
use crate::harness::{FakeOllama, Proxy, post};

/// An Ollama whose reply to a chat is its number: "Reply 3." to a request of three messages.
fn ollama() -> FakeOllama {
    FakeOllama::start(|conn| {
        let body: Value = serde_json::from_slice(&conn.body()?).unwrap_or_default();
        let sent = body["messages"].as_array().or(body["input"].as_array());
        let text = format!("Reply {}.", sent.map_or(1, Vec::len));
        let id = format!("resp_{}", body["input"]);
        let reply = match conn.head.path() {
            "/v1/messages" => {
                json!({"type": "message", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"})
            }
            "/v1/responses" => {
                json!({"object": "response", "id": id, "status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}]})
            }
            "/v1/chat/completions" => {
                json!({"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}]})
            }
            "/api/generate" => json!({"model": "talk", "response": text, "done": true}),
            _ => json!({"model": "talk", "message": {"content": text}, "done": true}),
        };
        conn.answer(answer(&reply.to_string()))
    })
}

/// Sends a request and returns its record, as its own page shows it.
fn ask(tap: &Proxy, path: &str, mut body: Value) -> Value {
    let before = page(tap, "/analytics/stats")["records"].as_u64().unwrap();
    body["model"] = json!("talk");
    body["stream"] = json!(false);
    assert_eq!(
        tap.ask("POST", post(path, &body.to_string())).status(),
        200,
        "{path}"
    );
    wait_for_records(tap, before + 1);
    detail(tap, &newest(tap))
}

fn newest(tap: &Proxy) -> Value {
    page(tap, "/analytics/search?limit=1")[0].clone()
}

fn detail(tap: &Proxy, record: &Value) -> Value {
    page(tap, &format!("/analytics/messages/{}", id(record)))
}

fn id(record: &Value) -> &str {
    record["interaction_id"].as_str().expect("an id")
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn assistant(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

/// Roles and texts, as "user: Hello".
fn said(record: &Value) -> Vec<String> {
    let messages = record["messages"].as_array().expect("messages").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    messages
        .map(|it| match it["gone"].as_str() {
            Some(reason) => format!("{} gone: {reason}", text(&it["role"])),
            None => format!("{}: {}", text(&it["role"]), text(&it["text"])),
        })
        .collect()
}

/// The records as they are kept, oldest first.
fn kept(tap: &Proxy) -> Vec<Value> {
    let lines = tap.get("/analytics/export?format=jsonl").text();
    let records = lines.lines().map(serde_json::from_str);
    records.collect::<Result<_, _>>().expect("records")
}

#[test]
fn a_record_has_what_is_new_and_its_page_the_whole_conversation() {
    for backend in BACKENDS {
        let (history, ollama) = (TestHistory::new(backend), ollama());
        let tap = history.start(&ollama);
        let system = json!({"role": "system", "content": "Be brief."});
        let mut messages = vec![system, user("Hello")];
        let first = ask(&tap, "/api/chat", json!({"messages": messages}));
        assert_eq!(said(&first), ["user: Hello"], "{backend}");
        messages.extend([assistant("Reply 2."), user("Why?")]);
        let second = ask(&tap, "/api/chat", json!({"messages": messages}));
        assert_eq!(second["previous_id"], first["interaction_id"], "{backend}");
        let whole = ["user: Hello", "assistant: Reply 2.", "user: Why?"];
        assert_eq!(
            (said(&second), &second["system"]),
            (whole.map(str::to_owned).to_vec(), &json!("Be brief."))
        );
        let kept = kept(&tap);
        assert_eq!(said(&kept[1]), ["user: Why?"], "{backend}");
        let places = (&kept[1]["messages_from"], &kept[1]["system"]);
        assert_eq!(places, (&json!(2), &Value::Null), "{backend}");
        for list in ["search", "messages"] {
            let list = page(&tap, &format!("/analytics/{list}"));
            let mut records = list.as_array().unwrap().iter();
            assert!(records.all(|it| it["messages"].is_null() && it["system"].is_null()));
        }
        for text in ["be+brief", "why%3F"] {
            let found = page(&tap, &format!("/analytics/search?q={text}"));
            assert_eq!(found.as_array().unwrap().len(), 1, "{backend}: {text}");
        }
    }
}

#[test]
fn every_dialect_is_kept_in_one_shape() {
    let (history, ollama) = (TestHistory::new("sqlite"), ollama());
    let tap = history.start(&ollama);
    let call = json!([{"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{\"n\":1}"}}]);
    let ollama_call = json!([{"function": {"name": "find", "arguments": {"n": 1}}}]);
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let native = json!({"messages": [
        {"role": "user", "content": "Look", "images": ["AAAA"]},
        {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": ollama_call},
        {"role": "tool", "tool_name": "find", "content": "found"}]});
    let openai = json!({"messages": [
        {"role": "user", "content": [{"type": "text", "text": "Look"}, image]},
        {"role": "assistant", "content": null, "reasoning": "Hm.", "tool_calls": call},
        {"role": "tool", "tool_call_id": "c1", "content": "found"}]});
    let anthropic = json!({"system": "", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image", "source": {"type": "base64", "data": "AAAA"}}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "tool_use", "id": "c1", "name": "find", "input": {"n": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "found"}]}]});
    let shape = json!([
        {"role": "user", "text": "Look", "images": 1},
        {"role": "assistant", "text": "", "thinking": "Hm.", "tool_calls": [{"name": "find", "arguments": "{\"n\":1}"}]},
        {"role": "tool", "text": "found", "tool_name": "find"}]);
    for (path, body) in [
        ("/api/chat", native),
        ("/v1/chat/completions", openai),
        ("/v1/messages", anthropic),
    ] {
        let record = ask(&tap, path, body);
        assert_eq!(
            (&record["messages"], &record["system"]),
            (&shape, &Value::Null),
            "{path}"
        );
    }
    let items = json!({"instructions": "Be brief.", "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Look"}]},
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{\"n\":1}"},
        {"type": "function_call_output", "call_id": "c1", "output": "found"}]});
    let record = ask(&tap, "/v1/responses", items);
    let call = &record["messages"][1];
    assert_eq!(call["tool_calls"], shape[1]["tool_calls"]);
    assert_eq!(record["messages"][2], shape[2]);
    assert_eq!(record["system"], "Be brief.");
    let prompt = ask(
        &tap,
        "/api/generate",
        json!({"system": "Be brief.", "prompt": "Look"}),
    );
    assert_eq!(
        (&prompt["messages"], &prompt["system"]),
        (&Value::Null, &json!("Be brief."))
    );
}

#[test]
fn a_response_goes_on_from_the_one_that_it_names() {
    let (history, ollama) = (TestHistory::new("jsonl"), ollama());
    let tap = history.start(&ollama);
    let first = ask(&tap, "/v1/responses", json!({"input": "one"}));
    let second = json!({"input": "two", "previous_response_id": "resp_\"one\""});
    let second = ask(&tap, "/v1/responses", second);
    let third = json!({"input": "three", "previous_response_id": "resp_\"two\""});
    let third = ask(&tap, "/v1/responses", third);
    assert_eq!(second["previous_id"], first["interaction_id"]);
    let whole = [
        "user: one",
        "assistant: Reply 1.",
        "user: two",
        "assistant: Reply 1.",
        "user: three",
    ];
    assert_eq!(said(&third), whole);
}

/// What recorded requests say, by the recording alone: roles and texts, without the system's.
fn recorded(path: &Path) -> Vec<String> {
    let request = fs::read(path.with_extension("request")).unwrap();
    let head = request
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap();
    let body: Value = serde_json::from_slice(&request[head + 4..]).unwrap();
    let messages = body["messages"].as_array().or(body["input"].as_array());
    let text = |content: &Value| match content.as_array() {
        Some(parts) => {
            let texts = parts.iter().map(|part| part["text"].as_str().unwrap());
            texts.collect::<Vec<_>>().join("\n")
        }
        None => content.as_str().unwrap().to_owned(),
    };
    let spoken = messages.unwrap().iter().filter(|it| it["role"] != "system");
    spoken
        .map(|it| format!("{}: {}", it["role"].as_str().unwrap(), text(&it["content"])))
        .collect()
}

#[test]
fn recorded_conversations_are_shown_as_they_were_sent_and_each_turn_is_kept_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/context/conversations");
    let entries = fs::read_dir(folder).expect("the recordings");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "request"));
    paths.sort();
    let replies: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| fs::read(path.with_extension("reply")).unwrap())
        .collect();
    let next = Mutex::new(replies.into_iter());
    let ollama = FakeOllama::start(move |conn| {
        let reply = next.lock().unwrap().next();
        conn.answer(reply.expect("a reply for each request"))
    });
    let history = TestHistory::new("sqlite");
    let tap = history.start(&ollama);
    for (sent, path) in paths.iter().enumerate() {
        tap.ask("POST", fs::read(path).unwrap());
        wait_for_records(&tap, sent as u64 + 1);
        let shown = said(&detail(&tap, &newest(&tap)));
        let expected = recorded(path);
        assert_eq!(shown, expected, "{}", path.display());
    }
    // A client that leaves out the beginning begins anew each time.
    let trims = |path: &PathBuf| path.to_string_lossy().contains("client-trims");
    let kept = kept(&tap);
    let records = paths.iter().zip(&kept).filter(|(path, _)| !trims(path));
    let counts: Vec<usize> = records.map(|(_, record)| said(record).len()).collect();
    assert!(
        counts.len() == 40 && counts.iter().all(|count| *count <= 2),
        "{counts:?}"
    );
}

#[test]
fn an_agent_of_many_turns_takes_little_and_loses_nothing() {
    for backend in LOCAL {
        let (history, ollama) = (TestHistory::new(backend), ollama());
        let tap = history.start(&ollama);
        // One connection: what comes on another may end before the end of the turn before it is noted.
        let mut client = tap.connect();
        let file = "a line of a file\n".repeat(120);
        let mut messages = vec![json!({"role": "system", "content": file.repeat(10)})];
        for turn in 0..40 {
            messages.push(user(&format!("{turn}: {file}")));
            let body = json!({"model": "talk", "messages": messages});
            let turn = post("/v1/chat/completions", &body.to_string());
            assert_eq!(client.send(turn).reply("POST").status(), 200);
            messages.push(assistant(&format!("Reply {}.", messages.len())));
        }
        wait_for_records(&tap, 40);
        let whole = detail(&tap, &newest(&tap));
        assert_eq!(said(&whole).len(), 79, "{backend}");
        assert_eq!(whole["system"], file.repeat(10));
        let bytes = kept(&tap)
            .iter()
            .map(|it| it["messages"].to_string().len() + it["system"].to_string().len())
            .sum::<usize>();
        assert!(
            bytes < 40 * (file.len() + 300) + 20 * file.len(),
            "{backend}: {bytes}"
        );
    }
}
