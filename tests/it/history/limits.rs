//! Limits of age and size: what is beyond them goes, oldest first, at the start and from time to time, and the log says so.

use std::fs;
use std::path::{Path, PathBuf};

use super::old::{Seed, days_ago};
use super::{LOCAL, REPLY, TestHistory, page, prompts, talk, wait_for_records};
use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Proxy, eventually};

/// Starts with a history in which each of these prompts is so many days old.
fn start(
    history: &TestHistory,
    backend: &str,
    seed: &[(&str, f64)],
    args: &[&str],
) -> (FakeOllama, Proxy) {
    let ollama = FakeOllama::always(json(REPLY));
    for (prompt, days) in seed {
        Seed::new(prompt, days_ago(*days)).write(backend, &history.history());
    }
    let options = history
        .options(&ollama)
        .args(args)
        .env("OLLAMA_TAP_TEST_RETENTION_MS", "20");
    (ollama, options.start())
}

fn holds(tap: &Proxy, expected: &[&str]) {
    eventually(&format!("the history holds {expected:?}"), || {
        prompts(&page(tap, "/analytics/export")) == expected
    });
}

#[test]
fn records_older_than_the_retention_are_deleted() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = start(
            &history,
            backend,
            &[("old", 9.0), ("older", 5.0), ("young", 1.0)],
            &["--retention-days", "3"],
        );
        holds(&tap, &["young"]);
        tap.wait_log("deleted ");
        Seed::new("arrived late", days_ago(8.0)).write(backend, &history.history());
        talk(&tap, "new");
        holds(&tap, &["young", "new"]);
    }
}

#[test]
fn records_of_another_backend_in_the_directory_expire_too() {
    for (old, new) in [("jsonl", "sqlite"), ("sqlite", "jsonl")] {
        let history = TestHistory::new(new);
        let (ollama, tap) = start(
            &history,
            old,
            &[("old", 9.0), ("young", 1.0)],
            &["--retention-days", "3"],
        );
        tap.wait_log("of the oldest in what the backend");
        drop(tap);
        holds(
            &history
                .turned_to(old)
                .options(&ollama)
                .args(&["--retention-days", "0"])
                .start(),
            &["young"],
        );
    }
}

#[test]
fn nothing_is_deleted_without_a_limit() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = start(
            &history,
            backend,
            &[("ancient", 4000.0), ("old", 9.0)],
            &["--retention-days", "0"],
        );
        talk(&tap, "new");
        wait_for_records(&tap, 3);
        tap.scrape();
        holds(&tap, &["ancient", "old", "new"]);
        assert!(!tap.log().contains("deleted"), "{}", tap.log());
    }
}

#[test]
fn the_oldest_go_where_there_are_too_many() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let days: Vec<(String, f64)> = (0..6).map(|n| (bulky(n), 6.0 - f64::from(n))).collect();
        let seed: Vec<(&str, f64)> = days
            .iter()
            .map(|(prompt, days)| (prompt.as_str(), *days))
            .collect();
        let most = 400_000;
        let (_ollama, tap) = start(
            &history,
            backend,
            &seed,
            &["--analytics-max-bytes", &most.to_string()],
        );
        tap.wait_log("deleted ");
        eventually("the history is small enough", || {
            bytes(&history.history()) <= most
        });
        let left = page(&tap, "/analytics/export");
        let left = prompts(&left);
        assert!(
            !left.is_empty() && left.len() < 6,
            "{backend}: {} are left",
            left.len()
        );
        assert!(
            seed[6 - left.len()..]
                .iter()
                .zip(&left)
                .all(|((prompt, _), left)| prompt == left),
            "the newest stay"
        );
        talk(&tap, "new");
        eventually("the new one is there", || {
            prompts(&page(&tap, "/analytics/search?limit=1")) == ["new"]
        });
    }
}

/// Letters that take some 100 kB in a database and 75 kB compressed.
fn bulky(n: u32) -> String {
    let mut state = u64::from(n) + 0x9e37_79b9;
    let mut letter = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'0' + ((state >> 33) % 64) as u8)
    };
    (0..100_000).map(|_| letter()).collect()
}

/// Bytes of the history itself, without what SQLite keeps beside a database as long as it is open.
fn bytes(dir: &Path) -> u64 {
    let own = |path: &&PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "gz" || extension == "db")
    };
    super::files(dir)
        .iter()
        .filter(own)
        .map(|path| fs::metadata(path).map_or(0, |metadata| metadata.len()))
        .sum()
}
