//! DIAGNOSIS: all of it in one place, told of everything in its order, and what it says of each
//! request.

#[cfg(test)]
mod tests;

use std::time::SystemTime;

use super::bad_reply::{self, Answer};
use super::cache::{Broken, Caches, Turn};
use super::context::lines::LogLines;
use super::context::{self, Memory};
use super::cpu::speed::BestSpeeds;
use super::cpu::{BestShares, vram_share};
use super::fingerprint::Fingerprint;
use super::keep_alive::KeepAlive;
use super::listing::{Listed, Listing};
use super::load_options::LoadOptions;
use super::reload::{LOAD_MIN, Reload, ReloadCause, Reloads};
use super::runner::Runners;
use super::seen::{Options, Reply};
use super::span::TimeSpan;
use super::time_spent::{TimeSpent, ended, sent};
use super::timeline::Timeline;
use super::waited::waited;
use super::{Finding, Kind, Seen};
use crate::http::route::Inference;

/// What is remembered of all requests so far.
#[derive(Default)]
pub struct Diagnosis {
    pub timeline: Timeline,
    pub reloads: Reloads,
    pub shares: BestShares,
    pub lines: LogLines,
    speeds: BestSpeeds,
    caches: Caches,
    contexts: Memory,
    runners: Runners,
}

/// A request that is sent to Ollama.
#[derive(Clone, Copy, Debug)]
pub struct SentRequest<'a> {
    pub id: &'a str,
    pub endpoint: Inference,
    pub model: &'a str,
    pub client: Option<&'a str>,
    pub options: &'a Options,
    /// When a worker took it: it cannot have been sent before.
    pub taken: SystemTime,
    /// When its last byte had been written.
    pub sent: SystemTime,
}

/// What is known of a request beside `Seen`.
#[derive(Default)]
pub struct Details<'a> {
    pub keep_alive: Option<KeepAlive>,
    /// The id of its session; `None` for one that is in no conversation.
    pub conversation: Option<&'a str>,
    pub print: Fingerprint,
    /// The reply's text, where it had one.
    pub answer: Option<Answer<'a>>,
}

/// What is to be said of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// In tokens, where /api/ps told it in time.
    pub context_length: Option<u64>,
    pub reload_cause: Option<ReloadCause>,
    pub time_spent: TimeSpent,
    pub vram_share: Option<f64>,
    pub findings: Vec<Finding>,
    /// Of the finding `cache_broken`, for an excerpt.
    pub broken: Option<Broken>,
}

impl Diagnosis {
    /// Notes a request that is sent to Ollama now.
    pub fn begin(&mut self, request: SentRequest<'_>) {
        let SentRequest {
            id,
            endpoint,
            model,
            sent,
            ..
        } = request;
        let options = LoadOptions::asked(endpoint, request.options);
        self.reloads.begin(id, model, sent, &self.timeline);
        if let Some(forgotten) = self.timeline.begin(id, model, request.client, sent) {
            self.reloads.forget(&forgotten);
            self.runners.take(&forgotten);
        }
        self.runners.begin(id, model, options, sent);
        self.lines.begin(id, endpoint, request.taken);
    }

    /// Notes the first byte of a reply. Returns whether /api/ps is to be asked now.
    pub fn first_byte(&mut self, id: &str, at: SystemTime) -> bool {
        self.timeline.first_byte(id, at);
        self.lines.first_byte(id, at);
        self.runners.first_byte(id, at)
    }

    /// Notes that a request has ended, and what its reply told. `end` follows, once `is_waiting`
    /// says that there is nothing to wait for, or the answer of /api/ps does not come.
    pub fn ended(&mut self, id: &str, at: SystemTime, reply: &Reply) {
        self.runners.end(id, at);
        self.lines.ended(id, at, reply);
    }

    /// Whether the answer of /api/ps is still to come that was needed at the request's first byte.
    pub fn is_waiting(&self, id: &str) -> bool {
        self.runners.is_needed(id)
    }

    /// Whether it was told that the request was sent. One of which it was not would look as if it
    /// had loaded the model.
    pub fn has_begun(&self, id: &str) -> bool {
        self.timeline.find(id).is_some()
    }

    /// How the request's model was loaded, where an answer of /api/ps tells; asked once.
    pub fn loaded(&mut self, id: &str) -> Option<Listed> {
        self.runners.take(id)
    }

    /// Forgets requests whose end will not be told.
    pub fn forget_under_way(&mut self, now: SystemTime) {
        self.timeline = Timeline::default();
        self.reloads.forget_under_way();
        self.runners = Runners::default();
        self.lines.forget(now);
    }

    /// Notes an answer of /api/ps. Whether `shares` has to be written.
    pub fn listing(&mut self, listing: &Listing) -> bool {
        self.reloads.listing(listing, &self.timeline);
        self.runners.listing(listing);
        let mut is_new = false;
        for listed in &listing.models {
            let (model, digest) = (&listed.model, listed.digest.as_deref());
            is_new |= self
                .shares
                .note(model, digest, &listed.loaded, listing.asked);
        }
        is_new
    }

    /// Notes that /api/ps did not answer.
    pub fn no_listing(&mut self) {
        self.runners.no_listing();
    }

    /// Judges a request that has ended, once the answer of /api/ps has come that was asked for at
    /// its first byte.
    pub fn end(&mut self, seen: &Seen, details: Details<'_>) -> Report {
        let was_alone = self.was_alone(seen);
        let reload = self.reloads.judge(seen, details.keep_alive, &self.timeline);
        let said = self.lines.take(seen);
        let mut findings = context::findings(seen, &said, &mut self.contexts);
        let is_cut = findings
            .iter()
            .any(|finding| finding.kind == Kind::ContextCut);
        findings.extend(details.answer.as_ref().and_then(bad_reply::finding));
        let broken = details.conversation.and_then(|conversation| {
            let turn = Turn {
                conversation,
                print: details.print,
                is_loaded_anew: may_be_loaded_anew(seen, reload.as_ref()),
                is_cut,
                was_alone,
            };
            self.caches.judge(seen, turn)
        });
        let time_spent = TimeSpent::of(seen, &self.timeline);
        let layers = self.reloads.layers(&seen.model);
        findings.extend(reload.as_ref().and_then(|reload| reload.finding(seen)));
        findings.extend(waited(seen, time_spent, &self.timeline));
        findings.extend(broken.as_ref().map(|broken| broken.finding.clone()));
        let slow = was_alone.then(|| self.speeds.judge(seen)).flatten();
        findings.extend(self.shares.fallback(seen, layers).or(slow));
        let loaded = seen.loaded.as_ref();
        let report = Report {
            context_length: loaded.and_then(|loaded| loaded.context_length),
            reload_cause: reload.map(|reload| reload.cause),
            time_spent,
            vram_share: loaded.and_then(vram_share),
            findings,
            broken,
        };
        self.timeline.end(seen);
        report
    }

    fn was_alone(&self, seen: &Seen) -> bool {
        let own = TimeSpan {
            from: sent(seen),
            to: ended(seen),
        };
        self.timeline.was_alone(&seen.interaction_id, own)
    }
}

/// Whether the model's cache may have been empty: a reply that began late and says no durations may
/// have waited for a load.
fn may_be_loaded_anew(seen: &Seen, reload: Option<&Reload>) -> bool {
    let is_late = seen.times.first_byte.is_none_or(|wait| wait > LOAD_MIN);
    let is_cached = seen.reply.cached_tokens.is_some_and(|tokens| tokens > 0);
    reload.is_some() || (seen.times.load.is_none() && is_late && !is_cached)
}
