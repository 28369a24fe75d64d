//! Clocks that jumped: what they make look too old is kept a day, and what they left in the future is nobody's newest.

use std::fs;

use serde_json::{Value, json};

use super::old::{Seed, days_ago};
use super::{LOCAL, REPLY, TestHistory, page, prompts, talk, wait_for_records};
use crate::harness::{FakeOllama, Proxy, eventually, metric};

const NOTE: &str = ".expiry";

/// A history in which each of these prompts is so many days old.
fn filled(backend: &str, seed: &[(&str, f64)]) -> TestHistory {
    let history = TestHistory::new(backend);
    for (prompt, days) in seed.iter() {
        Seed::new(prompt, days_ago(*days)).write(backend, &history.history())
    }
    history
}

fn start(history: &TestHistory, args: &[&str]) -> (FakeOllama, Proxy) {
    let ollama = FakeOllama::always(crate::harness::ollama::json(REPLY));
    let tap = history
        .options(&ollama)
        .args(args)
        .env("OLLAMA_TAP_TEST_RETENTION_MS", "20")
        .start();
    (ollama, tap)
}

fn is_held(tap: &Proxy, held: f64) {
    tap.scrape_until("the gauge", |scrape| {
        metric("ollama_tap_analytics_expiry_held").sum(scrape) == held
    });
}

fn holds(tap: &Proxy, expected: &[&str]) {
    eventually(&format!("the history holds {expected:?}"), || {
        prompts(&page(tap, "/analytics/export")) == expected
    });
}

fn note(history: &TestHistory) -> Value {
    serde_json::from_slice(&fs::read(history.history().join(NOTE)).expect("the note"))
        .expect("JSON")
}

/// Writes a note in which a clean-up was first held so many days ago.
fn held(history: &TestHistory, days: f64) {
    fs::write(
        history.history().join(NOTE),
        json!({ "held_since": days_ago(days) }).to_string(),
    )
    .expect("write the note");
}

#[test]
fn a_start_that_would_delete_everything_is_held_and_noted() {
    for backend in LOCAL {
        let history = filled(backend, &[("older", 400.0), ("old", 390.0)]);
        let (_ollama, tap) = start(&history, &[]);
        assert!(tap.wait_log("jump of the clock").contains("purge"));
        is_held(&tap, 1.0);
        talk(&tap, "new");
        wait_for_records(&tap, 3);
        is_held(&tap, 1.0);
        holds(&tap, &["older", "old", "new"]);
        assert!(
            note(&history)["held_since"]
                .as_f64()
                .is_some_and(|since| (days_ago(0.0) - since).abs() < 600.0)
        );
        assert_eq!(
            tap.log().matches("jump of the clock").count(),
            1,
            "it is told once"
        );
    }
}

#[test]
fn a_day_after_it_was_first_held_it_goes() {
    for backend in LOCAL {
        for (days, goes) in [(0.9, false), (1.1, true), (-300.0, false)] {
            let history = filled(backend, &[("older", 40.0), ("old", 30.0)]);
            held(&history, days);
            let (_ollama, tap) = start(&history, &[]);
            is_held(&tap, if goes { 0.0 } else { 1.0 });
            holds(&tap, if goes { &[] } else { &["older", "old"] });
            if goes {
                eventually("the note goes", || note(&history)["held_since"].is_null());
            }
            let since = note(&history)["held_since"].as_f64().unwrap_or_default();
            assert!(
                goes || days < 0.0 || (since - days_ago(days)).abs() < 600.0,
                "{days}: it was renewed"
            );
        }
    }
}

#[test]
fn an_intended_deletion_is_not_held() {
    for backend in LOCAL {
        let history = filled(backend, &[("older", 5.0), ("old", 4.0)]);
        let (ollama, tap) = start(&history, &[]);
        eventually("the days are noted", || {
            history.history().join(NOTE).exists() && note(&history)["retention_days"] == 7
        });
        holds(&tap, &["older", "old"]);
        drop((tap, ollama));
        let (_ollama, tap) = start(&history, &["--retention-days", "1"]);
        holds(&tap, &[]);
        is_held(&tap, 0.0);
    }
}

#[test]
fn a_record_of_the_future_is_on_top_of_nothing_and_goes_with_time() {
    for backend in LOCAL {
        let history = filled(backend, &[("yesterday", 1.0), ("next year", -365.0)]);
        let (ollama, tap) = start(&history, &[]);
        talk(&tap, "now");
        wait_for_records(&tap, 3);
        for target in ["/analytics/search", "/analytics/messages"] {
            let found = page(&tap, target);
            let ids = found.as_array().expect("an array").len();
            assert!(
                ids == 2 && found[0]["model"] == "talk",
                "{backend} {target}: {found}"
            );
        }
        assert_eq!(
            prompts(&page(
                &tap,
                &format!("/analytics/search?end_time={}", days_ago(-400.0))
            ))[0],
            "next year"
        );
        assert!(
            page(&tap, "/analytics/stats")["newest"]
                .as_f64()
                .is_some_and(|newest| newest <= days_ago(-0.1)),
            "{backend}"
        );
        assert_eq!(
            page(&tap, "/analytics/stats/enhanced?hours=100")["totals"]["requests"],
            2
        );
        holds(&tap, &["yesterday", "now", "next year"]);
        eventually("it is noticed", || {
            note(&history)["future_since"].is_number()
        });
        drop((tap, ollama));
        let mut noted = note(&history);
        noted["future_since"] = days_ago(7.1).into();
        fs::write(history.history().join(NOTE), noted.to_string()).expect("write the note");
        let (_ollama, tap) = start(&history, &[]);
        holds(&tap, &["yesterday", "now"]);
    }
}
