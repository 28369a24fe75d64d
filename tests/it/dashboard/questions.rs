//! More than a fortnight of two models, over which the page answers what people ask of it.

use serde_json::{Value, json};

use super::{browse, finding, has_browser, talkative};
use crate::history::TestHistory;
use crate::history::old::{Seed, days_ago, write_days};

const DAYS: u32 = 16;

/// Days for which both models have been slower.
const SLOW_DAYS: u32 = 7;

/// Seconds of a slot of the page's shortest days.
const SLOT: f64 = 900.0;

#[test]
fn each_of_the_twelve_questions_takes_two_clicks_at_most() {
    if !has_browser() {
        return;
    }
    let history = TestHistory::new("jsonl");
    write_days(&fortnight(), &history.history());
    let ollama = talkative();
    let tap = history
        .options(&ollama)
        .args(&["--retention-days", "0"])
        .start();
    browse("questions.py", &[&tap]);
}

/// All requests, the oldest first. Those of a day are in one slot, so that a click on its column finds them all.
fn fortnight() -> Vec<Seed> {
    let mut seeds: Vec<Seed> = (0..DAYS).rev().flat_map(day).collect();
    let mut last = start_of(0) + 600.0;
    let mut add = |prompt: &str, model: &str, fields: Value| {
        last += 1.0;
        seeds.push(Seed::new(prompt, last).of(model).with_fields(fields));
    };
    add(
        "What is a zebrafish?",
        "quick",
        json!({"client": "glutton", "generated_tokens": 90_000}),
    );
    add(
        "Why?",
        "nope",
        json!({"status": "error", "error": "model 'nope' not found", "generated_tokens": null, "tokens_per_second": null}),
    );
    for _ in 0..2 {
        let load =
            json!({"queue": 0.0, "load": 7.0, "prompt": 0.2, "generation": 1.0, "other": 0.0});
        add(
            "Why?",
            "slow",
            json!({"reload_cause": "room", "load_duration": 7.0, "time_spent": load}),
        );
    }
    let cut = "slow saw only 4,096 of 9,812 tokens";
    let cut = json!([finding("context_cut", "messages", "sure", cut)]);
    seeds.push(Seed::new("cut", last + 1.0).of("slow").with_findings(cut));
    seeds
}

/// The requests of one day, most of them to the quick model; of this day there are many.
fn day(ago: u32) -> impl Iterator<Item = Seed> {
    let slow = if ago == 0 { 40 } else { 4 };
    let share = if ago < SLOW_DAYS { 0.75 } else { 1.0 };
    (0..4 * slow).map(move |n| {
        let is_slow = n % 4 == 0;
        let (model, speed) = if is_slow { ("slow", 20.0) } else { ("quick", 80.0) };
        let speed = speed * share;
        let fields = json!({
            "client": "chat", "tokens_per_second": speed, "duration": 34.0 / speed, "time_to_first_token_seconds": 0.2,
            "response_preview": "It is blue.", "response_full": "It is blue.",
        });
        Seed::new("Why is the sky blue?", start_of(ago) + f64::from(n))
            .of(model)
            .with_fields(fields)
    })
}

/// A moment in the first minutes of a slot, about half an hour ago and so many days.
fn start_of(ago: u32) -> f64 {
    let moment = days_ago(f64::from(ago)) - 1800.0;
    (moment / SLOT).floor() * SLOT + 60.0
}
