//! Deleting through the pages: by age or all, what waits to be written, what another backend left.

use serde_json::json;

use super::filled;
use crate::harness::ollama::json as reply;
use crate::harness::{FakeOllama, metric, request};
use crate::history::{LOCAL, REPLY, TestHistory, page, prompts, talk, wait_for_records};

#[test]
fn purging_deletes_older_records_or_everything() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, &["first secret", "second", "third"]);
        let second =
            page(&tap, "/analytics/search?prompt_search=second")[0]["timestamp"].to_string();
        let purge = |query: &str| {
            tap.ask(
                "DELETE",
                request("DELETE", &format!("/analytics/messages?{query}"), &[], ""),
            )
        };
        assert_eq!(purge("").status(), 400);
        assert_eq!(purge("all=yes").status(), 400);
        assert_eq!(purge(&format!("before_time={second}")).json()["deleted"], 1);
        assert_eq!(
            prompts(&page(&tap, "/analytics/search")),
            ["third", "second"]
        );
        assert_eq!(purge("all=true").json()["deleted"], 2);
        assert!(prompts(&page(&tap, "/analytics/search")).is_empty());
        talk(&tap, "after");
        wait_for_records(&tap, 1);
    }
}

#[test]
fn purging_deletes_queued_records_too() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let ollama = FakeOllama::always(reply(REPLY));
        let tap = history
            .options(&ollama)
            .env("OLLAMA_TAP_TEST_FLUSH_MS", "3600000")
            .start();
        let waiting = metric("ollama_analytics_queue_size");
        for query in ["all=true", "before_time=4000000000"] {
            talk(&tap, "secret");
            tap.scrape_until("the record waits", |scrape| waiting.sum(scrape) == 1.0);
            let purged = tap.ask(
                "DELETE",
                request("DELETE", &format!("/analytics/messages?{query}"), &[], ""),
            );
            assert_eq!(purged.json(), json!({"deleted": 1, "from": {backend: 1}}));
            tap.scrape_until("nothing waits", |scrape| waiting.sum(scrape) == 0.0);
            assert!(
                prompts(&page(&tap, "/analytics/search")).is_empty(),
                "{backend} {query}"
            );
        }
    }
}

#[test]
fn records_of_another_backend_in_the_directory_are_purged_too() {
    for [old, new] in [["jsonl", "sqlite"], ["sqlite", "jsonl"]] {
        let mut history = TestHistory::new(old);
        for (backend, from) in [(old, json!({old: 1})), (new, json!({old: 1, new: 2}))] {
            history = history.turned_to(backend);
            let (_ollama, tap) = filled(&history, &["first", "second"]);
            let second =
                page(&tap, "/analytics/search?prompt_search=second")[0]["timestamp"].to_string();
            let query = if backend == old {
                format!("before_time={second}")
            } else {
                "all=true".to_owned()
            };
            let purged = tap
                .ask(
                    "DELETE",
                    request("DELETE", &format!("/analytics/messages?{query}"), &[], ""),
                )
                .json();
            assert_eq!(purged["from"], from, "{purged}");
        }
        let history = history.turned_to(old);
        drop(filled(&history, &["third"]));
        let history = history.turned_to(new);
        drop(filled(&history, &["fourth"]));
        let (code, stdout, stderr) = history.ask(&["purge", "--all", "--yes"]);
        assert!(
            code == 0 && stdout.starts_with("deleted 2 records in "),
            "{stdout} {stderr}"
        );
        assert!(stdout.contains("1 of jsonl, 1 of sqlite"), "{stdout}");
    }
}

#[test]
fn the_terminal_deletes_by_ids_and_filters_and_its_exit_code_says_what_was_found() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, &["a secret", "b secret", "c"]);
        let newest = page(&tap, "/analytics/search?limit=1");
        drop(tap);
        let id = newest[0]["interaction_id"].as_str().unwrap();
        for (words, expected, said) in [
            (
                &["purge", &id[..12], "--yes"][..],
                0,
                "deleted 1 record in ",
            ),
            (&["purge", id, "--yes"], 1, "there is no record `"),
            (&["purge", &id[..3], "--yes"], 1, "there is no record `"),
            (
                &["purge", "--q", "nowhere", "--yes"],
                0,
                "deleted 0 records in ",
            ),
            (&["search", "nowhere"], 1, "no record matches in "),
            (
                &["purge", "--q", "SECRET", "--yes"],
                0,
                "deleted 2 records in ",
            ),
        ] {
            let (code, stdout, stderr) = history.ask(words);
            assert_eq!(code, expected, "{words:?}: {stdout}{stderr}");
            let output = stdout + &stderr;
            assert!(output.contains(said), "{words:?}: {output}");
        }
    }
}

#[test]
fn purging_a_loki_is_refused_with_the_way_that_works() {
    let history = TestHistory::new("loki");
    let (_ollama, tap) = filled(&history, &["first"]);
    let reply = tap.ask(
        "DELETE",
        request("DELETE", "/analytics/messages?all=true", &[], ""),
    );
    assert!(
        reply.status() >= 500 && reply.text().contains("retention_period"),
        "{} {}",
        reply.status(),
        reply.text()
    );
    let (code, _, stderr) = history.ask(&["purge", "--all", "--yes"]);
    assert!(
        code == 1 && stderr.contains("retention_period"),
        "{code} {stderr}"
    );
    assert_eq!(prompts(&page(&tap, "/analytics/search")), ["first"]);
}
