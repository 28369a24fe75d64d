//! RUNNER: which answer of /api/ps tells how a request's model was loaded while the request ran.
//!
//! An answer counts only if it was asked for after the model's options of loading last changed, and
//! after its last reply that took as long to begin as a load takes. Where none does, a new one is
//! needed when the reply begins: in a war of reloads an answer that is 15 s old tells of another
//! load.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::bounded::Bounded;
use super::listing::{Listed, Listing};
use super::load_options::LoadOptions;

/// Models that are remembered.
pub const MODELS_MAX: usize = 256;

/// Requests under way that are remembered; of those beyond it is not known how their model was
/// loaded.
pub const UNDER_WAY_MAX: usize = 2048;

/// A reply that began later may have waited for a load.
const LATE: Duration = Duration::from_secs(1);

/// The loads of all models, as requests and answers of /api/ps show them.
pub struct Runners {
    models: Bounded<String, Runner>,
    requests: HashMap<String, RunnerUse>,
    listing: Option<Listing>,
    /// /api/ps did not answer when it was asked last.
    is_silent: bool,
}

/// What is known of one model.
#[derive(Debug, Default)]
struct Runner {
    /// Those of the last request that was sent.
    options: Option<LoadOptions>,
    /// Older answers of /api/ps tell of an earlier load.
    since: Option<SystemTime>,
    /// It answers, and /api/ps does not list it: it runs elsewhere, or leaves at once.
    is_unlisted: bool,
}

/// A request that uses it.
#[derive(Debug)]
struct RunnerUse {
    model: String,
    options: LoadOptions,
    sent: SystemTime,
    /// The request before it asked for other options.
    is_change: bool,
    first_byte: Option<SystemTime>,
    ended: Option<SystemTime>,
    answer: Answered,
}

/// Whether an answer of /api/ps has come for a request.
#[derive(Debug)]
enum Answered {
    /// It is to be asked for: the reply has begun.
    Needed,
    /// Nothing is to come.
    Done(Option<Listed>),
}

impl Default for Runners {
    fn default() -> Runners {
        Runners {
            models: Bounded::new(MODELS_MAX),
            requests: HashMap::new(),
            listing: None,
            is_silent: false,
        }
    }
}

impl Runners {
    /// Notes a request that is sent now.
    pub fn begin(&mut self, id: &str, model: &str, options: LoadOptions, sent: SystemTime) {
        let runner = self.models.entry(model.to_owned());
        let before = runner.options.replace(options.clone());
        if self.requests.len() >= UNDER_WAY_MAX {
            return;
        }
        let request = RunnerUse {
            model: model.to_owned(),
            is_change: before.is_some_and(|before| before != options),
            options,
            sent,
            first_byte: None,
            ended: None,
            answer: Answered::Done(None),
        };
        self.requests.insert(id.to_owned(), request);
    }

    /// Notes the first byte of a reply. Returns whether /api/ps is to be asked now.
    pub fn first_byte(&mut self, id: &str, at: SystemTime) -> bool {
        let Some(request) = self.requests.get_mut(id) else {
            return false;
        };
        request.first_byte = Some(at);
        let runner = self.models.entry(request.model.clone());
        let is_late = at
            .duration_since(request.sent)
            .is_ok_and(|wait| wait > LATE);
        if is_late || request.is_change {
            runner.since = runner.since.max(Some(at));
        } else if runner.is_unlisted {
            return false;
        }
        if self.is_silent {
            return false;
        }
        let known = self
            .listing
            .as_ref()
            .filter(|listing| Some(listing.asked) >= runner.since);
        request.answer = match known.and_then(|listing| listing.find(&request.model)) {
            Some(listed) => Answered::Done(Some(listed.clone())),
            None => Answered::Needed,
        };
        matches!(request.answer, Answered::Needed)
    }

    /// Notes an answer of /api/ps.
    pub fn listing(&mut self, listing: &Listing) {
        let asked = listing.asked;
        let answered: Vec<String> = self
            .requests
            .iter()
            .filter(|(_, request)| request.is_answered_at(asked))
            .map(|(id, _)| id.clone())
            .collect();
        for id in answered {
            let loaded = self.loaded(&id, listing);
            if let Some(request) = self.requests.get_mut(&id) {
                let is_unlisted = listing.find(&request.model).is_none();
                self.models.entry(request.model.clone()).is_unlisted = is_unlisted;
                request.answer = Answered::Done(loaded);
            }
        }
        for listed in &listing.models {
            self.models.entry(listed.model.clone()).is_unlisted = false;
        }
        self.listing = Some(listing.clone());
        self.is_silent = false;
    }

    /// Notes that /api/ps did not answer: nobody waits for it until it does.
    pub fn no_listing(&mut self) {
        self.is_silent = true;
        for request in self.requests.values_mut() {
            if matches!(request.answer, Answered::Needed) {
                request.answer = Answered::Done(None);
            }
        }
    }

    /// How the model of a request was loaded by this answer; `None` where the answer may tell of a
    /// load after it.
    fn loaded(&self, id: &str, listing: &Listing) -> Option<Listed> {
        let request = self.requests.get(id)?;
        let has_ended = request.ended.is_some_and(|ended| ended < listing.asked);
        let is_other = |(other_id, other): (&String, &RunnerUse)| {
            other_id != id
                && other.model == request.model
                && other.options != request.options
                && other.sent <= listing.asked
                && other
                    .first_byte
                    .is_none_or(|first| Some(first) > request.first_byte)
        };
        if has_ended && self.requests.iter().any(is_other) {
            return None;
        }
        Some(listing.find(&request.model)?.clone())
    }

    /// Notes the end of a request. `take` follows for it.
    pub fn end(&mut self, id: &str, at: SystemTime) {
        if let Some(request) = self.requests.get_mut(id) {
            request.ended = Some(at);
        }
    }

    /// Whether the answer of /api/ps is still to come that a request needs.
    pub fn is_needed(&self, id: &str) -> bool {
        self.requests
            .get(id)
            .is_some_and(|request| matches!(request.answer, Answered::Needed))
    }

    /// How the request's model was loaded, where an answer tells; the request is forgotten.
    pub fn take(&mut self, id: &str) -> Option<Listed> {
        match self.requests.remove(id)?.answer {
            Answered::Done(loaded) => loaded,
            Answered::Needed => None,
        }
    }
}

impl RunnerUse {
    /// Whether an answer asked for at that time tells of it.
    fn is_answered_at(&self, asked: SystemTime) -> bool {
        matches!(self.answer, Answered::Needed) && self.first_byte.is_some_and(|at| at <= asked)
    }
}
