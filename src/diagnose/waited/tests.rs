//! Requests that waited, and for whom.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::diagnose::recordings::{at, endpoint, milliseconds, recordings, seen, span};
use crate::http::route::Inference;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// A recorded request as the tap sees it.
fn request(row: &Value) -> Seen {
    let text = |name: &str| row[name].as_str().unwrap();
    let sent = number(&row["sent_at_ms"]);
    let mut seen = seen(
        text("file"),
        endpoint(text("endpoint")),
        text("model"),
        at(sent),
    );
    seen.client = Some(format!("client {}", text("file")));
    let durations = &row["durations_ms"];
    seen.times.duration = span(number(&row["last_byte_ms"]));
    seen.times.first_byte = milliseconds(&row["first_byte_ms"]);
    seen.times.total = milliseconds(&durations["total_duration"]);
    seen.times.load = milliseconds(&durations["load_duration"]);
    seen.times.prompt = milliseconds(&durations["prompt_eval_duration"]);
    seen.times.generation = milliseconds(&durations["eval_duration"]);
    seen
}

fn judge(seen: &Seen, timeline: &Timeline) -> Option<Finding> {
    waited(seen, TimeSpent::of(seen, timeline), timeline)
}

/// Plays the recorded scene; `ask` is called of each request as it ends.
fn play(scene: &Value, mut ask: impl FnMut(&Value, &Seen, &Timeline)) {
    let mut events = Vec::new();
    let rows = scene["requests"].as_array().unwrap();
    for (index, row) in rows.iter().enumerate() {
        let seen = request(row);
        events.push((seen.arrived, 0, index));
        events.extend(
            seen.times
                .first_byte
                .map(|wait| (seen.arrived + wait, 1, index)),
        );
        events.push((ended(&seen), 2, index));
    }
    events.sort();
    let mut timeline = Timeline::default();
    for (time, what, index) in events {
        let seen = request(&rows[index]);
        match what {
            0 => drop(timeline.begin(
                &seen.interaction_id,
                &seen.model,
                seen.client.as_deref(),
                time,
            )),
            1 => timeline.first_byte(&seen.interaction_id, time),
            _ => {
                ask(&rows[index], &seen, &timeline);
                timeline.end(&seen);
            }
        }
    }
    let mut left = timeline.others("");
    assert!(left.all(|(other, _)| other.ended.is_some()));
}

#[test]
fn the_time_before_the_work_is_that_which_ollama_spent_before_it() {
    let mut off = Vec::new();
    for scene in recordings("queue", "scenario.json") {
        play(&scene, |row, seen, timeline| {
            let spent = TimeSpent::of(seen, timeline);
            let told = row["truth"]["waited_in_ollama_ms"].as_f64();
            if let Some(told) = told.filter(|_| seen.times.total.is_some()) {
                let before = (spent.queue + spent.load).as_secs_f64() * 1e3;
                off.push((before - told).abs());
            }
            let sum = spent.queue + spent.load + spent.prompt + spent.generation + spent.other;
            assert!(sum >= seen.times.duration, "{spent:?}");
            assert!(
                sum <= seen.times.duration + span(30.0),
                "{spent:?}, {seen:?}"
            );
        });
    }
    off.sort_by(f64::total_cmp);
    println!("{} requests, off by {off:.0?} ms", off.len());
    assert!(off.len() >= 30);
    assert!(
        off.iter().filter(|off| **off > 35.0).count() <= 1,
        "{off:?}"
    );
}

#[test]
fn a_load_is_that_of_one_request_and_the_wait_of_the_others() {
    let scenes = recordings("queue", "scenario.json");
    let mut loads = BTreeMap::new();
    for scene in &scenes {
        play(scene, |row, seen, timeline| {
            let load = TimeSpent::of(seen, timeline).load;
            if load > Duration::from_secs(1) {
                let name = scene["name"].as_str().unwrap();
                loads
                    .entry(name)
                    .or_insert_with(Vec::new)
                    .push(row["file"].clone());
            }
        });
    }
    assert_eq!(loads["cold"], ["01"]);
    assert_eq!(loads["two-models-one-place"], ["02"]);
    assert_eq!(loads["queue-full"], ["02", "03"]);
    assert_eq!(loads.len(), 3, "{loads:?}");
}

/// A scene ten times as slow.
fn slowed(scene: &Value) -> Value {
    let mut scene = scene.clone();
    for row in scene["requests"].as_array_mut().unwrap() {
        for name in ["sent_at_ms", "first_byte_ms", "last_byte_ms"] {
            row[name] = row[name].as_f64().map(|time| time * 10.0).into();
        }
        for (_, time) in row["durations_ms"].as_object_mut().unwrap() {
            *time = (number(time) * 10.0).into();
        }
    }
    scene
}

#[test]
fn who_waited_most_of_its_time_is_told_for_whom() {
    for (name, expected) in [
        ("staggered-chat-stream", vec!["03", "04"]),
        ("five-at-once-generate-stream", vec!["03", "04", "05"]),
        ("slow-prefill", vec!["02", "03"]),
        ("parallel-2", vec!["04", "05"]),
        ("five-at-once-v1-chat-stream", vec![]),
    ] {
        let scenes = recordings("queue", "scenario.json");
        let scene = scenes.iter().find(|scene| scene["name"] == name).unwrap();
        let mut found = Vec::new();
        play(&slowed(scene), |row, seen, timeline| {
            if let Some(finding) = judge(seen, timeline) {
                println!("{name} {}: {finding}", row["file"]);
                assert_eq!(finding.certainty, Certainty::Sure, "{finding}");
                found.push(row["file"].as_str().unwrap().to_owned());
            }
        });
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_slow_reader_and_a_long_prompt_are_no_wait() {
    let timeline = Timeline::default();
    let mut slow = seen("1", Inference::Chat, "m", at(0.0));
    slow.times.duration = span(60_000.0);
    slow.times.first_byte = Some(span(20_000.0));
    slow.times.total = Some(span(60_000.0));
    slow.times.load = Some(span(3.0));
    slow.times.prompt = Some(span(19_900.0));
    slow.times.generation = Some(span(5_000.0));
    assert_eq!(judge(&slow, &timeline), None);
}

#[test]
fn a_wait_for_a_worker_is_the_tap_s_own() {
    let mut late = seen("1", Inference::V1ChatCompletions, "m", at(0.0));
    late.times.duration = span(20_000.0);
    late.times.queue_wait = span(15_000.0);
    let finding = judge(&late, &Timeline::default()).unwrap();
    assert_eq!(finding.cause, "tap");
    assert_eq!(finding.way_out, "raise --workers");
}
