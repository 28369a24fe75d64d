//! Statistics as pages ask for them: filters, zones, slots, groups, causes, and the span before.

use serde_json::{Value, json};

use super::{BACKENDS, REPLY, TestHistory, page, wait_for_records};
use crate::harness::ollama::{json as answer, reply};
use crate::harness::{FakeOllama, Proxy, request};

const VECTORS: &str = r#"{"model":"small","embeddings":[[0.5]],"prompt_eval_count":3}"#;

/// An Ollama that has no model but `talk` and `small`.
fn ollama() -> FakeOllama {
    FakeOllama::start(|conn| {
        let body = conn.body()?;
        let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
        let name = sent["model"].as_str().unwrap_or_default().to_owned();
        if !["talk", "small"].contains(&&*name) {
            let error = json!({ "error": format!("model '{name}' not found") });
            let headers = ["Content-Type: application/json"];
            return conn.answer(reply("404 Not Found", &headers, error.to_string()));
        }
        conn.answer(answer(match conn.head.path() {
            "/api/embed" => VECTORS,
            _ => REPLY,
        }))
    })
}

fn ask(tap: &Proxy, path: &str, agent: &str, model: &str) {
    let body = json!({"model": model, "prompt": "Why?", "input": "Why?", "stream": false});
    let agent = format!("User-Agent: {agent}");
    tap.ask("POST", request("POST", path, &[&agent], body.to_string()));
}

/// Three answers to two clients, an embedding, and two failures.
fn filled(history: &TestHistory) -> (FakeOllama, Proxy) {
    let ollama = ollama();
    let tap = history.start(&ollama);
    for agent in ["curl/8.5.0", "curl/8.6.0", "ollama-python/0.6.0"] {
        ask(&tap, "/api/generate", agent, "talk");
    }
    ask(&tap, "/api/embed", "curl/8.5.0", "small");
    for model in ["nobody1", "nobody2"] {
        ask(&tap, "/api/generate", "curl/8.5.0", model);
    }
    wait_for_records(&tap, 6);
    (ollama, tap)
}

fn statistics(tap: &Proxy, parameters: &str) -> Value {
    page(tap, &format!("/analytics/stats/enhanced?{parameters}"))
}

/// The names of groups with their requests.
fn counts(groups: &Value) -> Vec<(&str, u64)> {
    let groups = groups.as_array().expect("groups").iter();
    let count = |group: &'_ Value| group["requests"].as_u64().expect("a count");
    groups
        .map(|group| (group["name"].as_str().expect("a name"), count(group)))
        .collect()
}

#[test]
fn statistics_tell_what_happened_by_client_error_and_time() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history);
        let all = statistics(&tap, "hours=1");
        let totals = &all["totals"];
        assert_eq!(
            (
                &totals["success"],
                &totals["error"],
                &totals["success_rate"]
            ),
            (&4.into(), &2.into(), &(4.0 / 6.0).into()),
            "{backend}"
        );
        assert_eq!(totals["duration_seconds"]["count"], 3, "{backend}");
        assert!(totals["duration_seconds"]["p95"].is_null());
        assert_eq!(all["embeddings"]["requests"], 1, "{backend}");
        assert_eq!(
            counts(&all["by_client"]),
            [("curl", 5), ("ollama-python", 1)],
            "{backend}"
        );
        assert_eq!(all["by_client"][0]["client_ip"], "127.0.0.1");
        let failed = &all["by_error"][0];
        assert_eq!(
            (
                failed["requests"].as_u64(),
                failed["models"].as_array().map(Vec::len)
            ),
            (Some(2), Some(2)),
            "{backend}: {all}"
        );
        let cause = failed["cause"].as_str().unwrap();
        assert!(
            cause.contains("not found") && !cause.contains("nobody"),
            "{cause}"
        );
        let id = failed["example"].as_str().unwrap();
        let example = page(&tap, &format!("/analytics/messages/{id}"));
        assert_eq!(example["model"], "nobody2", "{backend}");
        let spent = all["time_spent"].as_object().unwrap().values();
        let spent: f64 = spent.map(|seconds| seconds.as_f64().unwrap()).sum();
        let records = page(&tap, "/analytics/search");
        let duration = |record: &Value| record["duration_seconds"].as_f64().unwrap();
        let took: f64 = records.as_array().unwrap().iter().map(duration).sum();
        assert!(spent >= took - 0.001, "{backend}: {spent} of {took}");
        assert!(all["previous"].is_null(), "nothing was there before");
    }
}

#[test]
fn filters_act_on_every_number_on_every_backend() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history);
        for (filter, requests) in [
            ("model=talk", 3),
            ("status=error", 2),
            ("client=curl", 5),
            ("client=ollama-python@127.0.0.1", 1),
            ("client=curl@10.0.0.1", 0),
            ("endpoint=/api/embed", 1),
            ("model=talk&client=curl", 2),
            ("prompt_search=why", 6),
            ("prompt_search=why&status=error", 2),
            ("prompt_category=question&model=small", 1),
            ("finding=any", 0),
            ("session=nobody", 0),
        ] {
            let all = statistics(&tap, filter);
            let slots = all["timeline"].as_array().unwrap().iter();
            let in_slots: u64 = slots.map(|slot| slot["requests"].as_u64().unwrap()).sum();
            assert_eq!(
                (all["totals"]["requests"].as_u64(), in_slots),
                (Some(requests), requests),
                "{backend}: {filter}"
            );
            let listed = page(&tap, &format!("/analytics/search?{filter}"));
            let listed = listed.as_array().unwrap().len() as u64;
            assert_eq!(listed, requests, "{backend}: {filter}");
        }
        let one = statistics(&tap, "model=talk&facets=true");
        assert_eq!(one["totals"]["requests"], 3, "{backend}");
        assert_eq!(one["by_model"].as_array().unwrap().len(), 4, "{backend}");
        assert_eq!(counts(&one["by_status"]), [("success", 3)], "{backend}");
    }
}

#[test]
fn slots_and_groups_are_those_of_the_zone() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history);
        let days = statistics(&tap, "hours=72&step=86400&tz=Asia/Kolkata&by=day");
        assert_eq!(
            (&days["tz"], &days["approximate"]),
            (&"Asia/Kolkata".into(), &false.into())
        );
        let slots = days["timeline"].as_array().unwrap();
        assert_eq!(slots.len(), 4, "{backend}");
        for slot in slots {
            let begin = slot["timestamp"].as_f64().unwrap() + 5.5 * 3600.0;
            assert_eq!(begin % 86_400.0, 0.0, "{backend}: {slot}");
        }
        let partial = slots.iter().map(|slot| slot["partial"] == true);
        assert_eq!(partial.collect::<Vec<_>>(), [true, false, false, true]);
        let counted: u64 = counts(&days["groups"]).iter().map(|(_, n)| n).sum();
        assert_eq!(counted, 6, "{backend}");
        for (by, first) in [
            ("model", ("talk", 3)),
            ("status", ("success", 4)),
            ("client", ("curl", 5)),
            ("endpoint", ("api/generate", 5)),
        ] {
            let grouped = statistics(&tap, &format!("by={by}"));
            assert_eq!(counts(&grouped["groups"])[0], first, "{backend}: {by}");
        }
        let sessions = statistics(&tap, "by=session");
        let counted: u64 = counts(&sessions["groups"]).iter().map(|(_, n)| n).sum();
        assert_eq!(counted, 6, "{backend}");
    }
}

#[test]
fn what_cannot_be_answered_is_a_400_that_says_what_can() {
    let history = TestHistory::new("jsonl");
    let (_ollama, tap) = filled(&history);
    for (parameters, words) in [
        ("tz=Mars/Olympus", "Europe/Rome"),
        ("tz=%2B25:00", "+05:30"),
        ("step=1", "at most 1000 slots"),
        ("step=0.001&hours=0.001", "whole seconds"),
        ("step=1e-9", "whole seconds"),
        ("step=1&start_time=0&end_time=1e300", "at most 1000 slots"),
        ("step=100000&hours=800", "whole days"),
        ("compare=month", "span, day or week"),
        ("by=colour", "hour, day, week, model"),
        ("start_time=5&end_time=4", "not before start_time"),
        ("start_time=5&hours=4", "either start_time or hours"),
        ("limit=5", "only the parameters hours, tz"),
    ] {
        let reply = tap.get(&format!("/analytics/stats/enhanced?{parameters}"));
        assert_eq!(reply.status(), 400, "{parameters}");
        assert!(
            reply.text().contains(words),
            "{parameters}: {}",
            reply.text()
        );
    }
}

#[test]
fn the_span_before_is_told_where_the_history_has_it_whole() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history);
        let records = page(&tap, "/analytics/search");
        let times = records.as_array().unwrap().iter();
        let times: Vec<f64> = times
            .map(|record| record["timestamp"].as_f64().unwrap())
            .collect();
        let (newest, oldest) = (times[0], times[5]);
        let length = newest - oldest;
        let before = |start: f64| {
            let span = format!("start_time={start}&end_time={}", start + length);
            statistics(&tap, &span)["previous"].clone()
        };
        // From a moment after the oldest on, to a moment after the newest.
        let previous = before(newest + 1e-4);
        assert_eq!(previous["requests"], 5, "{backend}: {previous}");
        assert_eq!(previous["end_time"].as_f64(), Some(newest + 1e-4));
        assert!(before(oldest + length / 2.0).is_null(), "{backend}");
    }
}
