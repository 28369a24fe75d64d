//! The history as its users meet it: through the executable, on every backend, from pages, terminal and files.

/// The same numbers everywhere.
mod agree;
/// A real nginx in front, as people set one up.
mod behind_nginx;
/// Which conversation a request is of, and who asked.
mod conversations;
/// Killed under load, and told to stop under load.
mod crash;
/// A Loki that fails in the middle of an answer.
mod cut_off;
/// Disks that are full or read-only for a while.
mod disks;
/// Clocks that jumped.
mod expiry;
/// Directories, locks and Lokis that fail for a while.
mod failing;
/// Every recorded exchange comes back from search, messages, export and the terminal.
mod kept;
/// Limits of age and size.
mod limits;
/// Several taps and one Loki.
mod loki;
/// Answers that are long, and readers that do not read.
mod long;
/// Many records.
mod many;
/// One model, one name: in whatever spelling it comes, and in whatever spelling older taps have kept it.
mod names;
/// Histories of before the tap.
pub mod old;
/// The pages: parameters, formats, errors.
mod pages;
/// Histories that cannot be opened yet.
mod pending;
/// Access to the history, and texts that are never written.
mod private;
/// Recorded requests that Ollama cut, and others.
mod recorded_why;
/// One Loki at the size people have.
mod shared_loki;
/// Statistics: filters, zones, groups, causes.
mod statistics;
/// Texts that are hard to keep.
mod texts;
/// Messages of conversations: kept, joined, found and forgotten.
mod turns;
/// What was found of many requests, and of one.
mod why;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{FakeLoki, FakeOllama, Options, Proxy, eventually, post};

/// A backend with all it needs, alive as long as this.
pub struct TestHistory {
    pub dir: tempfile::TempDir,
    pub loki: FakeLoki,
    args: Vec<String>,
}

impl TestHistory {
    pub fn new(backend: &str) -> TestHistory {
        let (dir, loki) = (
            tempfile::tempdir().expect("a temporary directory"),
            FakeLoki::start(),
        );
        let history = dir.path().join("history");
        let (directory, url) = (history.to_str().expect("UTF-8"), loki.url());
        let args = [
            "--analytics-backend",
            backend,
            "--analytics-dir",
            directory,
            "--loki-url",
            &url,
        ];
        TestHistory {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            dir,
            loki,
        }
    }

    /// The same directory, for another backend from now on.
    pub fn turned_to(mut self, backend: &str) -> TestHistory {
        self.args[1] = backend.to_owned();
        self
    }

    /// The directory of the history.
    pub fn history(&self) -> PathBuf {
        self.dir.path().join("history")
    }

    /// The flags that lead to it.
    pub fn args(&self) -> Vec<&str> {
        self.args.iter().map(String::as_str).collect()
    }

    pub fn options(&self, ollama: &FakeOllama) -> Options {
        Options::to(ollama)
            .args(&self.args())
            .env("OLLAMA_TAP_TEST_FLUSH_MS", "5")
    }

    pub fn start(&self, ollama: &FakeOllama) -> Proxy {
        self.options(ollama).start()
    }

    /// Asks the history on the terminal: exit code, stdout, stderr.
    pub fn ask(&self, words: &[&str]) -> (i32, String, String) {
        Options::bare(words).args(&self.args()).run()
    }
}

/// The backends, as `--analytics-backend` names them.
pub const BACKENDS: [&str; 3] = ["jsonl", "sqlite", "loki"];

/// Those that keep files in a directory of ours.
pub const LOCAL: [&str; 2] = ["jsonl", "sqlite"];

/// A reply to /api/generate.
pub const REPLY: &str = r#"{"model":"talk","response":"Because.","done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":5,"eval_duration":1000000000,"total_duration":2000000000}"#;

/// Asks for something, and gets the whole answer.
pub fn talk(tap: &Proxy, prompt: &str) {
    assert_eq!(tap.ask("POST", asking(prompt)).status(), 200);
}

/// The bytes of a request with this prompt.
pub fn asking(prompt: &str) -> Vec<u8> {
    post(
        "/api/generate",
        &json!({"model": "talk", "prompt": prompt, "stream": false}).to_string(),
    )
}

/// The prompts of records, in their order.
pub fn prompts(found: &Value) -> Vec<&str> {
    found
        .as_array()
        .expect("an array")
        .iter()
        .map(|record| record["prompt_full"].as_str().expect("a prompt"))
        .collect()
}

/// A page of the history as JSON, once it is 200.
pub fn page(tap: &Proxy, target: &str) -> Value {
    let reply = tap.get(target);
    assert_eq!(reply.status(), 200, "{target}: {}", reply.text());
    reply.json()
}

/// Waits until so many records are in the history, and nothing is on its way.
pub fn wait_for_records(tap: &Proxy, records: u64) {
    eventually("the records are in the history", || {
        let stats = page(tap, "/analytics/stats");
        assert!(stats["records"].as_u64().unwrap() <= records, "{stats}");
        stats["records"] == records && stats["queue_size"] == 0
    });
}

/// The files of a directory, by name.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("the directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}
