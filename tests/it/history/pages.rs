//! The pages of the history: what they take, in which formats they answer, and what they say to nonsense.

use serde_json::{Value, json};

use super::kept::lines;
use super::{BACKENDS, LOCAL, REPLY, Stage, page, prompts, settled, talk};
use crate::harness::ollama::json as reply;
use crate::harness::{FakeOllama, Options, Proxy, metric, request};

/// A tap whose history holds one record for each prompt, in this order.
fn filled(history: &Stage, prompts: &[&str]) -> (FakeOllama, Proxy) {
    let ollama = FakeOllama::always(reply(REPLY));
    let tap = history.start(&ollama);
    for (prompt, n) in prompts.iter().zip(1..) {
        talk(&tap, prompt);
        settled(&tap, n);
    }
    (ollama, tap)
}

fn error(tap: &Proxy, target: &str, status: u16) -> String {
    let reply = tap.get(target);
    assert_eq!(reply.status(), status, "{target}: {}", reply.text());
    reply.json()["error"].as_str().expect("an error").to_owned()
}

#[test]
fn a_search_takes_every_parameter_also_with_a_slash_and_decoded() {
    for backend in BACKENDS {
        let history = Stage::new(backend);
        let (_ollama, tap) = filled(&history, &["Why is the sky blue?", "Write some code & more", "空は青い"]);
        assert_eq!(prompts(&page(&tap, "/analytics/search")), ["空は青い", "Write some code & more", "Why is the sky blue?"]);
        assert_eq!(prompts(&page(&tap, "/analytics/search/?prompt_search=CODE+%26")), ["Write some code & more"]);
        assert_eq!(prompts(&page(&tap, "/analytics/search?prompt_search=%E9%9D%92")), ["空は青い"]);
        assert_eq!(prompts(&page(&tap, "/analytics/search?prompt_category=code_write&model=talk&limit=1")), ["Write some code & more"]);
        assert!(prompts(&page(&tap, "/analytics/search?status=error")).is_empty());
        assert!(prompts(&page(&tap, "/analytics/search?endpoint=api/chat")).is_empty());
        assert_eq!(prompts(&page(&tap, "/analytics/search?endpoint=/api/generate&model=&start_time=2020-01-01T00:00:00Z")).len(), 3);
        assert!(prompts(&page(&tap, "/analytics/search?end_time=2020-01-01T00:00:00%2B01:00")).is_empty());
        let newest = page(&tap, "/analytics/search?limit=1");
        let before = format!("/analytics/search?before={}", newest[0]["interaction_id"].as_str().unwrap());
        assert_eq!(prompts(&page(&tap, &before)), ["Write some code & more", "Why is the sky blue?"]);
    }
}

#[test]
fn a_bad_parameter_is_named_with_its_value_and_what_is_accepted() {
    for backend in BACKENDS {
        let history = Stage::new(backend);
        let (_ollama, tap) = filled(&history, &[]);
        for (target, words) in [
            ("/analytics/search?limit=0", ["limit", "`0`", "1 to 100"]),
            ("/analytics/search?limit=101", ["limit", "`101`", "1 to 100"]),
            ("/analytics/messages?status=fine", ["status", "`fine`", "success, error, cancelled"]),
            ("/analytics/search?start_time=soon", ["start_time", "`soon`", "RFC 3339"]),
            ("/analytics/search?end_time=NaN", ["end_time", "`NaN`", "Unix seconds"]),
            ("/analytics/search?prompt_category=fun", ["prompt_category", "`fun`", "summarize"]),
            ("/analytics/search?promt_search=x", ["promt_search", "only the parameters", "prompt_search"]),
            ("/analytics/search?before=nobody", ["before", "`nobody`", "interaction_id"]),
            ("/analytics/stats/enhanced?hours=-1", ["hours", "`-1`", "above 0"]),
            ("/analytics/stats/enhanced?hours=inf", ["hours", "`inf`", "above 0"]),
            ("/analytics/export?format=xml", ["format", "`xml`", "json, csv or jsonl"]),
            ("/analytics/export?limit=5", ["limit", "`5`", "whole"]),
            ("/analytics/models?x=1", ["x", "`1`", "no parameter"]),
        ] {
            let text = error(&tap, target, 400);
            assert!(words.iter().all(|word| text.contains(word)), "{target}: {text}");
        }
        assert!(error(&tap, "/analytics/messages/00ff", 404).contains("`00ff`"));
    }
}

#[test]
fn no_cache_keeps_an_answer_of_the_history_nor_a_refusal() {
    let history = Stage::new("jsonl");
    let (ollama, tap) = filled(&history, &["Why?"]);
    let none = Options::to(&ollama).args(&["--analytics-backend", "none"]).start();
    let bad_host = "GET /analytics/search HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    for (status, reply) in [
        (200, tap.get("/analytics/search")),
        (200, tap.get("/analytics/export")),
        (400, tap.get("/analytics/search?limit=0")),
        (404, tap.get("/analytics/messages/00ff")),
        (404, none.get("/analytics/search")),
        (403, tap.ask("GET", bad_host)),
    ] {
        assert_eq!((reply.status(), reply.head.get("cache-control")), (status, Some("no-store")), "{}", reply.text());
    }
}

#[test]
fn an_export_is_whole_in_every_format_and_oldest_first() {
    for backend in BACKENDS {
        let history = Stage::new(backend);
        let texts = ["=1+1", "two\nlines, \"quoted\"", "plain"];
        let (_ollama, tap) = filled(&history, &texts);
        let whole = page(&tap, "/analytics/export");
        assert_eq!(prompts(&whole), texts);
        assert_eq!(page(&tap, "/analytics/export?format=json"), whole);
        assert_eq!(Value::Array(lines(&tap.get("/analytics/export?format=jsonl").text())), whole);
        let csv = tap.get("/analytics/export?format=csv");
        assert_eq!(csv.head.get("content-type"), Some("text/csv; charset=utf-8"));
        assert!(csv.head.get("content-disposition").is_some_and(|value| value.starts_with("attachment; filename=\"ollama-tap-")));
        let csv = csv.text();
        assert!(csv.starts_with("interaction_id,timestamp,model,endpoint,prompt_category,prompt_full,"));
        assert!(csv.contains(",'=1+1,") && csv.contains(",\"two\nlines, \"\"quoted\"\"\","), "{csv}");
        assert_eq!(prompts(&page(&tap, "/analytics/export?prompt_search=LINES")), ["two\nlines, \"quoted\""]);
        assert_eq!(tap.get("/analytics/export?format=jsonl&status=error").text(), "");
        let old = tap.ask("GET", "GET /analytics/export HTTP/1.0\r\nHost: localhost\r\n\r\n");
        assert_eq!(old.json(), whole);
    }
}

#[test]
fn statistics_are_those_of_the_records() {
    for backend in BACKENDS {
        let history = Stage::new(backend);
        let (_ollama, tap) = filled(&history, &["Why?", "Why not?", "List it"]);
        let stats = page(&tap, "/analytics/stats/");
        let kept: Value = if backend == "loki" { 0.into() } else { 7.into() }; // there it is Loki that deletes
        assert_eq!((&stats["backend"], &stats["records"], &stats["retention_days"]), (&backend.into(), &3.into(), &kept));
        let (place, bytes) = (stats["data_dir"].as_str().unwrap(), stats["bytes"].as_u64());
        if backend == "loki" {
            assert_eq!((place, bytes), (history.loki.url().as_str(), None), "what it takes there is another machine's business");
        } else {
            assert!(place.contains("history") && bytes.is_some_and(|bytes| bytes > 0), "{stats}");
        }
        assert!(stats["categories"].as_array().unwrap().contains(&"code_write".into()));
        assert!(stats["oldest"].as_f64() < stats["newest"].as_f64());
        let all = page(&tap, "/analytics/stats/enhanced?hours=1");
        assert_eq!((&all["totals"]["requests"], &all["totals"]["generated_tokens"]), (&3.into(), &15.into()));
        assert_eq!((&all["totals"]["success_rate"], &all["totals"]["tokens_per_second"]["p50"]), (&1.0.into(), &5.0.into()));
        assert_eq!((&all["by_category"][0]["name"], &all["by_category"][0]["requests"]), (&"question".into(), &2.into()));
        assert_eq!((&all["by_client"][0]["name"], &all["by_client"][0]["requests"]), (&"unknown".into(), &3.into()));
        let buckets = all["duration_buckets"].as_array().unwrap();
        assert_eq!(buckets.iter().map(|bucket| bucket["requests"].as_u64().unwrap()).sum::<u64>(), 3);
        let timeline: u64 = all["timeline"].as_array().unwrap().iter().map(|slot| slot["requests"].as_u64().unwrap()).sum();
        assert_eq!(timeline, 3);
        let models = page(&tap, "/analytics/models");
        assert_eq!((&models[0]["model"], &models[0]["count"]), (&"talk".into(), &3.into()));
    }
}

#[test]
fn head_answers_as_get_would_without_a_body() {
    let history = Stage::new("jsonl");
    let (_ollama, tap) = filled(&history, &["Why?"]);
    for target in ["", "/", "/stats", "/stats/enhanced", "/search", "/messages", "/models", "/export?format=csv"] {
        let target = format!("/analytics{target}");
        let got = tap.ask("HEAD", request("HEAD", &target, &[], ""));
        let whole = tap.get(&target);
        assert_eq!((got.status(), got.body.len(), whole.status()), (200, 0, 200), "{target}");
        assert_eq!(got.head.get("content-type"), whole.head.get("content-type"), "{target}");
    }
}

#[test]
fn without_a_history_its_pages_say_how_to_turn_it_on() {
    let ollama = FakeOllama::always(reply(REPLY));
    let tap = Options::to(&ollama).args(&["--analytics-backend", "none"]).start();
    tap.wait_log("storing nothing");
    for target in ["/analytics/stats", "/analytics/search", "/analytics/messages/1", "/analytics/export", "/analytics/models"] {
        assert!(error(&tap, target, 404).contains("--analytics-backend jsonl"), "{target}");
    }
    assert_eq!(tap.get("/analytics").status(), 200);
}

#[test]
fn what_is_none_of_our_pages_is_ollamas() {
    let history = Stage::new("jsonl");
    let (ollama, tap) = filled(&history, &[]);
    for (method, target) in
        [("GET", "/analytics/else"), ("POST", "/analytics/search"), ("DELETE", "/analytics/stats"), ("PUT", "/analytics")]
    {
        assert_eq!(tap.ask(method, request(method, target, &[], "")).text(), REPLY);
        assert_eq!(ollama.next().head.path(), target);
    }
}

#[test]
fn purging_deletes_what_is_older_or_everything() {
    for backend in LOCAL {
        let history = Stage::new(backend);
        let (_ollama, tap) = filled(&history, &["first secret", "second", "third"]);
        let second = page(&tap, "/analytics/search?prompt_search=second")[0]["timestamp"].to_string();
        let purge = |query: &str| tap.ask("DELETE", request("DELETE", &format!("/analytics/messages?{query}"), &[], ""));
        assert_eq!(purge("").status(), 400);
        assert_eq!(purge("all=yes").status(), 400);
        assert_eq!(purge(&format!("before_time={second}")).json()["deleted"], 1);
        assert_eq!(prompts(&page(&tap, "/analytics/search")), ["third", "second"]);
        assert_eq!(purge("all=true").json()["deleted"], 2);
        assert!(prompts(&page(&tap, "/analytics/search")).is_empty());
        talk(&tap, "after");
        settled(&tap, 1);
    }
}

#[test]
fn purging_deletes_also_what_still_waits_to_be_written() {
    for backend in LOCAL {
        let history = Stage::new(backend);
        let ollama = FakeOllama::always(reply(REPLY));
        let tap = history.options(&ollama).env("OLLAMA_TAP_TEST_FLUSH_MS", "3600000").start();
        let waiting = metric("ollama_analytics_queue_size");
        for query in ["all=true", "before_time=4000000000"] {
            talk(&tap, "secret");
            tap.scrape_until("the record waits", |scrape| waiting.sum(scrape) == 1.0);
            let purged = tap.ask("DELETE", request("DELETE", &format!("/analytics/messages?{query}"), &[], ""));
            assert_eq!(purged.json(), json!({"deleted": 1, "from": {backend: 1}}));
            tap.scrape_until("nothing waits", |scrape| waiting.sum(scrape) == 0.0);
            assert!(prompts(&page(&tap, "/analytics/search")).is_empty(), "{backend} {query}");
        }
    }
}

#[test]
fn what_another_backend_left_in_the_directory_goes_too() {
    for [old, new] in [["jsonl", "sqlite"], ["sqlite", "jsonl"]] {
        let mut history = Stage::new(old);
        for (backend, from) in [(old, json!({old: 1})), (new, json!({old: 1, new: 2}))] {
            history = history.turned_to(backend);
            let (_ollama, tap) = filled(&history, &["first", "second"]);
            let second = page(&tap, "/analytics/search?prompt_search=second")[0]["timestamp"].to_string();
            let query = if backend == old { format!("before_time={second}") } else { "all=true".to_owned() };
            let purged = tap.ask("DELETE", request("DELETE", &format!("/analytics/messages?{query}"), &[], "")).json();
            assert_eq!(purged["from"], from, "{purged}");
        }
        let history = history.turned_to(old);
        drop(filled(&history, &["third"]));
        let history = history.turned_to(new);
        drop(filled(&history, &["fourth"]));
        let (code, stdout, stderr) = history.ask(&["purge", "--all", "--yes"]);
        assert!(code == 0 && stdout.starts_with("deleted 2 records in "), "{stdout} {stderr}");
        assert!(stdout.contains("1 of jsonl, 1 of sqlite"), "{stdout}");
    }
}

#[test]
fn purging_a_loki_is_refused_with_the_way_that_works() {
    let history = Stage::new("loki");
    let (_ollama, tap) = filled(&history, &["first"]);
    let reply = tap.ask("DELETE", request("DELETE", "/analytics/messages?all=true", &[], ""));
    assert!(reply.status() >= 500 && reply.text().contains("retention_period"), "{} {}", reply.status(), reply.text());
    let (code, _, stderr) = history.ask(&["purge", "--all", "--yes"]);
    assert!(code == 1 && stderr.contains("retention_period"), "{code} {stderr}");
    assert_eq!(prompts(&page(&tap, "/analytics/search")), ["first"]);
}
