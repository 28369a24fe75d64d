//! What was found of many requests, and of one: from the page, and from the terminal with a tap and without one.

use serde_json::{Value, json};

use super::old::{Seed, days_ago};
use super::{LOCAL, TestHistory, page};
use crate::harness::{FakeOllama, Options, Proxy, assert_contains};

const SENTENCE: &str = "half of the prompt was cut";
const WAY_OUT: &str = "set num_ctx to 8192";

/// A history with a request whose prompt was cut, and an older one that was answered well.
struct Seeded {
    history: TestHistory,
    cut: String,
    _ollama: FakeOllama,
    tap: Proxy,
}

impl Seeded {
    fn new(backend: &str) -> Seeded {
        let history = TestHistory::new(backend);
        let findings = json!([{
            "kind": "context_cut", "certainty": "sure", "cause": "middle", "sentence": SENTENCE, "way_out": WAY_OUT
        }]);
        let whole = Seed::new("whole", days_ago(0.2));
        let cut = Seed::new("cut", days_ago(0.1)).with_findings(findings);
        for seed in [&whole, &cut] {
            seed.write(backend, &history.history());
        }
        let ollama = FakeOllama::always(crate::harness::ollama::json("{}"));
        let tap = history.start(&ollama);
        Seeded {
            history,
            cut: cut.id().to_owned(),
            _ollama: ollama,
            tap,
        }
    }

    /// Asks the running tap on the terminal: exit code, stdout, stderr.
    fn ask_tap(&self, words: &[&str]) -> (i32, String, String) {
        let addr = self.tap.addr.to_string();
        Options::bare(words).args(&["--listen", &addr]).run()
    }
}

#[test]
fn the_page_groups_the_findings_of_the_records_that_are_asked_for() {
    for backend in LOCAL {
        let seeded = Seeded::new(backend);
        let why = page(&seeded.tap, "/analytics/why");
        let length = why["end_time"].as_f64().unwrap() - why["start_time"].as_f64().unwrap();
        assert!((length - 86_400.0).abs() < 1.0, "{backend}: {why}");
        assert_eq!(why["requests"], 2, "{backend}");
        let findings = why["findings"].as_array().unwrap();
        assert_eq!(findings.len(), 1, "{backend}: {why}");
        for (field, value) in [
            ("kind", json!("context_cut")),
            ("cause", json!("middle")),
            ("certainty", json!("sure")),
            ("sentence", json!(SENTENCE)),
            ("way_out", json!(WAY_OUT)),
            ("model", json!("phi4")),
            ("clients", json!(["python-httpx/0.27 at 192.0.2.7"])),
            ("requests", json!(1)),
            ("examples", json!([seeded.cut])),
        ] {
            assert_eq!(findings[0][field], value, "{backend}: {field}");
        }
        for (filters, requests, findings) in [
            ("hours=1", 0, 0),
            ("hours=3", 1, 1),
            ("start_time=0&model=PHI4:latest", 2, 1),
            ("model=other", 0, 0),
            ("finding=waited", 2, 0),
            ("prompt_search=cut", 1, 1),
            ("prompt_search=whole", 1, 0),
        ] {
            let why = page(&seeded.tap, &format!("/analytics/why?{filters}"));
            let count = why["findings"].as_array().unwrap().len();
            assert_eq!(why["requests"], requests, "{backend}: {filters}");
            assert_eq!(count, findings, "{backend}: {filters}");
        }
    }
}

#[test]
fn records_are_found_by_their_findings() {
    for backend in LOCAL {
        let seeded = Seeded::new(backend);
        for list in ["search", "messages", "export"] {
            for (filter, expected) in [("context_cut:sure", 1), ("any", 1), ("waited", 0)] {
                let found = page(&seeded.tap, &format!("/analytics/{list}?finding={filter}"));
                let ids: Vec<&Value> = found
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|record| &record["interaction_id"])
                    .collect();
                assert_eq!(
                    ids,
                    vec![&seeded.cut; expected],
                    "{backend}: {list} {filter}"
                );
            }
        }
    }
}

#[test]
fn the_terminal_tells_the_findings_whether_a_tap_is_asked_or_the_files() {
    for backend in LOCAL {
        let seeded = Seeded::new(backend);
        let history = &seeded.history;
        for (code, stdout, stderr) in [seeded.ask_tap(&["why"]), history.ask(&["why"])] {
            assert_eq!(code, 0, "{backend}: {stderr}");
            let hit = "1 request of python-httpx/0.27 at 192.0.2.7, the last of ";
            let look = format!("look at one: ollama-tap why {}\n", seeded.cut);
            let first = format!("\n1. {SENTENCE} (sure)\n   -> {WAY_OUT}\n");
            assert_contains(&stdout, &["2 requests from ", &first, hit, &look]);
        }
        let (code, stdout, _) = history.ask(&["why", "--json"]);
        let answer: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((code, &answer["requests"]), (0, &json!(2)), "{backend}");
        let on_page = page(&seeded.tap, "/analytics/why");
        assert_eq!(answer["findings"], on_page["findings"], "{backend}");
        let (code, stdout, _) = history.ask(&["why", "--hours", "1"]);
        assert_eq!(code, 0, "{backend}");
        assert_contains(&stdout, &["0 requests from ", "nothing was found"]);
        let (_, stdout, _) = history.ask(&["stats"]);
        assert!(
            stdout.ends_with("\n1 finding: ollama-tap why\n"),
            "{stdout}"
        );
    }
}

#[test]
fn one_request_is_told_from_its_parts_and_an_unknown_one_is_an_error() {
    for backend in LOCAL {
        let seeded = Seeded::new(backend);
        let (words, unknown) = (["why", &seeded.cut], ["why", "nobody"]);
        for (code, stdout, stderr) in [seeded.ask_tap(&words), seeded.history.ask(&words)] {
            assert_eq!(code, 0, "{backend}: {stderr}");
            let first = format!("\n1. {SENTENCE} (sure)\n   -> {WAY_OUT}\n");
            assert_contains(
                &stdout,
                &[&seeded.cut, "phi4 at api/chat", "2.50 s", &first],
            );
        }
        for (code, stdout, stderr) in [seeded.ask_tap(&unknown), seeded.history.ask(&unknown)] {
            assert_eq!((code, stdout.as_str()), (1, ""), "{backend}");
            assert_contains(&stderr, &["no record has the id nobody"]);
        }
    }
}
