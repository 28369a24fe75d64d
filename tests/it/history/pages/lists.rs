//! Lists: what is new, how many match, and what a page that stays open costs.

use std::fs;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::{error, filled};
use crate::harness::{Proxy, Reply, request};
use crate::history::{BACKENDS, LOCAL, TestHistory, files, page, prompts, talk, wait_for_records};

pub fn cursor(reply: &Reply) -> String {
    reply
        .head
        .get("ollama-tap-cursor")
        .expect("a cursor")
        .to_owned()
}

fn get_with(tap: &Proxy, target: &str, header: &str) -> Reply {
    tap.ask("GET", request("GET", target, &[header], ""))
}

fn if_none_match(known: &Reply) -> String {
    let etag = known.head.get("etag").expect("an ETag");
    format!("If-None-Match: {etag}")
}

#[test]
fn what_is_new_is_told_once_in_the_order_of_entering() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, &["first"]);
        let list = tap.get("/analytics/search");
        assert_eq!(prompts(&list.json()), ["first"]);
        let since =
            |cursor: &str, more: &str| tap.get(&format!("/analytics/search?since={cursor}{more}"));
        let nothing = since(&cursor(&list), "");
        assert_eq!(
            (nothing.text(), cursor(&nothing)),
            ("[]".into(), cursor(&list))
        );
        for (prompt, n) in ["second", "third", "fourth"].into_iter().zip(2..) {
            talk(&tap, prompt);
            wait_for_records(&tap, n);
        }
        let part = since(&cursor(&list), "&limit=2");
        assert_eq!(prompts(&part.json()), ["second", "third"], "{backend}");
        let rest = since(&cursor(&part), "");
        assert_eq!(prompts(&rest.json()), ["fourth"]);
        assert_eq!(since(&cursor(&rest), "").text(), "[]");
        let filtered = since(&cursor(&list), "&prompt_search=THIRD");
        assert_eq!(prompts(&filtered.json()), ["third"]);
        assert_eq!(
            prompts(&since(&cursor(&filtered), "").json()),
            ["fourth"],
            "after the last one that was told"
        );
        let brief = tap.get(&format!(
            "/analytics/messages?since={}&q=four",
            cursor(&list)
        ));
        assert!(brief.json()[0]["response_full"].is_null());
    }
}

#[test]
fn a_cursor_that_is_not_known_is_gone() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let (ollama, tap) = filled(&history, &["first", "second"]);
        let list = tap.get("/analytics/messages");
        let target = format!("/analytics/messages?since={}", cursor(&list));
        assert_eq!(tap.get(&target).status(), 200);
        for more in ["before=00ff", "sort=tokens"] {
            assert!(error(&tap, &format!("{target}&{more}"), 400).contains("nothing beside since"));
        }
        assert!(error(&tap, "/analytics/search?since=x", 410).contains("Ollama-Tap-Cursor"));
        let purge = request("DELETE", "/analytics/messages?all=true", &[], "");
        assert_eq!(tap.ask("DELETE", purge).status(), 200);
        assert!(error(&tap, &target, 410).contains("does not know what is new"));
        let known = cursor(&tap.get("/analytics/messages"));
        drop(tap);
        let tap = history.start(&ollama);
        error(&tap, &format!("/analytics/search?since={known}"), 410);
    }
}

#[test]
fn a_list_counts_its_matches_and_is_sorted_by_a_number() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, &["a sky", "b sky", "c"]);
        for (parameters, count) in [
            ("", "3"),
            ("&limit=1", "3"),
            ("&prompt_search=sky&limit=1", "2"),
            ("&q=no+such+text", "0"),
            ("&min_tokens=1000000", "0"),
        ] {
            let list = tap.get(&format!("/analytics/messages?count=true{parameters}"));
            let matches = list.head.get("ollama-tap-matches");
            assert_eq!(matches, Some(count), "{backend} {parameters}");
        }
        let sorted = tap.get("/analytics/search?sort=duration");
        let durations = |list: serde_json::Value| -> Vec<f64> {
            let records = list.as_array().unwrap().iter();
            records
                .map(|record| record["duration_seconds"].as_f64().unwrap())
                .collect()
        };
        if backend == "loki" {
            assert_eq!(sorted.status(), 400);
        } else {
            let durations = durations(sorted.json());
            assert!(durations.len() == 3 && durations.is_sorted_by(|one, other| one >= other));
        }
        assert_eq!(
            prompts(&page(&tap, "/analytics/search?sort=time")),
            ["c", "b sky", "a sky"]
        );
    }
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, &["first", "second"]);
        for target in [
            "/analytics/messages?limit=50",
            "/analytics/search",
            "/analytics/models",
            "/analytics",
        ] {
            let first = tap.get(target);
            let again = get_with(&tap, target, &if_none_match(&first));
            assert_eq!(
                (again.status(), again.text().len()),
                (304, 0),
                "{backend} {target}"
            );
            assert_eq!(
                first.head.get("ollama-tap-cursor"),
                again.head.get("ollama-tap-cursor")
            );
            assert_eq!(
                get_with(&tap, target, "If-None-Match: W/\"0\"").status(),
                200
            );
        }
        let target = "/analytics/search";
        let known = if_none_match(&tap.get(target));
        talk(&tap, "third");
        wait_for_records(&tap, 3);
        let changed = get_with(&tap, target, &known);
        assert_eq!(prompts(&changed.json()), ["third", "second", "first"]);
    }
}

#[test]
fn numbers_of_a_window_that_moves_on_are_the_same_within_a_slot() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, &["first"]);
        let now = page(&tap, "/analytics/active")["now"].as_f64().unwrap();
        // Two ways to ask for the last days; slots are days, one of which may end meanwhile.
        let target = |later: f64| {
            [
                "/analytics/stats/enhanced?hours=72&step=86400".to_owned(),
                format!(
                    "/analytics/stats/enhanced?step=86400&start_time={}",
                    now - 259_200.0 + later
                ),
            ]
        };
        for (one, other) in target(0.0).into_iter().zip(target(0.001)) {
            let is_known = || {
                let first = tap.get(&one);
                assert_eq!(first.status(), 200, "{}", first.text());
                get_with(&tap, &other, &if_none_match(&first)).status() == 304
            };
            assert!(is_known() || is_known(), "{backend} {one}");
            let first = tap.get(&one);
            for different in ["&model=other", "&tz=+05:30", "&compare=week"] {
                let different = format!("{other}{different}");
                let reply = get_with(&tap, &different, &if_none_match(&first));
                assert_eq!(reply.status(), 200, "{different}");
            }
        }
        let known = if_none_match(&tap.get(&target(0.0)[0]));
        talk(&tap, "second");
        wait_for_records(&tap, 2);
        let changed = get_with(&tap, &target(0.0)[0], &known);
        assert_eq!(
            changed.json()["totals"]["requests"],
            2,
            "{}",
            changed.text()
        );
    }
}

#[test]
fn long_answers_are_compressed_for_those_who_take_it() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, &["first", "second"]);
        for target in ["/analytics/messages", "/analytics/stats/enhanced"] {
            let plain = tap.get(target);
            assert_eq!(plain.head.get("content-encoding"), None);
            let packed = get_with(&tap, target, "Accept-Encoding: gzip");
            assert_eq!(
                packed.head.get("content-encoding"),
                Some("gzip"),
                "{target}"
            );
            assert_eq!(packed.head.get("vary"), Some("Accept-Encoding"));
            assert!(
                packed.body.len() < plain.body.len() / 2,
                "{backend} {target}"
            );
        }
        for target in ["/analytics/search", "/analytics/export"] {
            let head = tap.ask("HEAD", request("HEAD", target, &[], ""));
            let etag = tap.get(target).head.get("etag").map(str::to_owned);
            if backend != "loki" {
                assert_eq!(head.head.get("etag"), etag.as_deref(), "{target}");
            }
            assert!(etag.is_some(), "{target}");
        }
        let short = get_with(
            &tap,
            "/analytics/search?limit=1&q=none",
            "Accept-Encoding: gzip",
        );
        assert_eq!(short.text(), "[]");
    }
}

#[test]
fn one_message_is_deleted_by_its_id_and_others_by_filters() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let (_ollama, tap) = filled(&history, &["a secret", "b secret", "c", "d"]);
        let delete = |target: &str| tap.ask("DELETE", request("DELETE", target, &[], ""));
        let known = cursor(&tap.get("/analytics/messages"));
        let newest = page(&tap, "/analytics/messages?limit=1");
        let id = newest[0]["interaction_id"].as_str().unwrap();
        let short = page(&tap, &format!("/analytics/messages/{}", &id[..12]));
        assert_eq!(short["interaction_id"], id);
        assert_eq!(
            tap.get(&format!("/analytics/messages/{}", &id[..3]))
                .status(),
            404
        );
        assert_eq!(
            delete(&format!("/analytics/messages/{id}")).json()["deleted"],
            1
        );
        assert_eq!(delete(&format!("/analytics/messages/{id}")).status(), 404);
        error(&tap, &format!("/analytics/messages?since={known}"), 410);
        for refused in [
            "",
            "model=",
            "q=secret&model=",
            "nonsense=1",
            "q=secret&limit=1",
            "q=secret&sort=tokens",
            "q=secret&before=00ff",
            "q=secret&all=true",
            "before_time=1&q=secret",
        ] {
            let refused = delete(&format!("/analytics/messages?{refused}"));
            assert_eq!(refused.status(), 400, "{}", refused.text());
        }
        assert_eq!(delete("/analytics/messages?q=SECRET").json()["deleted"], 2);
        assert_eq!(prompts(&page(&tap, "/analytics/search")), ["c"]);
        for path in files(&history.history()) {
            let bytes = fs::read(&path).expect("a file");
            let mut plain = Vec::new();
            let _ = MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain);
            for text in [bytes, plain] {
                let is_there = text.windows(6).any(|part| part == b"secret");
                assert!(!is_there, "{}", path.display());
            }
        }
        assert_eq!(delete("/analytics/messages?q=SECRET").json()["deleted"], 0);
        talk(&tap, "after");
        wait_for_records(&tap, 2);
    }
}

#[test]
fn loki_says_that_it_deletes_by_itself() {
    let history = TestHistory::new("loki");
    let (_ollama, tap) = filled(&history, &["first"]);
    for target in [
        "/analytics/messages?q=first",
        "/analytics/messages?all=true",
    ] {
        let refused = tap.ask("DELETE", request("DELETE", target, &[], ""));
        assert_eq!(refused.status(), 501);
        assert!(refused.text().contains("retention_period"));
    }
}
