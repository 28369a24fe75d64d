//! Prompts that were read anew, and healthy ones.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::diagnose::fingerprint::Printer;
use crate::diagnose::fingerprint::difference::ToolChange;
use crate::diagnose::fingerprint::excerpt::around;
use crate::diagnose::prompt::Keys;
use crate::diagnose::recordings::{
    at, body, broken_caches, endpoint, milliseconds, recordings, seen, span,
};
use crate::diagnose::seen::Loaded;
use crate::diagnose::session::{SessionHints, Sessions};
use crate::diagnose::tests::recorded::prompt;
use crate::http::route::Inference;

fn print_of(body: &Value, keys: &Keys) -> Fingerprint {
    let mut printer = Printer::new(keys);
    for tool in body["tools"].as_array().into_iter().flatten() {
        printer.text(&tool.to_string());
        printer.tool();
    }
    for message in body["messages"].as_array().into_iter().flatten() {
        printer.text(message["content"].as_str().unwrap());
        printer.message(MessageRole::of(message["role"].as_str().unwrap()));
    }
    if let Some(prompt) = body["prompt"].as_str() {
        printer.text(prompt);
        printer.message(MessageRole::User);
    }
    printer.end()
}

fn request(step: &Value, model: &str, context: u64) -> Seen {
    let route = endpoint(step["endpoint"].as_str().unwrap());
    let mut seen = seen(step["file"].as_str().unwrap(), route, model, at(0.0));
    seen.loaded = Some(Loaded {
        context_length: Some(context),
        ..Loaded::default()
    });
    seen.reply.status = Some(200);
    seen.reply.prompt_tokens = step["prompt_tokens"].as_u64();
    seen.reply.cached_tokens = step["cached_tokens"].as_u64();
    seen.times.prompt = milliseconds(&step["reply"]["prompt_eval_ms"]);
    seen
}

/// What is told of a recorded sequence, each with its step.
fn play(sequence: &Value) -> Vec<(u64, Broken)> {
    let (mut caches, mut sessions, keys) = (Caches::default(), Sessions::default(), Keys::new());
    let name = sequence["name"].as_str().unwrap();
    let mut told = Vec::new();
    let context = if name.starts_with("over") { 1024 } else { 4096 };
    for step in sequence["steps"].as_array().unwrap() {
        let body = body("cache", name, step["file"].as_str().unwrap());
        let mut seen = request(step, body["model"].as_str().unwrap(), context);
        seen.prompt = prompt(&body, &keys);
        let session = sessions.assign(&seen, None, &SessionHints::default());
        let number = step["step"].as_u64().unwrap();
        let turn = Turn {
            conversation: &session.unwrap().branch,
            print: print_of(&body, &keys),
            is_loaded_anew: step["new_runner_started"].as_bool().unwrap(),
            is_cut: name.starts_with("over") && seen.reply.prompt_tokens == Some(514),
            was_alone: true,
        };
        if let Some(broken) = caches.judge(&seen, turn) {
            println!("{name} {}: {}", step["step"], broken.finding);
            told.push((number, broken));
        }
    }
    told
}

#[test]
fn the_recorded_caches_that_broke_are_found_and_the_healthy_ones_are_not() {
    let mut requests = 0;
    for sequence in recordings("cache", "sequence.json") {
        let expected = broken_caches(sequence["name"].as_str().unwrap());
        let told = play(&sequence);
        let steps: Vec<u64> = told.iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, expected, "{}", sequence["name"]);
        assert!(
            told.iter()
                .all(|(_, broken)| broken.finding.cause == "changed")
        );
        requests += sequence["steps"].as_array().unwrap().len();
    }
    println!("{requests} requests");
}

#[test]
fn the_place_is_the_one_that_was_recorded() {
    let keys = Keys::new();
    let mut compared = 0;
    for sequence in recordings("cache", "sequence.json") {
        let name = sequence["name"].as_str().unwrap();
        let mut last: Option<(Fingerprint, usize)> = None;
        for step in sequence["steps"].as_array().unwrap() {
            let body = body("cache", name, step["file"].as_str().unwrap());
            let print = print_of(&body, &keys);
            let messages = body["messages"].as_array().map_or(1, Vec::len);
            let label = &step["first_difference_to_the_last_request"];
            if let Some((last, before)) = last.replace((print.clone(), messages)) {
                let place = last.difference(&print);
                let expected = label[1].as_u64().filter(|index| *index < before as u64);
                match (place, expected) {
                    (Some(DifferencePlace::Tools(_)), _) => assert_eq!(label[0], "tools", "{name}"),
                    (
                        Some(DifferencePlace::Message {
                            index,
                            byte,
                            is_exact,
                            ..
                        }),
                        Some(expected),
                    ) => {
                        assert_eq!(
                            (index as u64, Some(byte as u64)),
                            (expected, label[2].as_u64())
                        );
                        assert!(is_exact, "{name}");
                        compared += 1;
                    }
                    (place, expected) => assert_eq!((place, expected), (None, None), "{name}"),
                }
            }
        }
    }
    println!("{compared} places");
    assert!(compared >= 20);
}

#[test]
fn the_sentence_names_the_place_and_no_text() {
    let sequences = recordings("cache", "sequence.json");
    let find = |name: &str| {
        sequences
            .iter()
            .find(|sequence| sequence["name"] == name)
            .unwrap()
    };
    let told = play(find("clock-in-system"));
    let finding = &told[0].1.finding;
    assert_eq!(finding.certainty, Certainty::Sure);
    assert_eq!(
        finding.sentence,
        "604 of 619 prompt tokens were read anew: it differs at byte 33 of the system prompt"
    );
    assert_eq!(finding.fields["place"]["byte"], 33);
    let told = play(find("tools-change"));
    assert_eq!(
        told[0].1.place,
        Some(DifferencePlace::Tools(ToolChange::Order))
    );
}

/// A request of one conversation whose prompt took so long, in milliseconds.
fn slow(prompt: u64, took: f64) -> Seen {
    let mut seen = seen("1", Inference::Chat, "m", at(0.0));
    seen.reply.prompt_tokens = Some(prompt);
    seen.times.prompt = Some(span(took));
    seen
}

fn turn(is_loaded_anew: bool) -> Turn<'static> {
    let print = Fingerprint::default();
    Turn {
        conversation: "c",
        print,
        is_loaded_anew,
        is_cut: false,
        was_alone: true,
    }
}

#[test]
fn without_cached_tokens_the_speed_tells_what_is_likely() {
    let mut caches = Caches::default();
    assert_eq!(caches.judge(&slow(2000, 2000.0), turn(true)), None);
    assert_eq!(caches.judge(&slow(2200, 300.0), turn(false)), None);
    let broken = caches.judge(&slow(2400, 2400.0), turn(false)).unwrap();
    assert_eq!(broken.finding.certainty, Certainty::Likely);
    assert_eq!(broken.finding.cause, "evicted");
    let beside = Turn {
        was_alone: false,
        ..turn(false)
    };
    assert_eq!(caches.judge(&slow(2400, 2400.0), beside), None);
    // Nothing as long was read whole before.
    assert_eq!(caches.judge(&slow(9000, 9000.0), turn(false)), None);
}

#[test]
fn a_load_between_two_turns_empties_the_cache_without_a_finding() {
    let mut caches = Caches::default();
    let cached = |tokens| {
        let mut seen = slow(1000, 500.0);
        seen.reply.cached_tokens = Some(tokens);
        seen
    };
    caches.judge(&cached(0), turn(false));
    let other = Turn {
        conversation: "other",
        ..turn(true)
    };
    caches.judge(&cached(0), other);
    assert_eq!(caches.judge(&cached(0), turn(false)), None);
    assert!(caches.judge(&cached(0), turn(false)).is_some());
    assert_eq!(caches.judge(&cached(990), turn(false)), None);
}

proptest! {
    #[test]
    fn an_excerpt_is_short_and_of_one_line(
        text in "\\PC{0,200}|[a\\n\\tä]{0,200}", byte in 0usize..900,
    ) {
        let excerpt = around(&text, byte);
        prop_assert!(excerpt.chars().count() <= 80);
        prop_assert!(!excerpt.contains('\n'));
    }
}
