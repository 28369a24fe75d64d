//! Answers of the pages: exports in every format, statistics, and HEAD.

use serde_json::Value;

use super::filled;
use crate::harness::request;
use crate::history::kept::lines;
use crate::history::{BACKENDS, TestHistory, page, prompts};

#[test]
fn an_export_is_whole_in_every_format_and_oldest_first() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let texts = ["=1+1", "two\nlines, \"quoted\"", "plain"];
        let (_ollama, tap) = filled(&history, &texts);
        let whole = page(&tap, "/analytics/export");
        assert_eq!(prompts(&whole), texts);
        assert_eq!(page(&tap, "/analytics/export?format=json"), whole);
        assert_eq!(
            Value::Array(lines(&tap.get("/analytics/export?format=jsonl").text())),
            whole
        );
        let csv = tap.get("/analytics/export?format=csv");
        assert_eq!(
            csv.head.get("content-type"),
            Some("text/csv; charset=utf-8")
        );
        assert!(
            csv.head
                .get("content-disposition")
                .is_some_and(|value| value.starts_with("attachment; filename=\"ollama-tap-"))
        );
        let csv = csv.text();
        assert!(
            csv.starts_with("interaction_id,timestamp,model,endpoint,prompt_category,prompt_full,")
        );
        assert!(
            csv.contains(",'=1+1,") && csv.contains(",\"two\nlines, \"\"quoted\"\"\","),
            "{csv}"
        );
        assert_eq!(
            prompts(&page(&tap, "/analytics/export?prompt_search=LINES")),
            ["two\nlines, \"quoted\""]
        );
        assert_eq!(
            tap.get("/analytics/export?format=jsonl&status=error")
                .text(),
            ""
        );
        let old = tap.ask(
            "GET",
            "GET /analytics/export HTTP/1.0\r\nHost: localhost\r\n\r\n",
        );
        assert_eq!(old.json(), whole);
    }
}

#[test]
fn statistics_are_those_of_the_records() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, &["Why?", "Why not?", "List it"]);
        let stats = page(&tap, "/analytics/stats/");
        let kept: Value = if backend == "loki" {
            0.into()
        } else {
            7.into()
        }; // there it is Loki that deletes
        assert_eq!(
            (
                &stats["backend"],
                &stats["records"],
                &stats["retention_days"]
            ),
            (&backend.into(), &3.into(), &kept)
        );
        let (place, bytes) = (stats["data_dir"].as_str().unwrap(), stats["bytes"].as_u64());
        if backend == "loki" {
            assert_eq!(
                (place, bytes),
                (history.loki.url().as_str(), None),
                "what it takes there is another machine's business"
            );
        } else {
            assert!(
                place.contains("history") && bytes.is_some_and(|bytes| bytes > 0),
                "{stats}"
            );
        }
        assert!(
            stats["categories"]
                .as_array()
                .unwrap()
                .contains(&"code_write".into())
        );
        assert!(stats["oldest"].as_f64() < stats["newest"].as_f64());
        let all = page(&tap, "/analytics/stats/enhanced?hours=1");
        assert_eq!(
            (
                &all["totals"]["requests"],
                &all["totals"]["generated_tokens"]
            ),
            (&3.into(), &15.into())
        );
        assert_eq!(
            (
                &all["totals"]["success_rate"],
                &all["totals"]["tokens_per_second"]["p50"]
            ),
            (&1.0.into(), &5.0.into())
        );
        assert_eq!(
            (
                &all["by_category"][0]["name"],
                &all["by_category"][0]["requests"]
            ),
            (&"question".into(), &2.into())
        );
        assert_eq!(
            (
                &all["by_client"][0]["name"],
                &all["by_client"][0]["requests"]
            ),
            (&"unknown".into(), &3.into())
        );
        let buckets = all["duration_buckets"].as_array().unwrap();
        assert_eq!(
            buckets
                .iter()
                .map(|bucket| bucket["requests"].as_u64().unwrap())
                .sum::<u64>(),
            3
        );
        let timeline: u64 = all["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .map(|slot| slot["requests"].as_u64().unwrap())
            .sum();
        assert_eq!(timeline, 3);
        let models = page(&tap, "/analytics/models");
        assert_eq!(
            (&models[0]["model"], &models[0]["count"]),
            (&"talk".into(), &3.into())
        );
    }
}

#[test]
fn head_answers_as_get_would_without_a_body() {
    let history = TestHistory::new("jsonl");
    let (_ollama, tap) = filled(&history, &["Why?"]);
    for target in [
        "",
        "/",
        "/stats",
        "/stats/enhanced",
        "/search",
        "/messages",
        "/models",
        "/why",
        "/export?format=csv",
    ] {
        let target = format!("/analytics{target}");
        let got = tap.ask("HEAD", request("HEAD", &target, &[], ""));
        let whole = tap.get(&target);
        assert_eq!(
            (got.status(), got.body.len(), whole.status()),
            (200, 0, 200),
            "{target}"
        );
        assert_eq!(
            got.head.get("content-type"),
            whole.head.get("content-type"),
            "{target}"
        );
    }
}
