//! WAITED: a request that spent most of its time behind others, and behind whom.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::span::{TimeSpan, since};
use super::time_spent::{TimeSpent, ended, load_span, sent, work};
use super::timeline::{InFlight, Timeline};
use super::words::{client, list, percent, time};
use super::{Certainty, Finding, Kind, Seen};

/// From so long on, and from half of its duration on, a wait is worth a finding.
pub const WAIT_MIN: Duration = Duration::from_secs(5);

/// From such a part of the wait on that others explain, it is sure for whom the request waited.
const EXPLAINED: f64 = 0.8;

/// How many clients are named.
pub const NAMED_MAX: usize = 3;

/// A client, and how long the request waited for its requests.
#[derive(Clone, Debug, PartialEq)]
struct WaitedFor {
    client: Option<String>,
    model: String,
    time: Duration,
}

/// The finding of a request that has just ended, if it waited. `spent` is its `TimeSpent`, and
/// `timeline` still has it under way.
pub fn waited(seen: &Seen, spent: TimeSpent, timeline: &Timeline) -> Option<Finding> {
    let queue = spent.queue.max(seen.times.queue_wait);
    if queue < WAIT_MIN || queue * 2 < seen.times.duration {
        return None;
    }
    let finding = match seen.times.queue_wait * 2 > queue {
        true => in_the_tap(seen),
        false => in_ollama(seen, timeline),
    };
    Some(finding.field("seconds_lost", Some(queue.as_secs_f64())))
}

/// All workers of the tap were busy.
fn in_the_tap(seen: &Seen) -> Finding {
    let wait = time(seen.times.queue_wait);
    Finding::new(Kind::Waited, Certainty::Sure, "tap")
        .sentence(format!(
            "waited {wait} of {} for a worker of the tap",
            total(seen)
        ))
        .way_out("raise --workers")
}

fn in_ollama(seen: &Seen, timeline: &Timeline) -> Finding {
    let wait = TimeSpan {
        from: sent(seen),
        to: work_began(seen),
    };
    let busy = busy(seen, wait, timeline);
    let explained = wait.covered(busy.iter().map(|(_, span)| *span));
    let share = explained.as_secs_f64() / wait.length().as_secs_f64();
    let certainty = if share >= EXPLAINED {
        Certainty::Sure
    } else {
        Certainty::Likely
    };
    let mut waited_for = by_client(wait, &busy);
    waited_for.truncate(NAMED_MAX);
    let names: Vec<String> = waited_for.iter().map(|waited| waited.said()).collect();
    let whom = match names.is_empty() {
        true => "requests that did not pass the tap".to_owned(),
        false => list(&names),
    };
    let fields: Vec<Value> = waited_for.iter().map(WaitedFor::to_json).collect();
    let spent = format!("waited {} of {}", time(wait.length()), total(seen));
    Finding::new(Kind::Waited, certainty, "ollama")
        .sentence(format!(
            "{} {spent} in Ollama's queue, behind {whom}",
            seen.model
        ))
        .way_out(
            "raise OLLAMA_NUM_PARALLEL if memory allows (each place takes a context of its own), \
             or let the other client ask at another time",
        )
        .field("waited_for", Some(fields))
        .field("explained", Some(percent(share)))
}

fn total(seen: &Seen) -> String {
    time(seen.times.duration)
}

/// When the model began to work for the request.
fn work_began(seen: &Seen) -> SystemTime {
    TimeSpan::ending(ended(seen), work(&seen.times).unwrap_or_default()).from
}

/// The stretches of the wait in which others kept busy what it waited for: its model, and while it
/// was loaded any other as well.
fn busy<'t>(
    seen: &'t Seen,
    wait: TimeSpan,
    timeline: &'t Timeline,
) -> Vec<(&'t InFlight, TimeSpan)> {
    let loading = load_span(seen).unwrap_or(TimeSpan {
        from: wait.from,
        to: wait.from,
    });
    let mut stretches = Vec::new();
    for (other, is_ahead) in timeline.others(&seen.interaction_id) {
        let part = if other.model == seen.model {
            wait
        } else {
            loading
        };
        for span in other.busy(is_ahead, ended(seen)) {
            let span = part.overlap(span);
            if since(span.to, span.from) > Duration::ZERO {
                stretches.push((other, span));
            }
        }
    }
    stretches
}

/// How long it waited for each client, the longest first.
fn by_client(wait: TimeSpan, busy: &[(&InFlight, TimeSpan)]) -> Vec<WaitedFor> {
    let mut clients: Vec<(&Option<String>, &str)> = busy
        .iter()
        .map(|(other, _)| (&other.client, other.model.as_str()))
        .collect();
    clients.sort_unstable();
    clients.dedup();
    let time = |who: &(&Option<String>, &str)| {
        let own = busy
            .iter()
            .filter(|(o, _)| (&o.client, o.model.as_str()) == *who);
        wait.covered(own.map(|(_, span)| *span))
    };
    let mut waited: Vec<WaitedFor> = clients
        .iter()
        .map(|who| WaitedFor {
            client: who.0.clone(),
            model: who.1.to_owned(),
            time: time(who),
        })
        .collect();
    waited.sort_by_key(|waited| std::cmp::Reverse(waited.time));
    waited
}

impl WaitedFor {
    fn said(&self) -> String {
        format!("{} ({})", client(self.client.as_deref()), time(self.time))
    }

    fn to_json(&self) -> Value {
        json!({"client": self.client, "model": self.model, "seconds": self.time.as_secs_f64()})
    }
}
