//! Long answers: they take flat memory, and a reader that does not read keeps only the next long one waiting.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::old::days_ago;
use super::{LOCAL, REPLY, TestHistory, page, wait_for_records};
use crate::harness::ollama::json as reply;
use crate::harness::runner::within;
use crate::harness::{Client, FakeOllama, Memory, Proxy, eventually, metric, request};

/// Bytes of each prompt and each reply.
const LONG: usize = 256 << 10;

/// When the first one arrived: lately (Unix seconds).
pub static TIME: LazyLock<f64> = LazyLock::new(|| days_ago(0.1));

/// A history with so many records, each of a long prompt and a long reply, and a tap before it.
fn filled(history: &TestHistory, backend: &str, records: u32) -> (FakeOllama, Proxy) {
    let ollama = FakeOllama::always(reply(REPLY));
    drop(history.start(&ollama));
    write(history, backend, (1..=records).map(record), 1);
    let tap = history.start(&ollama);
    wait_for_records(&tap, records.into());
    (ollama, tap)
}

/// Writes them where a tap has made the directory before and none is now, in batches of so many.
pub fn write(
    history: &TestHistory,
    backend: &str,
    records: impl Iterator<Item = Value>,
    batch: usize,
) {
    match backend {
        "sqlite" => insert(&history.history().join("ollama_analytics.db"), records),
        _ => append(
            &history.history().join("ollama_20991231.jsonl.gz"),
            records,
            batch,
        ),
    }
}

fn record(n: u32) -> Value {
    let prompt = format!("{n:04}{}", "p".repeat(LONG - 4));
    let response = "r".repeat(LONG);
    json!({"interaction_id": format!("{n:016x}"), "timestamp": *TIME + f64::from(n), "prompt_full": prompt, "prompt_preview": prompt[..100], "response_full": response})
}

fn append(path: &Path, records: impl Iterator<Item = Value>, batch: usize) {
    let mut file = File::create(path).expect("make the file");
    let mut records = records.peekable();
    while records.peek().is_some() {
        let mut member = GzEncoder::new(&mut file, Compression::fast());
        records
            .by_ref()
            .take(batch)
            .try_for_each(|record| writeln!(member, "{record}"))
            .expect("write");
        member.finish().expect("write");
    }
}

fn insert(path: &Path, records: impl Iterator<Item = Value>) {
    const FIELDS: [&str; 4] = [
        "interaction_id",
        "prompt_full",
        "prompt_preview",
        "response_full",
    ];
    let mut database = Connection::open(path).expect("open the database");
    let database = database.transaction().expect("begin");
    for record in records {
        let [id, prompt, preview, response] = FIELDS.map(|name| record[name].as_str());
        let sql = format!(
            "INSERT INTO interactions (timestamp, {}) VALUES (?1, ?2, ?3, ?4, ?5)",
            FIELDS.join(", ")
        );
        database
            .execute(
                &sql,
                (record["timestamp"].as_f64(), id, prompt, preview, response),
            )
            .expect("insert");
    }
    database.commit().expect("commit");
}

#[test]
fn a_reader_that_hardly_reads_makes_room_once_another_wants_a_long_answer() {
    let history = TestHistory::new("jsonl");
    let (_ollama, tap) = filled(&history, "jsonl", 40);
    let _reader = stuck(&tap, "/analytics/export");
    let began = Instant::now();
    while tap.get("/analytics/export").status() != 200 {
        assert!(
            began.elapsed() < within(Duration::from_secs(30)),
            "it keeps others waiting"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(
        began.elapsed() > Duration::from_secs(9),
        "it was given no time to read"
    );
    tap.scrape_until("a slow reader", |scrape| {
        metric("ollama_tap_refused_total")
            .label("reason", "slow_reader")
            .value(1.0)
            .is_in(scrape)
    });
}

/// A client that has begun to read an answer, and reads no further.
fn stuck(tap: &Proxy, target: &str) -> Client {
    let mut client = tap.connect();
    client.send(request("GET", target, &[], ""));
    assert_eq!(client.head("GET").status(), 200);
    client
}

/// The memory by which the executable may grow, whatever it answers.
const GROWTH: u64 = 45 << 20;

#[test]
fn a_search_and_a_list_take_flat_memory_however_long_the_texts_are() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, backend, 50);
        let memory = Memory::at_rest(&tap);
        std::thread::scope(|scope| {
            let search = scope.spawn(|| page(&tap, "/analytics/search"));
            let list = page(&tap, "/analytics/messages");
            let search = search.join().expect("a search");
            let (search, list) = (
                search.as_array().expect("an array"),
                list.as_array().expect("an array"),
            );
            assert_eq!((search.len(), list.len()), (50, 50));
            for (n, (whole, brief)) in (1..=50).rev().zip(search.iter().zip(list)) {
                assert!(
                    whole["prompt_full"].as_str().is_some_and(
                        |text| text.len() == LONG && text.starts_with(&format!("{n:04}"))
                    )
                );
                assert_eq!(whole["response_full"].as_str().map(str::len), Some(LONG));
                assert_eq!(
                    (&brief["prompt_full"], &brief["response_full"]),
                    (&Value::Null, &Value::Null)
                );
                assert_eq!(
                    (&brief["prompt_preview"], &brief["interaction_id"]),
                    (&whole["prompt_preview"], &whole["interaction_id"])
                );
            }
        });
        memory.grew_less_than(GROWTH, backend);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_head_request_for_a_list_reads_no_records() {
    let history = TestHistory::new("jsonl");
    let (_ollama, tap) = filled(&history, "jsonl", 3);
    // What nobody can read any more, nobody tried to read.
    std::fs::remove_dir_all(history.history()).expect("remove the history");
    for target in [
        "/analytics/search",
        "/analytics/messages",
        "/analytics/export",
    ] {
        let head = tap.ask("HEAD", request("HEAD", target, &[], ""));
        assert_eq!((head.status(), head.body.len()), (200, 0), "{target}");
    }
    assert_eq!(
        tap.ask(
            "HEAD",
            request("HEAD", "/analytics/search?limit=0", &[], "")
        )
        .status(),
        400
    );
}

#[test]
fn a_reader_that_does_not_read_holds_up_long_answers_only() {
    let history = TestHistory::new("jsonl");
    let (_ollama, tap) = filled(&history, "jsonl", 20);
    let id = page(&tap, "/analytics/messages?limit=1")[0]["interaction_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    for stuck_at in ["/analytics/export", "/analytics/search"] {
        let reader = stuck(&tap, stuck_at);
        for target in ["/analytics/export?format=csv", "/analytics/search"] {
            let refused = tap.get(target);
            assert_eq!(
                (refused.status(), refused.head.get("retry-after")),
                (503, Some("5")),
                "{target}"
            );
            assert!(
                refused.json()["error"]
                    .as_str()
                    .expect("an error")
                    .contains("another long answer"),
                "{}",
                refused.text()
            );
        }
        let message = format!("/analytics/messages/{id}");
        for target in [
            "/analytics",
            "/analytics/stats",
            "/analytics/messages",
            "/analytics/search?prompt_search=nothing",
            "/test",
            &message,
        ] {
            assert_eq!(tap.get(target).status(), 200, "{target}");
        }
        drop(reader);
        eventually("the next long answer", || {
            tap.get("/analytics/search?limit=1").status() == 200
        });
    }
    assert!(
        metric("ollama_tap_refused_total")
            .label("reason", "busy")
            .sum(&tap.scrape())
            >= 4.0
    );
}
