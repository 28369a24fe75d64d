//! Directories, locks and Lokis that fail for a while: requests are answered meanwhile, writing goes on by itself afterwards, and
//! nothing is lost or there twice.

use std::fs;

use rusqlite::Connection;
use serde_json::Value;

use super::kept::lines;
use super::{REPLY, TestHistory, page, prompts, talk, wait_for_records};
use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Options, Proxy, eventually, metric, skip_under_wine};

/// The log line of a tap that can write again.
const AGAIN: &str = "is written again; 0 records were lost meanwhile";

/// Asserts that the history holds just these, and that trouble was told of once, and its end once.
pub fn recovered(tap: &Proxy, all: &[&str]) {
    tap.wait_log(AGAIN);
    wait_for_records(tap, all.len() as u64);
    assert_eq!(prompts(&page(tap, "/analytics/export")), all);
    for words in [AGAIN, "it is tried again"] {
        assert_eq!(
            tap.log().matches(words).count(),
            1,
            "{words}: {}",
            tap.log()
        );
    }
    assert_eq!(
        metric("ollama_tap_analytics_dropped_total").sum(&tap.scrape()),
        0.0
    );
}

/// A tap with one record in a day file.
pub fn with_a_day() -> (TestHistory, FakeOllama, Proxy) {
    let history = TestHistory::new("jsonl");
    let ollama = FakeOllama::always(json(REPLY));
    let tap = history.start(&ollama);
    talk(&tap, "before");
    wait_for_records(&tap, 1);
    (history, ollama, tap)
}

#[test]
fn a_directory_that_is_removed_under_a_running_tap_is_made_again_and_locked() {
    if skip_under_wine("it keeps the name of a file that was removed until that is closed") {
        return;
    }
    let (history, _ollama, tap) = with_a_day();
    let path = history.history();
    fs::remove_dir_all(&path).expect("remove it");
    fs::write(&path, "in the way").expect("take its place");
    talk(&tap, "meanwhile");
    let line = tap.wait_log("it is tried again");
    assert!(line.contains(path.to_str().expect("UTF-8")), "{line}");
    talk(&tap, "meanwhile too");
    let failed = metric("ollama_analytics_writes_total").label("status", "error");
    tap.scrape_until("the failure", |scrape| failed.sum(scrape) >= 1.0);
    fs::remove_file(&path).expect("remove it");
    recovered(&tap, &["meanwhile", "meanwhile too"]);
    let (code, _, stderr) = Options::bare(&["proxy", "--listen", "127.0.0.1:0"])
        .args(&history.args())
        .run();
    assert!(code == 1 && stderr.contains("writes it"), "{code} {stderr}");
}

#[test]
fn a_database_that_another_program_holds_delays_records_and_loses_none() {
    let history = TestHistory::new("sqlite");
    let ollama = FakeOllama::always(json(REPLY));
    let tap = history.start(&ollama);
    talk(&tap, "before");
    wait_for_records(&tap, 1);
    let other =
        Connection::open(history.history().join("ollama_analytics.db")).expect("open the database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("hold it");
    talk(&tap, "meanwhile");
    assert_eq!(
        prompts(&page(&tap, "/analytics/search")),
        ["before"],
        "what is there can be read"
    );
    // Longer than the tap waits for a lock, which is five seconds.
    let line = tap.wait_log("it is tried again");
    assert!(line.contains("another program holds it"), "{line}");
    talk(&tap, "meanwhile too");
    other.execute_batch("ROLLBACK").expect("give it back");
    recovered(&tap, &["before", "meanwhile", "meanwhile too"]);
}

/// A history in a Loki that already has one record.
fn with_loki() -> (TestHistory, FakeOllama, Proxy) {
    let history = TestHistory::new("loki");
    let ollama = FakeOllama::always(json(REPLY));
    let tap = history.start(&ollama);
    talk(&tap, "before");
    wait_for_records(&tap, 1);
    (history, ollama, tap)
}

#[test]
fn a_loki_that_is_away_for_a_while_gets_everything_once_it_is_back() {
    let (history, _ollama, tap) = with_loki();
    history.loki.refuse();
    talk(&tap, "meanwhile");
    let line = tap.wait_log("it is tried again");
    assert!(line.contains(&history.loki.url()), "{line}");
    talk(&tap, "meanwhile too");
    let reply = tap.get("/analytics/search");
    assert!(
        reply.status() >= 500 && reply.text().contains(&history.loki.url()),
        "{} {}",
        reply.status(),
        reply.text()
    );
    history.loki.listen_again();
    recovered(&tap, &["before", "meanwhile", "meanwhile too"]);
    assert_eq!(history.loki.lines().len(), 6, "two entries each");
}

#[test]
fn a_tap_starts_while_loki_is_away() {
    let history = TestHistory::new("loki");
    history.loki.refuse();
    let ollama = FakeOllama::always(json(REPLY));
    let tap = history.start(&ollama);
    talk(&tap, "early");
    tap.wait_log("it is tried again");
    history.loki.listen_again();
    recovered(&tap, &["early"]);
}

#[test]
fn a_slow_loki_delays_no_request() {
    let (history, _ollama, tap) = with_loki();
    let slow = history.loki.hold();
    let asked: Vec<String> = (0..20).map(|n| format!("meanwhile {n}")).collect();
    for prompt in asked.iter() {
        talk(&tap, prompt);
    }
    tap.scrape_until("what waits", |scrape| {
        metric("ollama_analytics_queue_size").sum(scrape) == 20.0
    });
    drop(slow);
    wait_for_records(&tap, 21);
    assert_eq!(prompts(&page(&tap, "/analytics/export"))[1..], asked);
}

#[test]
fn a_loki_that_wants_less_or_stumbles_gets_everything_once() {
    for (status, words) in [
        (429, "ingestion rate limit exceeded"),
        (500, "at least 1 live replicas required"),
        (503, ""),
    ] {
        let (history, _ollama, tap) = with_loki();
        history.loki.fail(3, status, words);
        talk(&tap, "meanwhile");
        let line = tap.wait_log("it is tried again");
        assert!(
            line.contains(&status.to_string()) && line.contains(words),
            "{line}"
        );
        recovered(&tap, &["before", "meanwhile"]);
        assert!(history.loki.pushes().len() >= 5);
    }
}

#[test]
fn records_that_loki_stored_before_the_connection_broke_are_there_once() {
    let (history, _ollama, tap) = with_loki();
    history.loki.state().cuts = 2;
    talk(&tap, "meanwhile");
    recovered(&tap, &["before", "meanwhile"]);
    assert_eq!(history.loki.lines().len(), 4, "two entries each");
}

#[test]
fn a_text_that_loki_rejects_is_counted_although_its_record_is_stored() {
    let (history, _ollama, tap) = with_loki();
    history
        .loki
        .fail(1, 400, "max entry size '1' bytes exceeded for stream '{}'");
    talk(&tap, "refused");
    assert!(
        tap.wait_log("for good").contains("the texts of 1 records"),
        "{}",
        tap.log()
    );
    wait_for_records(&tap, 2);
    let counted = |status: &str| {
        metric("ollama_analytics_writes_total")
            .label("backend", "loki")
            .label("status", status)
    };
    tap.scrape_until("both", |scrape| {
        counted("success").sum(scrape) == 2.0 && counted("error").sum(scrape) == 1.0
    });
    assert_eq!(
        metric("ollama_tap_analytics_dropped_total").sum(&tap.scrape()),
        0.0
    );
    let newest = page(&tap, "/analytics/search?limit=1");
    assert_eq!(
        (&newest[0]["prompt_full"], &newest[0]["truncated"]),
        (&Value::Null, &true.into())
    );
}

#[test]
fn records_that_loki_rejects_are_counted_and_never_sent_again() {
    let (history, _ollama, tap) = with_loki();
    history
        .loki
        .fail(2, 400, "couldn't parse labels: 1:3: parse error");
    talk(&tap, "refused");
    let line = tap.wait_log("refused 1 records for good");
    assert!(line.contains("couldn't parse labels"), "{line}");
    tap.scrape_until("the loss", |scrape| {
        metric("ollama_tap_analytics_dropped_total").sum(scrape) == 1.0
    });
    talk(&tap, "after");
    wait_for_records(&tap, 2);
    let exported = lines(&tap.get("/analytics/export?format=jsonl").text());
    assert_eq!(prompts(&exported.into()), ["before", "after"]);
    let sent = |prompt: &str| {
        history
            .loki
            .pushes()
            .iter()
            .filter(|push| String::from_utf8_lossy(&push.body).contains(prompt))
            .count()
    };
    eventually("each was sent once, in two parts", || {
        (sent("refused"), sent("after")) == (2, 2)
    });
    let counted = |status: &str| {
        metric("ollama_analytics_writes_total")
            .label("backend", "loki")
            .label("status", status)
    };
    tap.scrape_until("all three", |scrape| {
        counted("success").sum(scrape) == 2.0 && counted("error").sum(scrape) == 1.0
    });
}
