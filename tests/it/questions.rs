//! Questions to the history from a terminal, put to a scripted tap: what is asked, what is shown, and the exit codes.

use std::fs;

use serde_json::{Value, json};

use crate::harness::ollama::{json as ok, reply};
use crate::harness::{After, Asked, FakeOllama, Latch, Options, PATIENCE, SIGINT, eventually};

const GREETING: &str = r#"{"ollama_tap":"0.1.0"}"#;

/// A tap that answers every page but its greeting with these bytes, as often as it is asked.
fn tap_of(pages: Vec<(&'static str, Vec<u8>)>) -> FakeOllama {
    FakeOllama::start(move |conn| {
        let path = conn.head.path().to_owned();
        let page = pages.iter().find(|(name, _)| *name == path);
        let bytes = match page {
            Some((_, bytes)) => bytes.clone(),
            None if path == "/healthz" => ok(GREETING),
            None => reply("404 Not Found", &["Content-Type: application/json"], r#"{"error":"there is no such page"}"#),
        };
        conn.answer(bytes)?;
        Ok(After::KeepAlive)
    })
}

fn ask(tap: &FakeOllama, words: &[&str]) -> Options {
    Options::bare(words).args(&["--listen", &tap.addr.to_string()])
}

/// Runs it to its end, which must be this one: stdout and stderr.
fn ends(options: Options, code: i32) -> (String, String) {
    let (exit, stdout, stderr) = options.run();
    assert_eq!(exit, code, "{stdout}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    (stdout, stderr)
}

fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

/// The request of a page, without the greeting before it.
fn asked(tap: &FakeOllama, path: &str) -> Asked {
    loop {
        let asked = tap.next();
        if asked.head.path() == path {
            return asked;
        }
    }
}

pub fn record(id: &str, prompt: &str) -> Value {
    json!({
        "interaction_id": id, "timestamp": 1_795_252_622.5, "model": "phi4", "endpoint": "api/chat", "prompt_category": "other",
        "prompt_full": prompt, "prompt_preview": prompt, "prompt_tokens": 12, "generated_tokens": 33, "duration_seconds": 1.25,
        "status": "success", "metadata": {"client_ip": "127.0.0.1"}
    })
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

fn about(records: u64) -> Vec<u8> {
    let newest = (records > 0).then_some(1_700_000_000.0);
    let about = json!({
        "backend": "sqlite", "data_dir": "/srv/history", "queue_size": 0, "retention_days": 7, "categories": {},
        "records": records, "bytes": 5, "oldest": newest, "newest": newest
    });
    ok(&about.to_string())
}

fn group(name: &str, requests: u64) -> Value {
    let spread = json!({"mean": 1.5, "p50": 1.25, "p90": 2.0, "p95": 2.5, "p99": 3.0, "max": 4.0});
    json!({
        "name": name, "requests": requests, "success": requests, "error": 0, "cancelled": 0, "success_rate": 1.0,
        "prompt_tokens": 1000, "generated_tokens": 5000, "first_seen": 1.0, "last_seen": 2.0,
        "duration_seconds": spread, "time_to_first_token_seconds": spread, "tokens_per_second": spread
    })
}

fn enhanced(requests: u64) -> Vec<u8> {
    let groups = |name| if requests > 0 { json!([group(name, requests)]) } else { json!([]) };
    let numbers = json!({
        "hours": 48.0, "start_time": 1_795_079_822.0, "end_time": 1_795_252_622.0, "totals": group("all", requests),
        "by_model": groups("llama3.2:latest"), "by_category": groups("question"), "by_endpoint": [], "by_status": [],
        "timeline_step_seconds": 1800.0, "timeline": []
    });
    ok(&numbers.to_string())
}

fn with_statistics(requests: u64, records: u64) -> FakeOllama {
    tap_of(vec![("/analytics/stats", about(records)), ("/analytics/stats/enhanced", enhanced(requests))])
}

#[test]
fn stats_asks_the_running_tap_and_prints_a_table() {
    let tap = with_statistics(1234, 1234);
    let (stdout, _) = ends(ask(&tap, &["stats", "--hours", "48", "--token", "t0ken"]), 0);
    says(
        &stdout,
        &["the last 48 hours", "/srv/history (sqlite), through the tap at http://127.0.0.1:", "1,234 requests, 100.0% successful"],
    );
    says(&stdout, &["llama3.2:latest", "question", "1.25 s", "2.50 s", "5,000"]);
    let greeting = tap.next();
    assert_eq!((greeting.head.path(), greeting.head.get("authorization")), ("/healthz", None), "a stranger is shown no token");
    let question = tap.next();
    assert_eq!(question.head.target(), "/analytics/stats/enhanced?hours=48");
    assert_eq!(question.head.get("authorization"), Some("Bearer t0ken"));
}

#[test]
fn stats_as_json_is_one_object_with_its_source() {
    let tap = with_statistics(3, 3);
    let (stdout, stderr) = ends(Options::bare(&["stats", "--json"]).env("OLLAMA_TAP_LISTEN", &tap.addr.to_string()), 0);
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&answer["source"]["data_dir"], &answer["totals"]["requests"]), (&json!("/srv/history"), &json!(3)));
    assert_eq!(stderr, "");
}

#[test]
fn stats_of_a_quiet_time_names_the_newest_record_and_an_empty_history_fails() {
    let (stdout, _) = ends(ask(&with_statistics(0, 70), &["stats"]), 0);
    says(&stdout, &["no requests in the last 24 hours", "70 older records", "2023-11-1"]);
    let (_, stderr) = ends(ask(&with_statistics(0, 0), &["stats", "--json"]), 1);
    says(&stderr, &["nothing to read: there are no records in /srv/history"]);
}

#[test]
fn an_empty_history_is_nothing_to_read_for_any_question() {
    let dir = tempfile::tempdir().unwrap();
    let tap = tap_of(vec![("/analytics/search", ok("[]")), ("/analytics/export", ok("")), ("/analytics/stats", about(0))]);
    let file = dir.path().join("a.csv");
    for words in [&["search", "x"][..], &["export"], &["export", "-o", file.to_str().unwrap()]] {
        let (_, stderr) = ends(ask(&tap, words), 1);
        says(&stderr, &["nothing to read: there are no records in "]);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn search_sends_every_filter_and_shows_what_came_without_obeying_it() {
    let records = json!([record("00000000000000ff", "a\u{1b}[2Jb\nc"), record("00000000000000fe", "older")]);
    let tap = tap_of(vec![("/analytics/search", ok(&records.to_string()))]);
    let words = ["search", "100% &", "Ünd?", "--model", "a/b:c", "--status", "success", "--start", "1.5", "--limit", "2", "--before", "00"];
    let (stdout, _) = ends(ask(&tap, &words), 0);
    assert!(!stdout.contains('\u{1b}'), "{stdout:?}");
    says(&stdout, &[r"    00000000000000ff  a\u{1b}[2Jb\nc", "phi4  api/chat  success  12 > 33 tokens  1.25 s", "older"]);
    let target = asked(&tap, "/analytics/search").head.target().to_owned();
    assert_eq!(
        target,
        "/analytics/search?limit=2&start_time=1.5&model=a%2Fb%3Ac&prompt_search=100%25%20%26%20%C3%9Cnd%3F&status=success&before=00"
    );
}

#[test]
fn search_as_json_is_an_array_of_whole_records_and_no_match_is_no_failure() {
    let tap = tap_of(vec![("/analytics/search", ok(&json!([record("00", "x")]).to_string()))]);
    let (stdout, _) = ends(ask(&tap, &["search", "--json"]), 0);
    let records: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&records[0]["prompt_full"], &records[0]["error"]), (&json!("x"), &Value::Null));
    assert_eq!(asked(&tap, "/analytics/search").head.target(), "/analytics/search?limit=10");

    let tap = tap_of(vec![("/analytics/search", ok("[]")), ("/analytics/stats", about(5))]);
    let (stdout, stderr) = ends(ask(&tap, &["search", "nowhere"]), 0);
    assert_eq!(stdout, "");
    says(&stderr, &["no record matches in /srv/history"]);
}

#[test]
fn export_writes_the_format_that_the_file_is_called() {
    let records = [record("00", "=1+1"), record("01", "a,\"b\"")];
    let tap = tap_of(vec![("/analytics/export", ok(&lines(&records))), ("/analytics/stats", about(2))]);
    let dir = tempfile::tempdir().unwrap();
    for (name, expected) in [("a.csv", ",'=1+1,'=1+1,12,"), ("a.json", "[\n{"), ("a.jsonl", "{\"interaction_id\":\"00\"")] {
        let path = dir.path().join(name);
        let (stdout, stderr) = ends(ask(&tap, &["export", "--search", "x y", "-o", path.to_str().unwrap()]), 0);
        assert_eq!(stdout, "");
        says(&stderr, &["wrote 2 records to ", name]);
        says(&fs::read_to_string(&path).unwrap(), &[expected]);
        assert_eq!(asked(&tap, "/analytics/export").head.target(), "/analytics/export?format=jsonl&prompt_search=x%20y");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    let (stdout, stderr) = ends(ask(&tap, &["export"]), 0);
    assert_eq!(
        stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["interaction_id"].clone()).collect::<Vec<_>>(),
        ["00", "01"]
    );
    assert_eq!(stderr, "");
}

#[test]
fn a_broken_export_leaves_what_was_there() {
    let tap = FakeOllama::start(|conn| {
        conn.body()?;
        if conn.head.path() == "/healthz" {
            conn.write(ok(GREETING))?;
            return Ok(After::KeepAlive);
        }
        conn.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        conn.write(crate::harness::chunk(lines(&[record("00", "x")])))?;
        conn.write("broken\r\n")?;
        Ok(After::Close)
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    fs::write(&path, "old").unwrap();
    let (_, stderr) = ends(ask(&tap, &["export", "-o", path.to_str().unwrap()]), 1);
    says(&stderr, &["read the export of the tap at http://127.0.0.1:"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    ends(ask(&tap, &["export"]), 1);
}

#[test]
fn an_interrupted_export_leaves_nothing_of_its_own() {
    let latch = Latch::default();
    let (released, head) = (latch.clone(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let tap = FakeOllama::start(move |conn| {
        conn.body()?;
        if conn.head.path() == "/healthz" {
            conn.write(ok(GREETING))?;
            return Ok(After::KeepAlive);
        }
        conn.write(head)?;
        released.wait();
        Ok(After::Close)
    });
    let dir = tempfile::tempdir().unwrap();
    let (path, users) = (dir.path().join("a.csv"), dir.path().join("a.csv.part"));
    fs::write(&users, "somebody's").unwrap();
    let mut export = ask(&tap, &["export", "-o", path.to_str().unwrap()]).spawn();
    asked(&tap, "/analytics/export");
    eventually("a file is begun", || fs::read_dir(dir.path()).unwrap().count() == 2);
    export.signal(SIGINT);
    assert_eq!(export.wait_exit(PATIENCE).code(), Some(130));
    assert_eq!(fs::read_to_string(&users).unwrap(), "somebody's");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    latch.release();
}

#[cfg(unix)]
#[test]
fn an_exported_file_is_private_a_link_to_it_stays_one_and_a_device_is_not_replaced() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let tap = tap_of(vec![("/analytics/export", ok(&lines(&[record("00", "x")])))]);
    let dir = tempfile::tempdir().unwrap();
    let (path, link) = (dir.path().join("a.csv"), dir.path().join("link.csv"));
    fs::write(&path, "old").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    ends(ask(&tap, &["export", "-o", link.to_str().unwrap()]), 0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&path).unwrap().starts_with("interaction_id,"));
    ends(ask(&tap, &["export", "-o", "/dev/null"]), 0);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn purge_through_the_tap_deletes_what_was_said_and_asks_nobody_without_a_terminal() {
    let tap = tap_of(vec![("/analytics/messages", ok(r#"{"deleted":1234}"#)), ("/analytics/stats", about(2000))]);
    let (stdout, _) = ends(ask(&tap, &["purge", "--before", "2023-11-14T22:13:20Z"]), 0);
    says(&stdout, &["deleted 1,234 records older than 2023-11-1", "in /srv/history (sqlite), through the tap"]);
    let question = asked(&tap, "/analytics/messages");
    assert_eq!((question.head.method(), question.head.target()), ("DELETE", "/analytics/messages?before_time=1700000000"));
    ends(ask(&tap, &["purge", "--all", "--yes"]), 0);
    assert_eq!(asked(&tap, "/analytics/messages").head.target(), "/analytics/messages?all=true");
}

#[test]
fn purge_must_be_told_what_and_only_once() {
    let tap = tap_of(Vec::new());
    for words in [&["purge"][..], &["purge", "--all", "--before", "1"], &["purge", "--before", "soon"]] {
        let (_, stderr) = ends(ask(&tap, words), 2);
        says(&stderr, &["--before"]);
    }
    assert!(tap.so_far().is_empty());
}

#[test]
fn what_the_tap_complains_of_is_said_in_one_line() {
    let error = r#"{"error":"the backend none keeps no history\u001b[2J\nstart with --analytics-backend jsonl"}"#;
    for status in ["400 Bad Request", "403 Forbidden", "404 Not Found", "503 Service Unavailable"] {
        let answer = || reply(status, &["Content-Type: application/json"], error);
        let pages = ["/analytics/stats", "/analytics/stats/enhanced", "/analytics/search", "/analytics/export", "/analytics/messages"];
        let tap = tap_of(pages.map(|page| (page, answer())).to_vec());
        for words in [&["stats"][..], &["search", "x"], &["export"], &["purge", "--all"]] {
            let (stdout, stderr) = ends(ask(&tap, words), 1);
            assert_eq!((stdout.as_str(), stderr.lines().count()), ("", 1), "{stderr}");
            says(&stderr, &["ollama-tap: ask the tap at http://127.0.0.1:", r"no history\u{1b}[2J start with --analytics-backend jsonl"]);
        }
    }
}

#[test]
fn an_ollama_is_no_tap_and_the_next_address_is_tried() {
    let ollama = FakeOllama::always(reply("404 Not Found", &["Content-Type: text/plain"], "404 page not found"));
    let (_, stderr) = ends(ask(&ollama, &["stats"]), 1);
    says(&stderr, &[&format!("no tap answers at {}", ollama.addr)]);
    let nowhere = Options::bare(&["search", "x"]).env("OLLAMA_TAP_LISTEN", &ollama.addr.to_string());
    says(&ends(nowhere, 1).1, &["ollama_analytics"]);
}

#[test]
fn a_named_directory_is_read_and_no_tap_is_asked() {
    let tap = tap_of(Vec::new());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    for words in [&["stats"][..], &["search", "x"], &["export"], &["purge", "--all"]] {
        let (_, stderr) = ends(ask(&tap, words).args(&["--analytics-dir", path]), 1);
        says(&stderr, &["nothing to read", path]);
        let (_, stderr) = ends(ask(&tap, words).args(&["--analytics-dir", "missing", "--analytics-backend", "sqlite"]), 1);
        says(&stderr, &["nothing to read: missing holds no sqlite history"]);
    }
    assert!(tap.so_far().is_empty());
    assert_eq!(fs::read_dir(path).unwrap().count(), 0, "a question leaves nothing behind");
}

#[test]
fn all_bad_values_are_reported_at_once() {
    let options = Options::bare(&["search", "--limit", "0", "--status", "well", "--end", "soon", "--listen", "a b", "--token", "a b"]);
    let (_, stderr) = ends(options.env("ANALYTICS_BACKEND", "tape"), 2);
    for name in ["--limit", "--status", "--end", "--listen", "--token", "ANALYTICS_BACKEND"] {
        assert!(stderr.lines().any(|line| line.starts_with(&format!("ollama-tap: bad value for {name}: "))), "{name}: {stderr}");
    }
    says(&ends(Options::bare(&["stats", "--hours", "-1"]), 2).1, &["--hours"]);
    says(&ends(Options::bare(&["export", "--format", "xml"]), 2).1, &["json, csv or jsonl"]);
    says(&ends(Options::bare(&["stats", "stray"]), 2).1, &["stray", "`ollama-tap stats --help`"]);
}
