//! Histories that cannot be opened at the start: they take Ollama from nobody.

use std::fs;

use rusqlite::Connection;

use super::old::{Seed, days_ago};
use super::{REPLY, TestHistory, page, prompts, talk, wait_for_records};
use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Proxy, eventually, metric, request};

const DATABASE: &str = "ollama_analytics.db";

/// A tap before a history that it cannot open; its pages say these words.
fn closed(history: &TestHistory, ollama: &FakeOllama, words: &str) -> Proxy {
    let tap = history
        .options(ollama)
        .env("OLLAMA_TAP_TEST_OPEN_MS", "20")
        .start();
    assert!(tap.wait_log("ERROR").contains(words), "{}", tap.log());
    talk(&tap, "forwarded");
    tap.scrape_until("the loss", |scrape| {
        metric("ollama_tap_analytics_dropped_total").sum(scrape) == 1.0
    });
    for target in [
        "stats",
        "search",
        "messages",
        "messages/00ff",
        "models",
        "export",
        "stats/enhanced",
    ] {
        for method in ["GET", "HEAD"] {
            let reply = tap.ask(
                method,
                request(method, &format!("/analytics/{target}"), &[], ""),
            );
            assert!(
                reply.status() == 503 && (method == "HEAD" || reply.text().contains(words)),
                "{target}: {}",
                reply.text()
            );
        }
    }
    assert_eq!(
        tap.get("/analytics").status(),
        200,
        "the page itself holds no record"
    );
    tap
}

/// Writes a database of a tap to come, of which an older one would misread something.
fn newer(history: &TestHistory) -> Connection {
    Seed::new("old", days_ago(1.0)).write("sqlite", &history.history());
    let database = Connection::open(history.history().join(DATABASE)).expect("open the database");
    database
        .pragma_update(None, "user_version", 99)
        .expect("set the version");
    database
}

#[test]
fn a_database_of_a_newer_tap_stops_no_request_and_is_opened_once_it_can_be() {
    let (history, ollama) = (TestHistory::new("sqlite"), FakeOllama::always(json(REPLY)));
    let database = newer(&history);
    let tap = closed(&history, &ollama, "a newer ollama-tap made it");
    database
        .pragma_update(None, "user_version", 0)
        .expect("set the version");
    tap.wait_log("is open");
    talk(&tap, "kept");
    wait_for_records(&tap, 2);
    assert_eq!(prompts(&page(&tap, "/analytics/export")), ["old", "kept"]);
    assert_eq!(
        metric("ollama_tap_analytics_dropped_total").sum(&tap.scrape()),
        1.0
    );
}

#[test]
fn a_damaged_database_stops_no_request_and_can_be_purged() {
    let (history, ollama) = (TestHistory::new("sqlite"), FakeOllama::always(json(REPLY)));
    fs::create_dir(history.history()).expect("make the directory");
    fs::write(
        history.history().join(DATABASE),
        "no database at all ".repeat(500),
    )
    .expect("write");
    let tap = closed(&history, &ollama, "move the file away");
    let purge = tap.ask(
        "DELETE",
        request("DELETE", "/analytics/messages?before_time=5", &[], ""),
    );
    assert_eq!(purge.status(), 503, "nobody knows what is before that");
    assert_eq!(
        tap.ask(
            "DELETE",
            request("DELETE", "/analytics/messages?all=true", &[], "")
        )
        .status(),
        200
    );
    talk(&tap, "kept");
    eventually("it is kept", || {
        prompts(&page(&tap, "/analytics/export")) == ["kept"]
    });
}

#[test]
fn columns_that_a_later_tap_has_added_are_left_alone() {
    let (history, ollama) = (TestHistory::new("sqlite"), FakeOllama::always(json(REPLY)));
    let tap = history.start(&ollama);
    talk(&tap, "before");
    wait_for_records(&tap, 1);
    drop(tap);
    // The new version was installed, added what it keeps beyond this one, and was taken back.
    let database = Connection::open(history.history().join(DATABASE)).expect("open the database");
    let later = "ALTER TABLE interactions ADD COLUMN from_the_future TEXT; UPDATE interactions SET from_the_future = 'x'";
    database.execute_batch(later).expect("add a column");
    drop(database);
    let tap = history.start(&ollama);
    talk(&tap, "after");
    wait_for_records(&tap, 2);
    assert_eq!(
        prompts(&page(&tap, "/analytics/export")),
        ["before", "after"]
    );
    assert_eq!(
        prompts(&page(&tap, "/analytics/search?model=talk")),
        ["after", "before"]
    );
}
