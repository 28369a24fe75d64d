//! TIMELINE: which requests were under way when, and what each kept busy.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use super::Seen;
use super::span::TimeSpan;
use super::time_spent::work;

/// How many requests are remembered; beyond, the oldest are forgotten.
pub const MAX_REQUESTS: usize = 2048;

/// One request on its way through Ollama.
#[derive(Clone, Debug)]
pub struct InFlight {
    pub id: String,
    /// Folded.
    pub model: String,
    pub client: Option<String>,
    /// When it was sent to Ollama.
    pub sent: SystemTime,
    pub first_byte: Option<SystemTime>,
    pub ended: Option<SystemTime>,
    /// By Ollama's clock, once it ended: loading, and all that went before the load.
    load: Option<Duration>,
    /// By Ollama's clock, once it ended: reading the prompt and answering.
    work: Option<Duration>,
}

/// The requests that are under way, and those that ended while one of these ran.
#[derive(Debug, Default)]
pub struct Timeline {
    /// In the order in which they were sent.
    requests: VecDeque<InFlight>,
}

impl Timeline {
    /// Notes a request that is sent to Ollama now. Returns the id of one that is forgotten for it.
    pub fn begin(
        &mut self,
        id: &str,
        model: &str,
        client: Option<&str>,
        sent: SystemTime,
    ) -> Option<String> {
        let is_full = self.requests.len() >= MAX_REQUESTS;
        let forgotten = is_full.then(|| self.requests.pop_front()).flatten();
        self.requests.push_back(InFlight {
            id: id.to_owned(),
            model: model.to_owned(),
            client: client.map(str::to_owned),
            sent,
            first_byte: None,
            ended: None,
            load: None,
            work: None,
        });
        forgotten.map(|request| request.id)
    }

    /// Notes the first byte of a reply.
    pub fn first_byte(&mut self, id: &str, at: SystemTime) {
        if let Some(request) = self.find_mut(id) {
            request.first_byte.get_or_insert(at);
        }
    }

    /// Notes the end of a request, once all was asked about it: those that ran only beside it are
    /// forgotten.
    pub fn end(&mut self, seen: &Seen) {
        let Some(request) = self.find_mut(&seen.interaction_id) else {
            return;
        };
        let times = &seen.times;
        request.ended = Some(seen.arrived + times.duration);
        let first_byte = times.first_byte.map(|wait| seen.arrived + wait);
        request.first_byte = request.first_byte.or(first_byte);
        request.load = times.load;
        request.work = work(times);
        self.forget();
    }

    /// Whether a request for the model waits for its first byte.
    pub fn has_waiting(&self, model: &str) -> bool {
        let mut requests = self.requests.iter();
        requests.any(|request| request.model == model && request.is_waiting())
    }

    /// Whether no other request was under way while this one was.
    pub fn was_alone(&self, id: &str, own: TimeSpan) -> bool {
        self.others(id).all(|(other, _)| {
            let end = other.ended.unwrap_or(own.to);
            own.overlap(TimeSpan {
                from: other.sent,
                to: end,
            })
            .length()
                == Duration::ZERO
        })
    }

    pub fn find(&self, id: &str) -> Option<&InFlight> {
        self.requests.iter().rev().find(|request| request.id == id)
    }

    /// Every request but `id`, each with whether it was sent before that one.
    pub fn others<'t>(&'t self, id: &'t str) -> impl Iterator<Item = (&'t InFlight, bool)> {
        let mut is_ahead = true;
        self.requests.iter().filter_map(move |request| {
            is_ahead &= request.id != id;
            (request.id != id).then_some((request, is_ahead))
        })
    }

    fn find_mut(&mut self, id: &str) -> Option<&mut InFlight> {
        self.requests
            .iter_mut()
            .rev()
            .find(|request| request.id == id)
    }

    /// Forgets what ended before all that still run were sent.
    fn forget(&mut self) {
        let running = self
            .requests
            .iter()
            .filter(|request| request.ended.is_none());
        let oldest = running.map(|request| request.sent).min();
        let overlaps = |ended: SystemTime| oldest.is_some_and(|sent| ended > sent);
        self.requests
            .retain(|request| request.ended.is_none_or(overlaps));
    }
}

impl InFlight {
    fn is_waiting(&self) -> bool {
        self.ended.is_none() && self.first_byte.is_none()
    }

    /// When it kept Ollama busy, as far as can be told at `now`, for one that waits for Ollama. One
    /// that was sent ahead of it (`is_ahead`) may have loaded a model first; one behind it only
    /// looks as if, since it waits for the same load.
    pub fn busy(&self, is_ahead: bool, now: SystemTime) -> impl Iterator<Item = TimeSpan> {
        let end = self.ended.unwrap_or(now);
        let work = match (self.ended, self.work) {
            (Some(ended), Some(work)) => Some(TimeSpan::ending(ended, work)),
            _ => self.first_byte.map(|from| TimeSpan { from, to: end }),
        };
        let load = match self.load {
            Some(load) => TimeSpan::starting(self.sent, load),
            None => TimeSpan {
                from: self.sent,
                to: self.first_byte.unwrap_or(end),
            },
        };
        work.into_iter().chain(is_ahead.then_some(load))
    }
}
