//! What is found of requests while they happen: by what /api/ps says meanwhile.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::ollama::{State, json as answer};
use crate::harness::{FakeOllama, Latch, Options, Proxy, SIGTERM, eventually, metric, post};
use crate::history::{TestHistory, page, wait_for_records};

/// An Ollama that loads its model anew for each other `num_ctx`, which takes 3 s by its clock.
fn reloading() -> FakeOllama {
    FakeOllama::start(|conn| {
        let asked: Value = serde_json::from_slice(&conn.body()?).unwrap();
        let context = asked["options"]["num_ctx"].as_u64().unwrap();
        let mut load = 2_000_000;
        conn.change(|state| {
            let listed = listing(context);
            if state.ps != listed {
                (state.ps, load) = (listed, 3_000_000_000_u64);
            }
        });
        conn.answer(answer(&reply(load).to_string()))
    })
}

fn listing(context: u64) -> String {
    json!({"models": [{"name": "talk:latest", "context_length": context, "size": 10, "size_vram": 10}]}).to_string()
}

fn reply(load: u64) -> Value {
    json!({
        "model": "talk", "message": {"role": "assistant", "content": "Because."}, "done": true, "done_reason": "stop",
        "prompt_eval_count": 30, "eval_count": 5, "load_duration": load, "prompt_eval_duration": 10_000_000,
        "eval_duration": 100_000_000, "total_duration": load + 110_000_000
    })
}

fn chat(client: &str, context: u64) -> Vec<u8> {
    let body = json!({
        "model": "talk", "messages": [{"role": "user", "content": format!("Why, {client}?")}], "stream": false,
        "options": {"num_ctx": context}
    });
    let request = String::from_utf8(post("/api/chat", &body.to_string())).unwrap();
    request
        .replacen("\r\n", &format!("\r\nUser-Agent: {client}/1.0\r\n"), 1)
        .into_bytes()
}

#[test]
fn two_clients_that_take_turns_with_other_contexts_are_told_so() {
    for backend in ["jsonl", "sqlite"] {
        let history = TestHistory::new(backend);
        let ollama = reloading();
        let tap = history.start(&ollama);
        let turns = [("curl", 4096), ("open-webui", 8192)].iter().cycle();
        for (number, (client, context)) in turns.take(6).enumerate() {
            assert_eq!(tap.ask("POST", chat(client, *context)).status(), 200);
            wait_for_records(&tap, number as u64 + 1);
        }
        let reloads = metric("ollama_model_reloads_total").label("cause", "options");
        assert_eq!(reloads.sum(&tap.scrape()), 5.0, "{}", tap.log());
        let why = page(&tap, "/analytics/why");
        let group = &why["findings"][0];
        assert_eq!(
            (&group["kind"], &group["cause"]),
            (&json!("model_reload"), &json!("options")),
            "{why}"
        );
        let sentence = group["sentence"].as_str().unwrap();
        for part in ["curl", "talk", "num_ctx", "4096", "8192"] {
            assert!(sentence.contains(part), "{part} in {sentence}");
        }
        assert!(
            (group["seconds_lost"].as_f64().unwrap() - 15.0).abs() < 0.1,
            "{group}"
        );
        let records = page(&tap, "/analytics/search?finding=model_reload:sure");
        assert_eq!(records.as_array().unwrap().len(), 5, "{records}");
        assert_eq!(records[0]["context_length"], 8192);
        assert_eq!(records[0]["num_ctx"], 8192);
        assert_eq!(records[0]["reload_cause"], "options");
        assert_eq!(records[0]["vram_share"], 1.0);
        assert_eq!(
            records[0]["findings"][0]["changed"][0],
            json!({"option": "num_ctx", "from": 4096, "to": 8192})
        );
        assert_eq!(
            tap.log().matches("model_reload").count(),
            1,
            "one line of a group in an hour"
        );
    }
}

#[test]
fn without_a_history_findings_are_counted_and_logged() {
    let ollama = reloading();
    let tap = Options::to(&ollama)
        .args(&["--analytics-backend", "none"])
        .start();
    for (context, loads) in [(4096, 1.0), (8192, 2.0)] {
        assert_eq!(tap.ask("POST", chat("curl", context)).status(), 200);
        // By the stand-in's clock its loads would overlap.
        tap.scrape_until("the load", |scrape| {
            metric("ollama_model_reloads_total").sum(scrape) == loads
        });
    }
    tap.scrape_until("the finding", |scrape| {
        metric("ollama_findings_total")
            .label("kind", "model_reload")
            .value(1.0)
            .is_in(scrape)
    });
    tap.wait_log("model_reload");
}

/// An Ollama that reads each prompt anew.
fn without_cache() -> FakeOllama {
    let mut reply = reply(2_000_000);
    reply["prompt_eval_count"] = json!(2000);
    reply["prompt_eval_cached_count"] = json!(4);
    let ollama = FakeOllama::always(answer(&reply.to_string()));
    ollama.set(|state| state.ps = listing(8192));
    ollama
}

/// A turn of a chat whose system prompt has a clock in it.
fn turn(minute: usize) -> Vec<u8> {
    let clock = format!(
        "You are an agent. It is 14:0{minute} now. {}",
        "Be kind. ".repeat(99)
    );
    let said = [
        ("user", "Why?"),
        ("assistant", "Because."),
        ("user", "Why so?"),
    ];
    let messages: Vec<Value> = [("system", clock.as_str())]
        .into_iter()
        .chain(said.into_iter().take(2 * minute - 1))
        .map(|(role, content)| json!({"role": role, "content": content}))
        .collect();
    let body = json!({"model": "talk", "stream": false, "messages": messages});
    post("/api/chat", &body.to_string())
}

#[test]
fn the_text_at_which_a_cache_broke_is_only_where_text_is_kept() {
    for (store_text, is_kept) in [("full", true), ("preview", false), ("none", false)] {
        let history = TestHistory::new("jsonl");
        let ollama = without_cache();
        let options = history.options(&ollama);
        let tap = options.args(&["--store-text", store_text]).start();
        for minute in 1..=2 {
            assert_eq!(tap.ask("POST", turn(minute)).status(), 200);
            wait_for_records(&tap, minute as u64);
        }
        let listed = page(&tap, "/analytics/search?finding=cache_broken:sure");
        let id = listed[0]["interaction_id"]
            .as_str()
            .expect("a broken cache");
        let record = page(&tap, &format!("/analytics/messages/{id}"));
        let excerpt = &record["findings"][0]["excerpt"];
        assert_eq!(
            excerpt
                .as_str()
                .is_some_and(|text| text.contains("14:02 now")),
            is_kept,
            "{excerpt}"
        );
        assert!(!page(&tap, "/analytics/why").to_string().contains("14:02"));
        assert!(!tap.log().contains("14:02"), "{}", tap.log());
    }
}

#[test]
fn the_best_share_in_vram_outlives_a_restart() {
    let history = TestHistory::new("jsonl");
    let with_share = |vram: u64| {
        let ollama = FakeOllama::always(answer(&reply(2_000_000).to_string()));
        ollama.set(|state| {
            state.ps = listing(8192).replace("\"size_vram\":10", &format!("\"size_vram\":{vram}"))
        });
        ollama
    };
    for (run, (vram, findings)) in [(10, 0), (6, 1)].into_iter().enumerate() {
        let ollama = with_share(vram);
        let mut tap = history.start(&ollama);
        assert_eq!(tap.ask("POST", chat("curl", 8192)).status(), 200);
        wait_for_records(&tap, run as u64 + 1);
        let found = page(&tap, "/analytics/search?finding=cpu_fallback:sure");
        assert_eq!(found.as_array().unwrap().len(), findings, "{found}");
        tap.signal(SIGTERM);
        assert!(tap.wait_exit(Duration::from_secs(20)).success());
    }
}

/// An Ollama that answers /api/ps only once told so.
fn silent() -> (FakeOllama, Latch) {
    let ollama = FakeOllama::always(answer(&reply(2_000_000).to_string()));
    let latch = Latch::default();
    let held = latch.clone();
    ollama.set(move |state: &mut State| state.ps_latch = Some(held));
    (ollama, latch)
}

#[test]
fn a_record_waits_a_second_for_an_ollama_that_does_not_list_its_models() {
    let history = TestHistory::new("jsonl");
    let (ollama, latch) = silent();
    let tap = history.start(&ollama);
    let began = Instant::now();
    assert_eq!(tap.ask("POST", chat("curl", 4096)).status(), 200);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "the reply never waits"
    );
    wait_for_records(&tap, 1);
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        page(&tap, "/analytics/search")[0]["context_length"],
        Value::Null
    );
    latch.release();
}

#[test]
fn what_waits_for_its_findings_is_purged_and_is_not_lost_at_the_end() {
    let history = TestHistory::new("jsonl");
    let (ollama, latch) = silent();
    let mut tap = history.start(&ollama);
    assert_eq!(tap.ask("POST", chat("curl", 4096)).status(), 200);
    let purge = "DELETE /analytics/messages?all=true HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // The reply comes before the end of its request is noted.
    eventually("it is purged", || {
        let purged = tap.ask("DELETE", purge);
        assert_eq!(purged.status(), 200, "{}", purged.text());
        purged.json()["deleted"] == 1
    });
    assert_eq!(tap.ask("POST", chat("curl", 4096)).status(), 200);
    tap.signal(SIGTERM);
    assert!(tap.wait_exit(Duration::from_secs(20)).success());
    let (code, out, _) = history.ask(&["search", "--json"]);
    assert_eq!(
        (code, out.matches("interaction_id").count()),
        (0, 1),
        "{out}"
    );
    latch.release();
}

#[test]
fn requests_under_way_are_counted_by_what_they_wait_for() {
    let latch = Latch::default();
    let held = latch.clone();
    let ollama = FakeOllama::start(move |conn| {
        conn.body()?;
        held.wait();
        conn.answer(answer(&reply(2_000_000).to_string()))
    });
    let tap = Proxy::start(&ollama);
    let mut client = tap.connect();
    client.send(chat("curl", 4096));
    let phase = |phase: &str| metric("ollama_requests_under_way").label("phase", phase);
    tap.scrape_until("it waits", |scrape| {
        phase("waiting").value(1.0).is_in(scrape)
    });
    latch.release();
    assert_eq!(client.reply("POST").status(), 200);
    eventually("nothing is under way", || {
        let scrape = tap.scrape();
        phase("waiting").sum(&scrape) + phase("answering").sum(&scrape) == 0.0
    });
}
