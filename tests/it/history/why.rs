//! What was found of many requests, and of one: from the page, and from the terminal with a tap and without one.

use serde_json::{Value, json};

use super::old::{Seed, days_ago};
use super::{LOCAL, TestHistory, page};
use crate::harness::{FakeOllama, Options, Proxy, assert_contains, request};

const SENTENCE: &str = "half of the prompt was cut";
const WAY_OUT: &str = "set num_ctx to 8192";
const KEY: &str = "context_cut.middle.sure.phi4";

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
            let hide = format!("hide it: ollama-tap why --hide {KEY}\n");
            assert_contains(&stdout, &["2 requests from ", &first, hit, &look, &hide]);
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

/// Hides, or shows again: the status and the answer.
fn hide(tap: &Proxy, parameters: &str) -> (u16, Value) {
    let target = format!("/analytics/why/hide?{parameters}");
    let reply = tap.ask("POST", request("POST", &target, &[], ""));
    (reply.status(), reply.json())
}

#[test]
fn a_hidden_group_is_told_to_nobody_until_it_is_asked_for() {
    for backend in LOCAL {
        let seeded = Seeded::new(backend);
        let tap = &seeded.tap;
        let (status, report) = hide(tap, &format!("key={KEY}"));
        assert_eq!(status, 200, "{backend}: {report}");
        let until = report["hidden_until"].as_f64().unwrap();
        assert_eq!(
            (&report["key"], &report["hidden"]),
            (&json!(KEY), &json!(1))
        );
        let why = page(tap, "/analytics/why");
        let days = (until - why["end_time"].as_f64().unwrap()) / 86_400.0;
        assert!((days - 30.0).abs() < 0.01, "{backend}: {days}");
        assert_eq!((&why["findings"], &why["hidden"]), (&json!([]), &json!(1)));
        let all = page(tap, "/analytics/why?all=true");
        assert_eq!(
            all["findings"][0]["hidden_until"],
            json!(until),
            "{backend}"
        );
        assert_eq!(all["hidden"], 1, "{backend}");
        let (_, stdout, _) = seeded.history.ask(&["stats"]);
        assert!(!stdout.contains("finding"), "{backend}: {stdout}");
        let (status, report) = hide(tap, &format!("key={KEY}&days=0"));
        assert_eq!((status, &report["hidden_until"]), (200, &Value::Null));
        let why = page(tap, "/analytics/why");
        assert_eq!(why["findings"][0]["key"], KEY, "{backend}");
        assert_eq!(why["hidden"], 0, "{backend}");
    }
}

#[test]
fn what_cannot_be_hidden_is_refused_with_what_is_accepted() {
    let seeded = Seeded::new("jsonl");
    for (parameters, words) in [
        ("", ["key", "context_cut.middle.sure.llama3.2"]),
        ("key=x", ["`x`", "context_cut.middle.sure.llama3.2"]),
        ("key=waited.tap.sure.m&days=-1", ["days", "`-1`"]),
        ("key=waited.tap.sure.m&hours=1", ["hours", "key, days"]),
    ] {
        let (status, reply) = hide(&seeded.tap, parameters);
        assert_eq!(status, 400, "{parameters}");
        assert_contains(reply["error"].as_str().unwrap(), &words);
    }
}

#[test]
fn the_terminal_hides_through_a_tap_and_in_the_files_and_both_see_it() {
    for backend in LOCAL {
        let seeded = Seeded::new(backend);
        let words = ["why", "--hide", KEY, "--days", "3"];
        let again = ["why", "--hide", KEY, "--days", "0"];
        let history = &seeded.history;
        for is_through_tap in [true, false] {
            let ask = |words: &[&str]| match is_through_tap {
                true => seeded.ask_tap(words),
                false => history.ask(words),
            };
            let (code, stdout, stderr) = ask(&words);
            assert_eq!(code, 0, "{backend}: {stderr}");
            assert_contains(
                &stdout,
                &[&format!("{KEY} is hidden until "), "1 group hidden"],
            );
            for (code, stdout, _) in [seeded.ask_tap(&["why"]), history.ask(&["why"])] {
                assert_eq!(code, 0, "{backend}");
                assert!(!stdout.contains(SENTENCE), "{backend}: {stdout}");
                assert_contains(&stdout, &["\n1 more is hidden: ollama-tap why --all\n"]);
            }
            let (_, stdout, _) = ask(&["why", "--all"]);
            assert_contains(&stdout, &[SENTENCE, "hidden until "]);
            let (code, stdout, _) = ask(&again);
            assert_eq!((code, stdout), (0, format!("{KEY} is told again\n")));
            assert!(ask(&["why"]).1.contains(SENTENCE), "{backend}");
        }
        let (_, stdout, _) = history.ask(&["why", "--hide", "waited.tap.sure.nobody"]);
        assert_contains(&stdout, &["no finding has this key at present"]);
        let (code, _, stderr) = history.ask(&["why", "--hide", "nonsense"]);
        assert_eq!(code, 2, "{stderr}");
    }
}

#[test]
fn with_a_loki_the_hidden_groups_are_noted_where_its_leftovers_are() {
    let history = TestHistory::new("loki");
    let ollama = FakeOllama::always(crate::harness::ollama::json("{}"));
    let tap = history.start(&ollama);
    assert_eq!(hide(&tap, &format!("key={KEY}")).0, 200);
    let file = history.history().join(".hidden-findings");
    assert!(std::fs::read_to_string(file).unwrap().contains(KEY));
    assert_eq!(hide(&tap, &format!("key={KEY}&days=0")).1["hidden"], 0);
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
