//! TIME SPENT: what the time of one request went into.

use std::time::{Duration, SystemTime};

use super::Seen;
use super::seen::Times;
use super::span::TimeSpan;
use super::timeline::Timeline;

/// The parts of a request's duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeSpent {
    /// In the tap, in Ollama's queue, and behind the load or the answer of another request.
    pub queue: Duration,
    /// Loading the model for this request.
    pub load: Duration,
    /// Reading the prompt.
    pub prompt: Duration,
    pub generation: Duration,
    /// What nobody told: all of it where the reply says no durations.
    pub other: Duration,
}

impl TimeSpent {
    /// Splits the duration of a request that has just ended; `timeline` still has it under way.
    pub fn of(seen: &Seen, timeline: &Timeline) -> TimeSpent {
        let times = &seen.times;
        let shared = shared_load(seen, timeline);
        let mut spent = TimeSpent {
            queue: times.queue_wait + queue_in_ollama(times).unwrap_or_default() + shared,
            load: times.load.unwrap_or_default() - shared,
            prompt: times.prompt.unwrap_or_default(),
            generation: times.generation.unwrap_or_default(),
            other: Duration::ZERO,
        };
        if times.total.is_none() {
            spent = TimeSpent::default();
        }
        let told = spent.queue + spent.load + spent.prompt + spent.generation;
        spent.other = times.duration.saturating_sub(told);
        spent
    }
}

/// How long the request waited in Ollama after its model was loaded: what is left of the whole
/// beside loading and working, and lies before the first byte (a client that reads slowly makes a
/// reply longer too). `None` where the reply does not say.
pub fn queue_in_ollama(times: &Times) -> Option<Duration> {
    let load = times.load.unwrap_or_default();
    let before_work = load + times.prompt.unwrap_or_default();
    let unaccounted = times.total?.saturating_sub(load + work(times)?);
    let first_byte = times
        .first_byte
        .map(|wait| wait.saturating_sub(times.queue_wait));
    let before_answer = first_byte.map(|wait| wait.saturating_sub(before_work));
    Some(before_answer.map_or(unaccounted, |wait| wait.min(unaccounted)))
}

/// How long the model worked, by Ollama's clock.
pub fn work(times: &Times) -> Option<Duration> {
    let told = times.prompt.or(times.generation);
    told.map(|_| times.prompt.unwrap_or_default() + times.generation.unwrap_or_default())
}

/// The part of the load during which another request loaded or was answered: loading waits for
/// both.
pub fn shared_load(seen: &Seen, timeline: &Timeline) -> Duration {
    let Some(load) = load_span(seen) else {
        return Duration::ZERO;
    };
    let now = ended(seen);
    let others = timeline.others(&seen.interaction_id);
    load.covered(others.flat_map(|(other, is_ahead)| other.busy(is_ahead, now)))
}

/// When the request was sent to Ollama.
pub fn sent(seen: &Seen) -> SystemTime {
    seen.arrived + seen.times.queue_wait
}

pub fn ended(seen: &Seen) -> SystemTime {
    seen.arrived + seen.times.duration
}

/// When the model was loaded for the request, all that its load waited for included.
pub fn load_span(seen: &Seen) -> Option<TimeSpan> {
    Some(TimeSpan::starting(sent(seen), seen.times.load?))
}
