//! The harness: the real executable between a scripted stand-in for Ollama and a client that speaks raw bytes.

pub mod client;
pub mod dns;
pub mod expected;
pub mod http;
pub mod latch;
pub mod log;
#[allow(dead_code)] // the store's own tests use more of it
pub mod loki;
pub mod memory;
pub mod ollama;
pub mod options;
pub mod proc;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod recording;
pub mod replay;
pub mod runner;
pub mod sample;
pub mod scrape;
pub mod skips;
pub mod slow_readers;
#[cfg(unix)]
pub mod terminal;
pub mod tls;
pub mod tools;
pub mod vanish;
#[cfg(target_os = "linux")]
pub mod yaml;

pub use client::{Client, Reply, post, request};
pub use http::{TIMEOUT, chunk};
pub use latch::Latch;
pub use loki::FakeLoki;
pub use memory::Memory;
pub use ollama::{AfterReply, Conn, FakeOllama, ReceivedRequest};
pub use options::Options;
pub use process::{SIGINT, SIGKILL, SIGTERM};
pub use prometheus::Prometheus;
pub use proxy::Proxy;
pub use runner::{skip_on_windows, skip_under_wine};
pub use scrape::{Scrape, metric};
pub use skips::{require, skip};
pub use tools::{is_there, require_python, require_tool, runs};

use std::path::Path;
use std::time::{Duration, Instant};

use ollama::{STREAM_HEAD, done, token};

/// The archives in the directory that `OLLAMA_TAP_TEST_RELEASE` names, as packaging/release.sh leaves them; none without it.
#[cfg(unix)]
pub fn released() -> Vec<std::path::PathBuf> {
    let Some(directory) = std::env::var_os("OLLAMA_TAP_TEST_RELEASE") else {
        require("a release (OLLAMA_TAP_TEST_RELEASE)", false);
        return Vec::new();
    };
    let entries = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("list {}: {error}", directory.display()));
    let files = entries.map(|entry| entry.expect("an entry").path());
    let archives: Vec<std::path::PathBuf> = files
        .filter(|path| text(path).ends_with(".tar.gz"))
        .collect();
    assert!(
        !archives.is_empty(),
        "no archive in {}",
        directory.display()
    );
    archives
}

/// A path as commands and variables take it.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Asks again until it is so, and fails with `what` after `TIMEOUT`.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + runner::within(TIMEOUT);
    while !is_so() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs it to its end, which must have this exit code: stdout and stderr.
pub fn run_expecting(options: Options, code: i32) -> (String, String) {
    let (exit, stdout, stderr) = options.run();
    assert_eq!(exit, code, "{stdout}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    (stdout, stderr)
}

/// Runs it to its end, which must have this exit code: stderr.
pub fn stderr_expecting(options: Options, code: i32) -> String {
    run_expecting(options, code).1
}

/// Fails unless the text contains each of these.
pub fn assert_contains(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

/// The executable in front of a stand-in that gives every request this reply.
pub fn tap_answering(reply: impl AsRef<[u8]> + Send + Sync + 'static) -> (FakeOllama, Proxy) {
    let ollama = FakeOllama::always(reply);
    let tap = Proxy::start(&ollama);
    (ollama, tap)
}

/// A stand-in whose streams wait for the latch after their first token.
pub fn latched_ollama(latch: &Latch) -> FakeOllama {
    let latch = latch.clone();
    FakeOllama::start(move |conn| {
        conn.body()?;
        conn.write([STREAM_HEAD.as_bytes(), &token("a")].concat())?;
        latch.wait();
        conn.write(done(3, 2))?;
        Ok(AfterReply::KeepAlive)
    })
}
