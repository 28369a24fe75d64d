//! Histories of before the tap, as its forerunner wrote them: opened, carried over, and shown beside new records.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Local};
use flate2::Compression;
use flate2::write::GzEncoder;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::kept::lines;
use super::{LOCAL, REPLY, TestHistory, page, prompts, talk, wait_for_records};
use crate::harness::FakeOllama;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS interactions (
    interaction_id TEXT PRIMARY KEY, timestamp REAL, model TEXT, endpoint TEXT, prompt_category TEXT, prompt_full TEXT,
    prompt_tokens INTEGER, generated_tokens INTEGER, tokens_per_second REAL, duration_seconds REAL, eval_duration_seconds REAL,
    load_duration_seconds REAL, status TEXT, error TEXT, metadata TEXT);
    CREATE INDEX IF NOT EXISTS idx_timestamp ON interactions (timestamp);";

/// Its columns, which a tap fills too; the table above is the tap's once it was carried over.
const INSERTION: &str = "INSERT INTO interactions (interaction_id, timestamp, model, endpoint, prompt_category, prompt_full,
    prompt_tokens, generated_tokens, tokens_per_second, duration_seconds, eval_duration_seconds, load_duration_seconds, status, error,
    metadata) VALUES (?1, ?2, ?5, 'api/chat', 'question', ?3, 12, 34, 17.0, 2.5, 2.0, 0.25, 'success', NULL, ?4)";

const METADATA: &str = r#"{"client_ip": "192.0.2.7", "user_agent": "python-httpx/0.27"}"#;

/// One record of the forerunner.
pub struct Seed {
    id: String,
    timestamp: f64,
    prompt: String,
    model: String,
    findings: Value,
    /// Further fields; in day files alone.
    fields: Value,
}

impl Seed {
    pub fn new(prompt: &str, timestamp: f64) -> Seed {
        Seed {
            id: format!("{:016x}", timestamp.to_bits()),
            timestamp,
            prompt: prompt.to_owned(),
            model: "phi4".to_owned(),
            findings: Value::Null,
            fields: json!({}),
        }
    }

    /// The same, of another model.
    pub fn of(mut self, model: &str) -> Seed {
        self.model = model.to_owned();
        self
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same, with what the tap found of it.
    pub fn with_findings(mut self, findings: Value) -> Seed {
        self.findings = findings;
        self
    }

    /// The same, with these fields of a day file too.
    pub fn with_fields(mut self, fields: Value) -> Seed {
        self.fields = fields;
        self
    }

    /// Writes it as the forerunner would.
    pub fn write(&self, backend: &str, dir: &Path) {
        fs::create_dir_all(dir).expect("make the directory");
        if backend == "sqlite" {
            self.insert(dir)
        } else {
            append_lines(&self.day_file(dir), &[self.line()])
        }
    }

    fn insert(&self, dir: &Path) {
        let database =
            Connection::open(dir.join("ollama_analytics.db")).expect("open the database");
        database.busy_timeout(Duration::from_secs(5)).expect("wait");
        database.execute_batch(TABLE).expect("make the table");
        let id = &self.id;
        let values = (id, self.timestamp, &self.prompt, METADATA, &self.model);
        database.execute(INSERTION, values).expect("insert");
        if !self.findings.is_null() {
            database
                .execute_batch("ALTER TABLE interactions ADD COLUMN findings TEXT")
                .expect("add the column");
            let values = (self.findings.to_string(), &self.id);
            let sql = "UPDATE interactions SET findings = ?1 WHERE interaction_id = ?2";
            database.execute(sql, values).expect("update");
        }
    }

    fn day_file(&self, dir: &Path) -> PathBuf {
        dir.join(format!("ollama_{}.jsonl.gz", date(self.timestamp)))
    }

    /// Its line in a day file.
    fn line(&self) -> Value {
        let metadata: Value = serde_json::from_str(METADATA).expect("JSON");
        let mut line = json!({
            "interaction_id": self.id, "timestamp": self.timestamp, "model": self.model, "endpoint": "api/chat", "prompt_category": "question",
            "prompt_full": self.prompt, "prompt_preview": self.prompt, "prompt_tokens": 12, "generated_tokens": 34,
            "tokens_per_second": 17.0, "duration": 2.5, "eval_duration": 2.0, "load_duration": 0.25, "status": "success", "error": null,
            "metadata": metadata,
        });
        for (name, value) in self.fields.as_object().expect("an object") {
            line[name] = value.clone();
        }
        if !self.findings.is_null() {
            line["findings"] = self.findings.clone();
        }
        line
    }
}

/// Writes many records, the oldest first, into the day files.
pub fn write_days(seeds: &[Seed], dir: &Path) {
    fs::create_dir_all(dir).expect("make the directory");
    for day in seeds.chunk_by(|a, b| date(a.timestamp) == date(b.timestamp)) {
        let lines: Vec<Value> = day.iter().map(Seed::line).collect();
        append_lines(&day[0].day_file(dir), &lines);
    }
}

fn append_lines(path: &Path, lines: &[Value]) {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .expect("open the day");
    let mut gzip = GzEncoder::new(file, Compression::default());
    for line in lines {
        writeln!(gzip, "{line}").expect("write");
    }
    gzip.finish().expect("write");
}

/// The local date of a moment, as day files have it.
fn date(timestamp: f64) -> String {
    let moment = DateTime::from_timestamp(timestamp as i64, 0).expect("a moment");
    moment.with_timezone(&Local).format("%Y%m%d").to_string()
}

/// Unix seconds.
pub fn days_ago(days: f64) -> f64 {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs_f64();
    now - days * 86_400.0
}

#[test]
fn old_records_are_shown_beside_new_ones_everywhere() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        for (prompt, hours) in [
            ("Why, \"old\" one?\nSecond line", 30.0),
            ("Noch älter: Größe, 空は青い", 50.0),
            ("just before", 0.01),
        ] {
            Seed::new(prompt, days_ago(hours / 24.0)).write(backend, &history.history());
        }
        let ollama = FakeOllama::always(crate::harness::ollama::json(REPLY));
        let tap = history.start(&ollama);
        talk(&tap, "new");
        wait_for_records(&tap, 4);
        let all = [
            "Noch älter: Größe, 空は青い",
            "Why, \"old\" one?\nSecond line",
            "just before",
            "new",
        ];
        let exported = page(&tap, "/analytics/export");
        assert_eq!(prompts(&exported), all);
        assert_eq!(
            lines(&tap.get("/analytics/export?format=jsonl").text()),
            *exported.as_array().unwrap()
        );
        let newest_first: Vec<&str> = all.into_iter().rev().collect();
        assert_eq!(prompts(&page(&tap, "/analytics/search")), newest_first);
        assert_eq!(
            prompts(&page(&tap, "/analytics/search?prompt_search=GR%C3%96SSE")),
            [] as [&str; 0],
            "ß is no SS"
        );
        assert_eq!(
            prompts(&page(
                &tap,
                "/analytics/search?prompt_search=GR%C3%96%C3%9FE&model=phi4"
            )),
            all[..1]
        );
        let old = &exported[1];
        as_it_was_written(old);
        let id = old["interaction_id"].as_str().unwrap();
        assert_eq!(&page(&tap, &format!("/analytics/messages/{id}")), old);
        let listed = page(&tap, "/analytics/messages?model=phi4");
        assert_eq!(listed.as_array().unwrap().len(), 3);
        assert_eq!(listed[1]["prompt_preview"], all[1]);
        let stats = page(&tap, "/analytics/stats/enhanced?hours=100");
        assert_eq!(
            (
                &stats["totals"]["requests"],
                &stats["totals"]["generated_tokens"]
            ),
            (&4.into(), &(3 * 34 + 5).into())
        );
        assert_eq!(
            (
                &stats["by_model"][0]["name"],
                &stats["by_model"][0]["duration_seconds"]["p50"]
            ),
            (&"phi4".into(), &2.5.into())
        );
        let (code, stdout, stderr) = history.ask(&["export", "--format", "jsonl"]);
        assert_eq!(
            (code, lines(&stdout)),
            (0, exported.as_array().unwrap().clone()),
            "{stderr}"
        );
    }
}

fn as_it_was_written(old: &Value) {
    let durations = [
        &old["duration_seconds"],
        &old["eval_duration_seconds"],
        &old["load_duration_seconds"],
    ];
    assert_eq!(durations, [&json!(2.5), &json!(2.0), &json!(0.25)]);
    assert_eq!(
        (
            &old["prompt_tokens"],
            &old["tokens_per_second"],
            &old["status"]
        ),
        (&json!(12), &json!(17.0), &json!("success"))
    );
    assert_eq!(
        old["metadata"],
        serde_json::from_str::<Value>(METADATA).unwrap()
    );
    assert!(
        old["response_full"].is_null() && old["http_status"].is_null(),
        "what was not kept is unknown: {old}"
    );
}

#[test]
fn unreadable_lines_are_skipped_and_counted() {
    let history = TestHistory::new("jsonl");
    let yesterday = days_ago(1.0);
    Seed::new("good", yesterday).write("jsonl", &history.history());
    let path = history
        .history()
        .join(format!("ollama_{}.jsonl.gz", date(yesterday)));
    let mut gzip = GzEncoder::new(
        OpenOptions::new().append(true).open(&path).expect("open"),
        Compression::default(),
    );
    gzip.write_all(b"no JSON at all\n{\"interaction_id\": 7}\n\n")
        .expect("write");
    gzip.finish().expect("write");
    Seed::new("good too", yesterday + 1.0).write("jsonl", &history.history());
    let ollama = FakeOllama::always(crate::harness::ollama::json(REPLY));
    let tap = history.start(&ollama);
    assert_eq!(
        prompts(&page(&tap, "/analytics/export")),
        ["good", "good too"]
    );
    tap.wait_log("cannot be read");
    assert!(
        File::open(&path).is_ok(),
        "what cannot be read stays where it is"
    );
}

#[test]
fn a_line_that_begins_with_a_byte_order_mark_is_read() {
    let history = TestHistory::new("jsonl");
    let (first, second) = (days_ago(1.0), days_ago(1.0) + 1.0);
    fs::create_dir_all(history.history()).expect("make the directory");
    let path = history
        .history()
        .join(format!("ollama_{}.jsonl.gz", date(first)));
    let mut gzip = GzEncoder::new(
        File::create(path).expect("make the day"),
        Compression::default(),
    );
    for (id, time, mark) in [("a", first, "\u{feff}"), ("b", second, "")] {
        let line = json!({ "interaction_id": id, "timestamp": time, "prompt_full": id, "model": "phi4", "status": "success" });
        write!(gzip, "{mark}{line}\r\n").expect("write");
    }
    gzip.finish().expect("write");
    let tap = history.start(&FakeOllama::always(crate::harness::ollama::json(REPLY)));
    assert_eq!(prompts(&page(&tap, "/analytics/export")), ["a", "b"]);
    assert_eq!(prompts(&page(&tap, "/analytics/search")), ["b", "a"]);
    assert_eq!(page(&tap, "/analytics/stats")["records"], 2);
    assert!(!tap.log().contains("cannot be read"), "{}", tap.log());
}

#[test]
fn the_terminal_reports_how_many_lines_are_unreadable() {
    let history = TestHistory::new("jsonl");
    Seed::new("fine", days_ago(0.01)).write("jsonl", &history.history());
    let day = super::files(&history.history()).pop().expect("a day");
    let mut gzip = GzEncoder::new(
        OpenOptions::new().append(true).open(day).expect("open it"),
        Compression::default(),
    );
    let lines = format!(
        "no record\n{{\"timestamp\": NaN}}\n{{\"timestamp\": {}}}\n",
        days_ago(0.01)
    );
    gzip.write_all(lines.as_bytes())
        .and_then(|()| gzip.finish())
        .expect("append");
    for words in [["export"], ["search"], ["stats"]] {
        let (code, stdout, stderr) = history.ask(&words);
        assert!(
            code == 0 && !stdout.is_empty(),
            "{words:?}: {code} {stderr}"
        );
        assert!(
            stderr.contains("left out 2 lines of "),
            "{words:?}: {stderr}"
        );
    }
}
