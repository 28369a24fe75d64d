//! Every recorded exchange is kept, and comes back the same from search, messages, export and the terminal.

use serde_json::Value;

use super::{BACKENDS, TestHistory, page, wait_for_records};
use crate::harness::Proxy;
use crate::harness::expected::record::{prompt_of, record as expected_record, visible};
use crate::harness::recording::{self, Message, Recording};
use crate::harness::replay::Replay;
use crate::realparts::{self, has_clients, run_clients};

/// An exchange, and what must be kept of it.
struct Expected {
    name: String,
    request: Message,
    reply: Message,
    record: Value,
}

impl Expected {
    /// `None` where nothing is kept.
    fn of(name: &str, request: &Message, reply: &Message) -> Option<Expected> {
        let record = expected_record(request, reply)?;
        Some(Expected {
            name: name.to_owned(),
            request: request.clone(),
            reply: reply.clone(),
            record,
        })
    }
}

#[test]
fn every_recorded_exchange_comes_back_from_every_backend() {
    for backend in BACKENDS {
        replay(
            &TestHistory::new(backend),
            recording::VERSIONS
                .into_iter()
                .flat_map(recording::exchanges),
        );
    }
}

#[test]
fn every_request_of_recorded_clients_comes_back_from_every_backend() {
    for backend in BACKENDS {
        replay(
            &TestHistory::new(backend),
            recording::VERSIONS
                .into_iter()
                .flat_map(recording::connections),
        );
    }
}

#[test]
fn every_request_of_the_python_clients_comes_back_from_every_backend() {
    if !has_clients() {
        return;
    }
    let taps = BACKENDS.map(|backend| {
        let (history, ollama) = (TestHistory::new(backend), realparts::recorded());
        let tap = history.start(&ollama);
        (history, ollama, tap)
    });
    let hosts = taps
        .each_ref()
        .map(|(_, _, tap)| format!("http://{}", tap.addr));
    run_clients(&hosts, &[]);
    for (history, ollama, tap) in &taps {
        let asked = ollama.take_received().into_iter().map(|asked| {
            let reply = realparts::reply(asked.head.path(), &asked.body);
            let request = Message {
                framing: asked.head.request_framing(),
                raw: Vec::new(),
                head: asked.head,
                body: asked.body,
            };
            Expected::of(&request.head.start, &request, &reply)
        });
        let expected: Vec<Expected> = asked.flatten().collect();
        assert_eq!(expected.len(), 15);
        comes_back(history, tap, &expected);
    }
}

fn replay(history: &TestHistory, recordings: impl Iterator<Item = Recording>) {
    let replay = Replay::default();
    let ollama = replay.ollama();
    let tap = history.start(&ollama);
    let mut expected = Vec::new();
    for recording in recordings {
        replay.run(tap.connect(), &recording);
        let pairs = recording.requests.iter().zip(&recording.replies);
        expected.extend(
            pairs.filter_map(|(request, reply)| Expected::of(&recording.name, request, reply)),
        );
    }
    comes_back(history, &tap, &expected);
}

/// Asserts that the history holds these, in this order, and that all who ask are told the same.
fn comes_back(history: &TestHistory, tap: &Proxy, expected: &[Expected]) {
    wait_for_records(tap, expected.len() as u64);
    let exported: Vec<Value> = lines(&tap.get("/analytics/export?format=jsonl").text());
    assert_eq!(exported.len(), expected.len());
    // One after the other, so that their order is that of their arrival.
    for (expected, found) in expected.iter().zip(&exported) {
        same(expected, found);
        found_again(tap, &expected.name, found);
    }
    let ids: Vec<&Value> = exported
        .iter()
        .rev()
        .take(100)
        .map(|record| &record["interaction_id"])
        .collect();
    let newest = page(tap, "/analytics/search");
    assert_eq!(
        newest
            .as_array()
            .unwrap()
            .iter()
            .map(|record| &record["interaction_id"])
            .collect::<Vec<_>>(),
        ids
    );
    from_the_terminal(history, &exported);
}

/// Asserts that a record says what the recording says.
fn same(expected: &Expected, found: &Value) {
    let Expected {
        name,
        request,
        reply,
        record,
    } = expected;
    for (field, value) in record.as_object().unwrap() {
        let close = |a: &Value, b: &Value| {
            a.as_f64()
                .zip(b.as_f64())
                .is_some_and(|(a, b)| (a - b).abs() < 1e-9)
        };
        assert!(
            &found[field] == value || close(&found[field], value),
            "{name}: {field} is {}, expected {value}",
            found[field]
        );
    }
    if let Some(prompt) = prompt_of(request) {
        assert_eq!(found["prompt_full"], prompt.as_str(), "{name}");
        assert_eq!(
            found["prompt_preview"],
            prompt.chars().take(100).collect::<String>(),
            "{name}"
        );
    }
    if reply.head.status() < 300 {
        assert_eq!(
            found["response_full"].as_str().unwrap_or_default(),
            visible(reply),
            "{name}"
        );
    }
    let id = found["interaction_id"].as_str().unwrap();
    assert!(
        id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()),
        "{id}"
    );
    assert_eq!(found["metadata"]["client_ip"], "127.0.0.1", "{name}");
    assert_eq!(
        found["metadata"]["user_agent"].as_str(),
        request.head.get("user-agent"),
        "{name}"
    );
    assert_eq!(
        found["error"].is_null(),
        record["status"] != "error",
        "{name}: {}",
        found["error"]
    );
    times_are_possible(name, found);
}

/// Asserts of the times that are measured here that they are there and that no part is longer than the whole.
fn times_are_possible(name: &str, found: &Value) {
    let seconds = |field: &str| found[field].as_f64();
    let whole = seconds("duration_seconds").expect("a duration");
    assert!((0.0..15.0).contains(&whole), "{name}: {whole}");
    assert!(
        seconds("time_to_first_token_seconds").is_none_or(|first| first > 0.0 && first <= whole),
        "{name}: {found}"
    );
    let streamed_text = found["stream"] == true && found["response_full"].is_string();
    assert!(
        !streamed_text || seconds("time_to_first_token_seconds").is_some(),
        "{name}: {found}"
    );
}

/// Asserts that a record of the export is the same wherever else it is shown.
fn found_again(tap: &Proxy, name: &str, record: &Value) {
    let id = record["interaction_id"].as_str().unwrap();
    let whole = page(tap, &format!("/analytics/messages/{id}"));
    assert_eq!(alone(&whole), alone(record), "{name}");
    let counts = [&whole, record].map(|it| it["messages"].as_array().map(Vec::len));
    assert!(counts[0] >= counts[1], "{name}: {whole}");
    let time = record["timestamp"].to_string();
    let moment = format!("start_time={time}&end_time={time}");
    let listed = &page(tap, &format!("/analytics/search?{moment}"))[0];
    assert_eq!(alone(listed), alone(record), "{name}");
    assert!(listed["messages"].is_null(), "{name}: {listed}");
    let short = &page(tap, &format!("/analytics/messages?{moment}"))[0];
    assert_eq!(short["prompt_preview"], record["prompt_preview"], "{name}");
    assert!(
        short["prompt_full"].is_null() && short["response_full"].is_null(),
        "{name}"
    );
}

/// A record without its conversation, of which an export has a part, a detail all, and a list none.
fn alone(record: &Value) -> Value {
    let mut record = record.clone();
    for field in ["messages", "messages_from", "system"] {
        record[field] = Value::Null;
    }
    record
}

/// Asserts that the terminal reads the same records from the store itself.
fn from_the_terminal(history: &TestHistory, exported: &[Value]) {
    let (code, stdout, stderr) = history.ask(&["export", "--format", "jsonl"]);
    assert_eq!((code, lines(&stdout)), (0, exported.to_vec()), "{stderr}");
    let (code, stdout, stderr) = history.ask(&["search", "sky", "--limit", "3", "--json"]);
    let found: Vec<Value> = serde_json::from_str(&stdout).expect("JSON");
    let sky = |record: &&Value| {
        record["prompt_full"]
            .as_str()
            .is_some_and(|prompt| prompt.to_lowercase().contains("sky"))
    };
    let expected: Vec<Value> = exported
        .iter()
        .rev()
        .filter(sky)
        .take(3)
        .map(alone)
        .collect();
    let found: Vec<Value> = found.iter().map(alone).collect();
    assert_eq!((code, found), (0, expected), "{stderr}");
    let (code, stdout, stderr) = history.ask(&["stats", "--json"]);
    let stats: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(
        (code, &stats["totals"]["requests"]),
        (0, &exported.len().into()),
        "{stderr}"
    );
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}
