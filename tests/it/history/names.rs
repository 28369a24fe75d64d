//! One model, one name: metrics, history and terminal know it by the same one, whatever spelling a client sends or an older tap kept.

use serde_json::{Value, json};

use super::old::{Seed, days_ago};
use super::{BACKENDS, LOCAL, TestHistory, page, prompts, wait_for_records};
use crate::harness::ollama::json as answer;
use crate::harness::{FakeOllama, Options, Proxy, metric, post};

/// Spellings of one model that Ollama accepts.
const SPELLINGS: [&str; 6] = [
    "talk",
    "TALK",
    "talk:latest",
    " Talk:Latest ",
    "library/talk",
    "https://registry.ollama.ai/library/talk:latest",
];

/// A route of each dialect, its request's field for what is asked, and an answer.
const ROUTES: [(&str, &str, &str); 6] = [
    ("api/generate", "prompt", super::REPLY),
    (
        "api/chat",
        "messages",
        r#"{"model":"talk","message":{"role":"assistant","content":"x"},"done":true,"prompt_eval_count":3,"eval_count":5}"#,
    ),
    (
        "api/embed",
        "input",
        r#"{"model":"talk","embeddings":[[0.5]],"total_duration":9,"prompt_eval_count":3}"#,
    ),
    (
        "v1/chat/completions",
        "messages",
        r#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5}}"#,
    ),
    (
        "v1/responses",
        "input",
        r#"{"status":"completed","output":[],"usage":{"input_tokens":3,"output_tokens":5}}"#,
    ),
    (
        "v1/messages",
        "messages",
        r#"{"type":"message","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":5}}"#,
    ),
];

fn ollama() -> FakeOllama {
    let ollama = FakeOllama::start(|conn| {
        let route = ROUTES
            .iter()
            .find(|(endpoint, ..)| conn.head.path() == format!("/{endpoint}"));
        conn.answer(answer(route.map_or("{}", |(_, _, reply)| reply)))
    });
    let runner = |size| json!({"name": "Talk:latest", "size": size, "size_vram": size / 2, "context_length": 4096 + size});
    ollama.set(|state| {
        state.ps =
            json!({"models": [runner(1000), runner(3000), {"name": "vec:latest", "size": 7}]})
                .to_string()
    });
    ollama
}

fn request(endpoint: &str, field: &str, model: &str, prompt: &str) -> Vec<u8> {
    let asked = if field == "messages" {
        json!([{"role": "user", "content": prompt}])
    } else {
        json!(prompt)
    };
    post(
        &format!("/{endpoint}"),
        &json!({"model": model, field: asked, "stream": false, "max_tokens": 9}).to_string(),
    )
}

fn ask(tap: &Proxy, model: &str, prompt: &str) {
    assert_eq!(
        tap.ask("POST", request("api/generate", "prompt", model, prompt))
            .status(),
        200
    );
}

#[test]
fn every_spelling_through_every_dialect_is_one_series_that_joins_with_what_is_loaded() {
    let ollama = ollama();
    let tap = Options::to(&ollama)
        .env("OLLAMA_TAP_TEST_POLL_MS", "20")
        .start();
    for (endpoint, field, _) in ROUTES {
        for model in SPELLINGS {
            let sent = request(endpoint, field, model, "Why?");
            assert_eq!(tap.ask("POST", &sent).status(), 200, "{endpoint} {model}");
            let body = ollama.next().body;
            assert!(
                sent.ends_with(&body) && String::from_utf8_lossy(&body).contains(model),
                "the name is forwarded as it came"
            );
        }
    }
    let count = |family: &str, wanted: usize| {
        let all = metric(family).label("model", "talk");
        tap.scrape_until("every request under one name", |scrape| {
            all.sum(scrape) == wanted as f64
        })
    };
    let scrape = count("ollama_requests_total", ROUTES.len() * SPELLINGS.len());
    let models = scrape
        .samples()
        .filter_map(|(series, _)| series.labels.get("model"))
        .filter(|model| model.to_lowercase().contains("talk"));
    assert!(models.into_iter().all(|model| model == "talk"));
    let loaded = |family: &str| metric(family).label("model", "talk");
    tap.scrape_until("both runners of the model", |scrape| {
        loaded("ollama_model_loaded").value(1.0).is_in(scrape)
            && loaded("ollama_model_size_bytes")
                .value(4000.0)
                .is_in(scrape)
            && loaded("ollama_model_vram_bytes")
                .value(2000.0)
                .is_in(scrape)
            && loaded("ollama_model_context_length")
                .value(5096.0)
                .is_in(scrape)
            && metric("ollama_model_loaded")
                .label("model", "vec")
                .value(1.0)
                .is_in(scrape)
    });
}

#[test]
fn every_spelling_is_one_model_of_the_history_and_found_by_any() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (ollama, mut expected) = (ollama(), Vec::new());
        let tap = history.start(&ollama);
        for (n, model) in SPELLINGS.iter().enumerate() {
            ask(&tap, model, &format!("number {n}"));
            expected.insert(0, format!("number {n}"));
        }
        ask(&tap, "talk:7b", "another");
        wait_for_records(&tap, 7);
        for model in ["talk", "TaLK%3Alatest", "registry.ollama.ai/library/talk"] {
            assert_eq!(
                prompts(&page(&tap, &format!("/analytics/search?model={model}"))),
                expected,
                "{backend} {model}"
            );
            assert_eq!(
                page(&tap, &format!("/analytics/export?model={model}"))
                    .as_array()
                    .unwrap()
                    .len(),
                6,
                "{backend} {model}"
            );
        }
        for (record, spelling) in page(&tap, "/analytics/search?model=talk")
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .zip(SPELLINGS)
        {
            let sent = Some(spelling).filter(|spelling| *spelling != "talk");
            assert_eq!(
                (
                    record["model"].as_str(),
                    record["metadata"]["model_sent"].as_str()
                ),
                (Some("talk"), sent),
                "{backend}"
            );
        }
        assert_eq!(
            counts(&page(&tap, "/analytics/models"), "model", "count"),
            [("talk", 6), ("talk:7b", 1)]
        );
        let (code, stdout, stderr) = history.ask(&["search", "--model", "Library/TALK", "--json"]);
        let found: Value = serde_json::from_str(&stdout).unwrap_or_default();
        assert_eq!(
            (code, prompts(&found)),
            (0, expected.iter().map(String::as_str).collect()),
            "{backend}: {stderr}"
        );
    }
}

#[test]
fn records_of_older_taps_are_found_and_counted_under_the_same_name() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        for (n, model) in ["TALK:latest", "talk", "hf.co/library/talk"]
            .into_iter()
            .enumerate()
        {
            Seed::new(&format!("old {n}"), days_ago(0.02 - 0.001 * n as f64))
                .of(model)
                .write(backend, &history.history());
        }
        let ollama = ollama();
        let tap = history.start(&ollama);
        ask(&tap, "Talk", "new");
        wait_for_records(&tap, 4);
        for model in ["talk", "TALK:latest", "library/talk"] {
            let found = page(&tap, &format!("/analytics/search?model={model}"));
            assert_eq!(
                prompts(&found),
                ["new", "old 1", "old 0"],
                "{backend} {model}"
            );
            let sent: Vec<&Value> = found
                .as_array()
                .unwrap()
                .iter()
                .map(|record| &record["metadata"]["model_sent"])
                .collect();
            assert_eq!(
                sent,
                [&json!("Talk"), &Value::Null, &json!("TALK:latest")],
                "{backend}"
            );
            assert!(
                found
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|record| record["model"] == "talk"),
                "{found}"
            );
        }
        let stats = page(&tap, "/analytics/stats/enhanced");
        assert_eq!(
            counts(&stats["by_model"], "name", "requests"),
            [("talk", 3), ("hf.co/library/talk", 1)],
            "{backend}"
        );
    }
}

fn counts<'a>(groups: &'a Value, name: &str, count: &str) -> Vec<(&'a str, u64)> {
    let group = |group: &'a Value| {
        (
            group[name].as_str().expect("a name"),
            group[count].as_u64().expect("a count"),
        )
    };
    groups
        .as_array()
        .expect("groups")
        .iter()
        .map(group)
        .collect()
}
