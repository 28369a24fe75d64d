//! The pages of the history: what they take, in which formats they answer, and what they say to nonsense.

/// Exports, statistics, and HEAD.
mod answers;
/// What is new, counts, and what has not changed.
mod lists;
/// Deleting: by age or all, what waits to be written, what another backend left.
mod purging;
/// What enters late, and questions that nobody waits for any more.
mod waiting;

use super::{BACKENDS, REPLY, TestHistory, page, prompts, talk, wait_for_records};
use crate::harness::ollama::json as reply;
use crate::harness::{FakeOllama, Options, Proxy, request};

/// A tap whose history holds one record for each prompt, in this order.
fn filled(history: &TestHistory, prompts: &[&str]) -> (FakeOllama, Proxy) {
    let ollama = FakeOllama::always(reply(REPLY));
    let tap = history.start(&ollama);
    for (prompt, n) in prompts.iter().zip(1..) {
        talk(&tap, prompt);
        wait_for_records(&tap, n);
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
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(
            &history,
            &["Why is the sky blue?", "Write some code & more", "空は青い"],
        );
        assert_eq!(
            prompts(&page(&tap, "/analytics/search")),
            ["空は青い", "Write some code & more", "Why is the sky blue?"]
        );
        assert_eq!(
            prompts(&page(&tap, "/analytics/search/?prompt_search=CODE+%26")),
            ["Write some code & more"]
        );
        assert_eq!(
            prompts(&page(&tap, "/analytics/search?prompt_search=%E9%9D%92")),
            ["空は青い"]
        );
        assert_eq!(
            prompts(&page(
                &tap,
                "/analytics/search?prompt_category=code_write&model=talk&limit=1"
            )),
            ["Write some code & more"]
        );
        assert!(prompts(&page(&tap, "/analytics/search?status=error")).is_empty());
        assert!(prompts(&page(&tap, "/analytics/search?endpoint=api/chat")).is_empty());
        assert_eq!(
            prompts(&page(
                &tap,
                "/analytics/search?endpoint=/api/generate&model=&start_time=2020-01-01T00:00:00Z"
            ))
            .len(),
            3
        );
        assert!(
            prompts(&page(
                &tap,
                "/analytics/search?end_time=2020-01-01T00:00:00%2B01:00"
            ))
            .is_empty()
        );
        let newest = page(&tap, "/analytics/search?limit=1");
        let before = format!(
            "/analytics/search?before={}",
            newest[0]["interaction_id"].as_str().unwrap()
        );
        assert_eq!(
            prompts(&page(&tap, &before)),
            ["Write some code & more", "Why is the sky blue?"]
        );
    }
}

#[test]
fn a_bad_parameter_is_named_with_its_value_and_what_is_accepted() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, &[]);
        for (target, words) in [
            ("/analytics/search?limit=0", ["limit", "`0`", "1 to 100"]),
            (
                "/analytics/search?limit=101",
                ["limit", "`101`", "1 to 100"],
            ),
            (
                "/analytics/messages?status=fine",
                ["status", "`fine`", "success, error, cancelled"],
            ),
            (
                "/analytics/search?start_time=soon",
                ["start_time", "`soon`", "RFC 3339"],
            ),
            (
                "/analytics/search?end_time=NaN",
                ["end_time", "`NaN`", "Unix seconds"],
            ),
            (
                "/analytics/search?prompt_category=fun",
                ["prompt_category", "`fun`", "summarize"],
            ),
            (
                "/analytics/search?promt_search=x",
                ["promt_search", "only the parameters", "prompt_search"],
            ),
            (
                "/analytics/search?before=nobody",
                ["before", "`nobody`", "interaction_id"],
            ),
            (
                "/analytics/stats/enhanced?hours=-1",
                ["hours", "`-1`", "above 0"],
            ),
            (
                "/analytics/stats/enhanced?hours=inf",
                ["hours", "`inf`", "above 0"],
            ),
            (
                "/analytics/export?format=xml",
                ["format", "`xml`", "json, csv or jsonl"],
            ),
            (
                "/analytics/export?limit=5",
                ["limit", "`5`", "every record that matches"],
            ),
            (
                "/analytics/search?finding=cut",
                ["finding", "`cut`", "context_cut"],
            ),
            (
                "/analytics/why?before=x",
                ["before", "`x`", "every record that matches"],
            ),
            (
                "/analytics/why?start_time=5&hours=1",
                ["start_time", "`5`", "either start_time or hours"],
            ),
            ("/analytics/why?hours=0", ["hours", "`0`", "above 0"]),
            ("/analytics/why?all=yes", ["all", "`yes`", "true or false"]),
            ("/analytics/models?x=1", ["x", "`1`", "no parameter"]),
        ] {
            let text = error(&tap, target, 400);
            assert!(
                words.iter().all(|word| text.contains(word)),
                "{target}: {text}"
            );
        }
        assert!(error(&tap, "/analytics/messages/00ff", 404).contains("`00ff`"));
    }
}

#[test]
fn no_cache_keeps_an_answer_of_the_history_nor_a_refusal() {
    let history = TestHistory::new("jsonl");
    let (ollama, tap) = filled(&history, &["Why?"]);
    let none = Options::to(&ollama)
        .args(&["--analytics-backend", "none"])
        .start();
    let bad_host = "GET /analytics/search HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    for (status, reply) in [
        (200, tap.get("/analytics/search")),
        (200, tap.get("/analytics/export")),
        (400, tap.get("/analytics/search?limit=0")),
        (404, tap.get("/analytics/messages/00ff")),
        (404, none.get("/analytics/search")),
        (403, tap.ask("GET", bad_host)),
    ] {
        assert_eq!(
            (reply.status(), reply.head.get("cache-control")),
            (status, Some("no-store")),
            "{}",
            reply.text()
        );
    }
}

#[test]
fn without_a_history_its_pages_say_how_to_turn_it_on() {
    let ollama = FakeOllama::always(reply(REPLY));
    let tap = Options::to(&ollama)
        .args(&["--analytics-backend", "none"])
        .start();
    tap.wait_log("storing nothing");
    for target in [
        "/analytics/stats",
        "/analytics/search",
        "/analytics/messages/1",
        "/analytics/export",
        "/analytics/models",
    ] {
        assert!(
            error(&tap, target, 404).contains("--analytics-backend jsonl"),
            "{target}"
        );
    }
    assert_eq!(tap.get("/analytics").status(), 200);
}

#[test]
fn paths_other_than_our_pages_are_forwarded() {
    let history = TestHistory::new("jsonl");
    let (ollama, tap) = filled(&history, &[]);
    for (method, target) in [
        ("GET", "/analytics/else"),
        ("POST", "/analytics/search"),
        ("DELETE", "/analytics/stats"),
        ("PUT", "/analytics"),
    ] {
        assert_eq!(
            tap.ask(method, request(method, target, &[], "")).text(),
            REPLY
        );
        assert_eq!(ollama.next().head.path(), target);
    }
}
