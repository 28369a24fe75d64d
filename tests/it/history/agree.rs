//! The numbers of one request are the same wherever one looks, and those that Ollama said.

use super::*;
use crate::harness::metric;
use crate::harness::ollama::reply;

/// A prompt of 38 tokens, read in 10 ms, and an answer of 5, as each dialect tells them since Ollama 0.33.3: `cached` of the prompt
/// came from the cache.
fn replies(cached: u64) -> Vec<(&'static str, &'static str, String)> {
    let (ndjson, sse, json) = (
        "application/x-ndjson",
        "text/event-stream",
        "application/json; charset=utf-8",
    );
    let native = format!(
        "{{\"model\":\"talk\",\"message\":{{\"role\":\"assistant\",\"content\":\"Hi\"}},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":38,\
         \"prompt_eval_cached_count\":{cached},\"prompt_eval_duration\":10000000,\"eval_count\":5,\"eval_duration\":100000000}}"
    );
    let usage = format!(
        "{{\"prompt_tokens\":38,\"completion_tokens\":5,\"prompt_tokens_details\":{{\"cached_tokens\":{cached}}}}}"
    );
    let openai = format!(
        "\"usage\":{usage},\"timings\":{{\"prompt_n\":38,\"prompt_ms\":10,\"predicted_n\":5,\"predicted_ms\":100.0}}"
    );
    let anthropic = format!(
        "{{\"input_tokens\":{},\"cache_read_input_tokens\":{cached},\"output_tokens\":5}}",
        38 - cached
    );
    let choice = |name: &str, end: &str| {
        format!("{{\"index\":0,\"{name}\":{{\"content\":\"Hi\"}},\"finish_reason\":{end}}}")
    };
    let (delta, whole) = (choice("delta", "null"), choice("message", "\"stop\""));
    let end = "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}";
    let start = "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":0}}}";
    let text = "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}";
    let last = format!(
        "{{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}},\"usage\":{anthropic}}}"
    );
    let content = "\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]";
    vec![
        ("/api/chat", json, native.clone()),
        (
            "/api/chat",
            ndjson,
            format!(
                "{}\n{native}\n",
                "{\"message\":{\"content\":\"Hi\"},\"done\":false}"
            ),
        ),
        (
            "/v1/chat/completions",
            json,
            format!("{{\"choices\":[{whole}],{openai}}}"),
        ),
        (
            "/v1/chat/completions",
            sse,
            format!(
                "data: {{\"choices\":[{delta}]}}\n\ndata: {{\"choices\":[{end}],{openai}}}\n\ndata: [DONE]\n\n"
            ),
        ),
        (
            "/v1/messages",
            json,
            format!(
                "{{\"type\":\"message\",\"role\":\"assistant\",{content},\"stop_reason\":\"end_turn\",\"usage\":{anthropic}}}"
            ),
        ),
        (
            "/v1/messages",
            sse,
            format!(
                "data: {start}\n\ndata: {text}\n\ndata: {last}\n\ndata: {{\"type\":\"message_stop\"}}\n\n"
            ),
        ),
    ]
}

#[test]
fn the_numbers_of_a_request_agree_in_metrics_history_pages_and_terminal() {
    for cached in [0, 37] {
        for (at, (target, content_type, body)) in replies(cached).into_iter().enumerate() {
            let history = TestHistory::new(LOCAL[at % LOCAL.len()]);
            let ollama = FakeOllama::always(reply(
                "200 OK",
                &[&format!("Content-Type: {content_type}")],
                body,
            ));
            let tap = history.start(&ollama);
            let asked = tap.ask("POST", post(target, r#"{"model":"talk","max_tokens":9,"messages":[{"role":"user","content":"Why?"}]}"#));
            assert_eq!(asked.status(), 200);
            wait_for_records(&tap, 1);
            let about = format!("{target} {content_type} with {cached} cached");
            in_metrics(&tap, cached, target != "/v1/messages", &about);
            in_pages(&tap, cached, &about);
            on_the_terminal(&history, cached, &about);
        }
    }
}

fn in_metrics(tap: &Proxy, cached: u64, has_times: bool, about: &str) {
    let scrape = tap.scrape();
    let value = |name: &str| metric(name).label("model", "talk").sum(&scrape);
    assert_eq!(
        (
            value("ollama_tokens_processed_total"),
            value("ollama_prompt_tokens_sum")
        ),
        (38.0, 38.0),
        "{about}"
    );
    assert_eq!(
        (
            value("ollama_prompt_tokens_cached_total"),
            value("ollama_tokens_generated_total")
        ),
        (cached as f64, 5.0),
        "{about}"
    );
    let speed = if has_times {
        (38 - cached) as f64 / 0.01
    } else {
        0.0
    };
    assert!(
        (value("ollama_prompt_tokens_per_second_sum") - speed).abs() < 1e-6,
        "{about}"
    );
    assert_eq!(
        metric("ollama_finished_total")
            .label("reason", "stop")
            .sum(&scrape),
        1.0,
        "{about}"
    );
}

/// The cells of a line of CSV, as they are quoted there.
fn cells(line: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    line.trim_end().split(move |c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    })
}

fn in_pages(tap: &Proxy, cached: u64, about: &str) {
    let list = page(tap, "/analytics/messages");
    let whole = page(
        tap,
        &format!(
            "/analytics/messages/{}",
            list[0]["interaction_id"].as_str().unwrap()
        ),
    );
    for record in [
        &list[0],
        &page(tap, "/analytics/search")[0],
        &page(tap, "/analytics/export")[0],
        &whole,
    ] {
        let tokens = ["prompt_tokens", "prompt_cached_tokens", "generated_tokens"]
            .map(|name| record[name].as_u64());
        assert_eq!(tokens, [Some(38), Some(cached), Some(5)], "{about}");
        assert_eq!(
            (&record["status"], &record["tokens_estimated"]),
            (&"success".into(), &false.into()),
            "{about}"
        );
    }
    let csv = tap.get("/analytics/export?format=csv").text();
    let (names, row) = csv.trim_end().split_once('\n').unwrap();
    let column = cells(names).position(|name| name == "prompt_cached_tokens");
    let cell = cells(row).nth(column.unwrap()).unwrap();
    assert_eq!(cell, cached.to_string(), "{csv}");
    let all = page(tap, "/analytics/stats/enhanced?hours=1");
    let slots = all["timeline"].as_array().unwrap();
    for group in [
        &all["totals"],
        &all["by_model"][0],
        slots.iter().find(|slot| slot["requests"] == 1).unwrap(),
    ] {
        let tokens = ["prompt_tokens", "prompt_cached_tokens", "generated_tokens"]
            .map(|name| group[name].as_u64());
        assert_eq!(tokens, [Some(38), Some(cached), Some(5)], "{about}");
    }
    assert!(
        slots
            .iter()
            .all(|slot| slot["requests"] == 1 || slot["prompt_cached_tokens"].is_null()),
        "{about}"
    );
}

fn on_the_terminal(history: &TestHistory, cached: u64, about: &str) {
    let (_, found, _) = history.ask(&["search", "--json"]);
    let found: Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(
        (
            &found[0]["prompt_tokens"],
            &found[0]["prompt_cached_tokens"]
        ),
        (&38.into(), &cached.into()),
        "{about}"
    );
    let (_, found, _) = history.ask(&["search"]);
    assert!(
        found.contains(&format!("in 38 · out 5 tokens  {cached} cached")),
        "{about}: {found}"
    );
    let (_, stats, _) = history.ask(&["stats"]);
    assert!(
        stats.contains(&format!("38 tokens in ({cached} cached), 5 out")),
        "{about}: {stats}"
    );
}
