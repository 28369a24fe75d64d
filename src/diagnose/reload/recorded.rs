//! The recorded sequences, with the answers of /api/ps as they were, and with only those that the
//! watcher would have asked for.

use std::time::SystemTime;

use serde_json::Value;

use super::{Reload, ReloadCause, Reloads};
use crate::diagnose::keep_alive::KeepAlive;
use crate::diagnose::listing::{self, Listing};
use crate::diagnose::recordings::{at, endpoint, folded, milliseconds, options, recordings, seen};
use crate::diagnose::timeline::Timeline;
use crate::diagnose::{Seen, recordings};

/// How often /api/ps is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    /// Right before and after each request.
    Always,
    /// Once at the start, and when a reply begins that took over 1 s.
    WhenSlow,
}

enum Event<'s> {
    Listing(Listing),
    Begin(&'s Value),
    FirstByte(&'s Value),
    Judge(&'s Value),
}

/// How what is told of reloads meets what really happened.
#[derive(Debug, Default)]
pub struct ReloadCount {
    pub found: u32,
    pub missed: u32,
    pub invented: u32,
    pub named: u32,
    pub wrong: u32,
}

impl ReloadCount {
    /// Counts what is told of a step.
    pub fn note(&mut self, step: &Value, said: Option<ReloadCause>) {
        let is_real = step["new_runner_started"].as_bool().unwrap();
        let label = is_real.then(|| labelled(step["cause"].as_str().unwrap()));
        match (said, label) {
            (Some(said), Some(label)) => {
                self.found += 1;
                self.named += u32::from(label == said);
                self.wrong += u32::from(label != said);
            }
            (Some(_), None) => self.invented += 1,
            (None, Some(_)) => self.missed += 1,
            (None, None) => {}
        }
        if label != said {
            println!(
                "{} by {}: {label:?}, not {said:?}",
                step["step"], step["client"]
            );
        }
    }

    fn recall(&self) -> f64 {
        f64::from(self.found) / f64::from(self.found + self.missed)
    }
}

fn number(step: &Value, name: &str) -> f64 {
    step[name].as_f64().unwrap()
}

fn first_byte(step: &Value) -> f64 {
    number(step, "sent_at_s") * 1000.0 + number(step, "first_byte_ms")
}

/// The requests of a sequence, with all else that was done.
pub fn steps(sequence: &Value) -> Vec<&Value> {
    let steps = sequence["steps"].as_array().unwrap().iter();
    steps.filter(|step| step.get("file").is_some()).collect()
}

/// All answers of /api/ps that were recorded.
pub fn listings(steps: &[&Value]) -> Vec<(f64, Listing)> {
    let mut listings = Vec::new();
    for step in steps {
        let before = number(step, "sent_at_s") * 1000.0 - 1.0;
        let after = number(step, "ended_at_s") * 1000.0 + 1.0;
        for (time, name) in [(before, "ps_before"), (after, "ps_after")] {
            listings.push((time, recordings::listing(at(time), &step[name])));
        }
    }
    listings.sort_by(|a, b| a.0.total_cmp(&b.0));
    listings
}

fn events<'s>(steps: &[&'s Value], asked: Asked) -> Vec<(f64, Event<'s>)> {
    let all = listings(steps);
    let mut events: Vec<(f64, Event)> = Vec::new();
    for step in steps {
        let (begun, byte) = (number(step, "sent_at_s") * 1000.0, first_byte(step));
        let ended = number(step, "ended_at_s") * 1000.0;
        events.push((begun, Event::Begin(step)));
        events.push((byte, Event::FirstByte(step)));
        events.push((ended.max(byte) + 2.0, Event::Judge(step)));
        if asked == Asked::WhenSlow && byte - begun > 1000.0 {
            let (_, next) = all.iter().find(|(time, _)| *time > byte).unwrap();
            let answer = Listing {
                asked: at(byte + 0.1),
                ..next.clone()
            };
            events.push((byte + 0.1, Event::Listing(answer)));
        }
    }
    let kept = if asked == Asked::Always { all.len() } else { 1 };
    events.extend(
        all.into_iter()
            .take(kept)
            .map(|(time, answer)| (time, Event::Listing(answer))),
    );
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    events
}

/// What the tap sees of a step.
fn request(step: &Value) -> Seen {
    let text = |name: &str| step[name].as_str().unwrap();
    let sent: SystemTime = at(number(step, "sent_at_s") * 1000.0);
    let route = endpoint(text("endpoint"));
    let mut seen = seen(
        &step["step"].to_string(),
        route,
        &folded(text("model")),
        sent,
    );
    seen.client = text("client").split('/').next().map(str::to_owned);
    seen.options = options(&step["options"], &step["shift"]);
    seen.reply.status = step["status"].as_u64().map(|status| status as u16);
    seen.times.first_byte = milliseconds(&step["first_byte_ms"]);
    seen.times.load = milliseconds(&step["load_duration_ms"]);
    seen.times.duration = at(number(step, "ended_at_s") * 1000.0)
        .duration_since(sent)
        .unwrap();
    seen
}

/// The blob that the log says a model is loaded from: the watcher asks /api/show for it.
pub fn file(steps: &[&Value], model: &str) -> Option<String> {
    let same = steps
        .iter()
        .filter(|step| folded(step["model"].as_str().unwrap()) == model);
    let line = same
        .flat_map(|step| step["log"].as_array().unwrap())
        .find_map(|line| {
            line.as_str()?
                .split("blobs/")
                .nth(1)?
                .split([' ', '"'])
                .next()
        })?;
    listing::file(&format!("FROM /blobs/{line}")).map(str::to_owned)
}

/// Plays a sequence, and what was said of each request.
fn play<'s>(steps: &[&'s Value], asked: Asked) -> Vec<(&'s Value, Seen, Option<Reload>)> {
    let (mut reloads, mut timeline) = (Reloads::default(), Timeline::default());
    let mut judged = Vec::new();
    for (time, event) in events(steps, asked) {
        match event {
            Event::Listing(listing) => reloads.listing(&listing, &timeline),
            Event::Begin(step) => {
                let seen = request(step);
                reloads.begin(&seen.interaction_id, &seen.model, at(time), &timeline);
                timeline.begin(
                    &seen.interaction_id,
                    &seen.model,
                    seen.client.as_deref(),
                    at(time),
                );
                if let Some(file) = file(steps, &seen.model) {
                    reloads.identify(&seen.model, &file);
                }
            }
            Event::FirstByte(step) => timeline.first_byte(&step["step"].to_string(), at(time)),
            Event::Judge(step) => {
                let seen = request(step);
                let keep_alive = KeepAlive::read(&step["keep_alive"]);
                let reload = reloads.judge(&seen, keep_alive, &timeline);
                timeline.end(&seen);
                judged.push((step, seen, reload));
            }
        }
    }
    judged
}

fn labelled(cause: &str) -> ReloadCause {
    match cause {
        "first" => ReloadCause::First,
        "expired" => ReloadCause::Expired,
        "other model" => ReloadCause::Room,
        "unloaded by a request" => ReloadCause::Unloaded,
        "runner died" => ReloadCause::Unknown,
        cause if cause.contains("by the name") => ReloadCause::Name,
        cause if cause.starts_with("options") || cause.starts_with("shift") => ReloadCause::Options,
        cause => panic!("no cause {cause}"),
    }
}

/// What is told of all sequences: on native routes, and on those of /v1.
fn count(asked: Asked) -> [ReloadCount; 2] {
    let mut counts = [ReloadCount::default(), ReloadCount::default()];
    for sequence in recordings("reloads", "sequence.json") {
        for (step, seen, reload) in play(&steps(&sequence), asked) {
            let is_native = seen.endpoint.as_str().starts_with("api/");
            let count = &mut counts[usize::from(!is_native)];
            count.note(step, reload.as_ref().map(|reload| reload.cause));
            if let Some(finding) = reload.and_then(|reload| reload.finding(&seen)) {
                println!("{finding}");
            }
        }
    }
    counts
}

/// Says the counts of native routes and of those of /v1, and asks that they are good enough.
pub fn are_found_and_explained(what: &str, [native, v1]: &[ReloadCount; 2]) {
    println!("{what}: native {native:?}, /v1 {v1:?}");
    assert!(native.recall() >= 0.95, "{native:?}");
    assert_eq!(native.invented + v1.invented, 0);
    let (named, wrong) = (native.named + v1.named, native.wrong + v1.wrong);
    assert!(
        f64::from(named) / f64::from(named + wrong) >= 0.93,
        "{native:?} {v1:?}"
    );
}

#[test]
fn the_recorded_reloads_are_found_and_explained_and_none_is_invented() {
    for asked in [Asked::Always, Asked::WhenSlow] {
        are_found_and_explained(&format!("{asked:?}"), &count(asked));
    }
}
