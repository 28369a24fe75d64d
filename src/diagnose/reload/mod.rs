//! RELOAD: which requests loaded their model anew, and why.
//!
//! Told in order: `begin` when a request is sent, `listing` for each answer of /api/ps, `judge`
//! when a request has ended (and the answer asked for at its first byte has come), while the
//! timeline still has it under way.

mod cause;
mod model;
#[cfg(test)]
pub mod recorded;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use cause::Load;
pub use cause::ReloadCause;
use model::{ModelState, RunnerPlace};

use super::keep_alive::KeepAlive;
use super::listing::Listing;
use super::load_options::{LoadOptions, OptionChange};
use super::time_spent::{ended, sent, shared_load};
use super::timeline::Timeline;
use super::{Certainty, Seen};

/// From so long on, a load that waited for nobody is a new one.
pub const LOAD_MIN: Duration = Duration::from_secs(1);

/// Up to so long a load, or a reply that has begun by then, needed none: a loaded model is as
/// quick.
const READY_MAX: Duration = Duration::from_millis(200);

/// How many models are remembered; beyond, the one that was asked for least recently is forgotten.
pub const MAX_MODELS: usize = 200;

/// How many requests under way are remembered; what is beyond is judged without /api/ps.
pub const MAX_UNDER_WAY: usize = 2048;

/// A client has read a reply, and may have sent its next request, before the tap notes the end.
const END_DELAY: Duration = Duration::from_millis(50);

/// Ollama's default for OLLAMA_KEEP_ALIVE.
const KEEP_DEFAULT: Duration = Duration::from_secs(300);

/// A load that a request caused.
#[derive(Clone, Debug, PartialEq)]
pub struct Reload {
    pub cause: ReloadCause,
    pub certainty: Certainty,
    pub changed: Vec<OptionChange>,
    /// Who had it loaded otherwise, took its room, or unloaded it; `None` where that is the client
    /// itself.
    pub other_client: Option<String>,
    /// Which model, or which other name of its file, was loaded in its place.
    pub other_model: Option<String>,
    /// The time that the load took, without what it waited for others.
    pub lost: Option<Duration>,
}

/// What was seen of the models so far.
#[derive(Debug, Default)]
pub struct Reloads {
    models: HashMap<String, ModelState>,
    /// By the id of the request.
    under_way: HashMap<String, UnderWay>,
    /// The last answer of /api/ps.
    listing: Option<Listing>,
    /// The last loads, the newest last.
    loads: VecDeque<Load>,
}

/// What was known when a request was sent, and what its reply changed. `None` is unknown.
#[derive(Debug, Default)]
struct UnderWay {
    model: String,
    sent: Option<SystemTime>,
    before: Option<RunnerPlace>,
    after: Option<(SystemTime, RunnerPlace)>,
    /// No other request for the model waited when it was sent.
    was_alone: bool,
    /// Why the model was not there, where it was not.
    absence: Option<Reload>,
    /// It was to be unloaded by then, as somebody said.
    was_due: bool,
    /// The context that another name of its file was loaded with.
    rival_context: Option<u64>,
}

impl Reloads {
    /// Notes which file a model's weights are in, best before its first reply begins.
    pub fn identify(&mut self, name: &str, file: &str) {
        let Some(model) = self.models.get_mut(name) else {
            return;
        };
        if model.file.as_deref() == Some(file) {
            return;
        }
        model.file = Some(file.to_owned());
        self.note_again(|note| note.model == name);
    }

    /// Notes anew what is known before some of the requests under way: something was learned only
    /// now that was so before. Where the model was seen since a request was sent, what is known is
    /// what that request left.
    fn note_again(&mut self, is_meant: impl Fn(&UnderWay) -> bool) {
        let mut under_way = std::mem::take(&mut self.under_way);
        for note in under_way.values_mut().filter(|note| is_meant(note)) {
            let model = self.models.get(&note.model);
            let was_seen_since = model
                .is_some_and(|model| model.last_present > note.sent.map(|sent| sent + END_DELAY));
            if let Some(sent) = note.sent.filter(|_| !was_seen_since) {
                let anew = self.note(std::mem::take(&mut note.model), sent, note.was_alone);
                let after = note.after;
                *note = UnderWay { after, ..anew };
            }
        }
        self.under_way = under_way;
    }

    /// Forgets a request whose end will not be judged.
    pub fn forget(&mut self, id: &str) {
        self.under_way.remove(id);
    }

    /// Forgets requests whose end will not be told.
    pub fn forget_under_way(&mut self) {
        self.under_way.clear();
    }

    /// The `num_gpu` that a model was loaded with, where it was asked for.
    pub fn layers(&self, model: &str) -> Option<i64> {
        self.models.get(model)?.loaded_with.as_ref()?.num_gpu
    }

    /// Notes a request that is sent now, before `timeline` is told of it.
    pub fn begin(&mut self, id: &str, model: &str, sent: SystemTime, timeline: &Timeline) {
        let was_alone = !timeline.has_waiting(model);
        // A model that no listing has had was not loaded when the last was made.
        let is_absent = self.listing.is_some() && !self.models.contains_key(model);
        let known = self.known(model);
        known.last_asked = Some(sent);
        if is_absent {
            known.note_place(RunnerPlace::Absent, sent);
        }
        if self.under_way.len() < MAX_UNDER_WAY {
            let note = self.note(model.to_owned(), sent, was_alone);
            self.under_way.insert(id.to_owned(), note);
        }
    }

    fn note(&self, name: String, sent: SystemTime, was_alone: bool) -> UnderWay {
        let Some(model) = self.models.get(&name) else {
            return UnderWay::default();
        };
        let rival = self.rival(&name, model, sent);
        UnderWay {
            sent: Some(sent),
            before: model.place(sent).filter(|_| was_alone),
            after: None,
            was_alone,
            absence: self.absence(&name, model, sent),
            was_due: model.is_expiry_told() && model.has_expired(sent),
            rival_context: rival.and_then(|load| self.models.get(&load.model)?.context()),
            model: name,
        }
    }

    /// Notes an answer of /api/ps. Of a request under way it tells where the model is now, once the
    /// reply has begun.
    pub fn listing(&mut self, listing: &Listing, timeline: &Timeline) {
        for (name, model) in &mut self.models {
            model.listed(listing.find(name), listing.asked);
        }
        for listed in &listing.models {
            if !self.models.contains_key(&listed.model) {
                self.known(&listed.model)
                    .listed(Some(listed), listing.asked);
            }
        }
        for (id, request) in &mut self.under_way {
            let has_begun = timeline.find(id).and_then(|flight| flight.first_byte);
            if request.after.is_none() && has_begun.is_some_and(|begun| begun <= listing.asked) {
                request.after =
                    Some((listing.asked, RunnerPlace::of(listing.find(&request.model))));
            }
        }
        self.listing = Some(listing.clone());
    }

    /// Judges a request that has ended: the load that it caused, if any.
    pub fn judge(
        &mut self,
        seen: &Seen,
        keep_alive: Option<KeepAlive>,
        timeline: &Timeline,
    ) -> Option<Reload> {
        let id = &seen.interaction_id;
        let mut request = self.under_way.remove(id).unwrap_or_default();
        request.after = request
            .after
            .filter(|(asked, _)| is_own(seen, *asked, timeline));
        let load = seen.times.load;
        let is_sure = !was_ready(seen) && (request.has_changed() || request.is_back(seen));
        let is_long = load.is_some_and(|load| load > LOAD_MIN);
        let alone = |load: Duration| load.saturating_sub(shared_load(seen, timeline));
        let lost = load.filter(|_| is_sure || is_long).map(alone);
        let is_reload = is_sure || lost.is_some_and(|lost| lost > LOAD_MIN);
        let reload = is_reload.then(|| self.explain(seen, &request, lost));
        self.learn(seen, keep_alive, &request, reload.is_some());
        // They were sent before this one was judged, which may wait for /api/ps.
        let end = ended(seen);
        self.note_again(|note| note.sent.is_some_and(|sent| sent + END_DELAY >= end));
        reload
    }

    fn explain(&self, seen: &Seen, request: &UnderWay, lost: Option<Duration>) -> Reload {
        let mut reload = self.cause(seen, request);
        reload.lost = lost;
        reload.other_client = reload
            .other_client
            .filter(|other| Some(other) != seen.client.as_ref());
        reload
    }

    /// Remembers what the request leaves behind.
    fn learn(
        &mut self,
        seen: &Seen,
        keep_alive: Option<KeepAlive>,
        request: &UnderWay,
        is_reload: bool,
    ) {
        let asked = LoadOptions::of(seen);
        if is_reload {
            self.note_load(seen);
        }
        let was_answered = seen
            .reply
            .status
            .is_some_and(|status| (200..300).contains(&status));
        let model = self.known(&seen.model);
        if is_reload {
            model.load(asked, seen.client.clone(), sent(seen));
        } else if let Some(asked) = asked.filter(|_| was_answered) {
            model.use_again(&asked);
        }
        if is_reload || was_answered {
            model.answered(keep_alive, is_reload, ended(seen));
        }
        if let Some((asked, place)) = request.after {
            model.note_place(place, asked);
        }
        if was_answered && keep_alive.is_some_and(KeepAlive::unloads) {
            model.unload(seen.client.clone(), ended(seen));
        }
    }

    fn note_load(&mut self, seen: &Seen) {
        if self.loads.len() >= MAX_MODELS {
            self.loads.pop_front();
        }
        let (model, client) = (seen.model.clone(), seen.client.clone());
        self.loads.push_back(Load {
            model,
            client,
            ended: ended(seen),
        });
        let Some(file) = self
            .models
            .get(&seen.model)
            .and_then(|model| model.file.clone())
        else {
            return;
        };
        for (name, other) in &mut self.models {
            if *name != seen.model && other.file.as_ref() == Some(&file) {
                other.push_out();
            }
        }
    }

    fn known(&mut self, model: &str) -> &mut ModelState {
        if self.models.len() >= MAX_MODELS && !self.models.contains_key(model) {
            let oldest = self.models.iter().min_by_key(|(_, model)| model.last_asked);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.models.remove(&name);
            }
        }
        self.models.entry(model.to_owned()).or_default()
    }
}

impl UnderWay {
    fn context_after(&self) -> Option<u64> {
        self.after.and_then(|(_, place)| place.context())
    }

    /// Whether a model that was to be unloaded by then is there again, and the reply took as long
    /// to begin as a load takes.
    fn is_back(&self, seen: &Seen) -> bool {
        let is_late = seen.times.first_byte.is_some_and(|wait| wait > LOAD_MIN);
        let is_there = matches!(self.after, Some((_, RunnerPlace::Present(_))));
        self.was_due && self.was_alone && is_late && is_there
    }

    /// Whether /api/ps alone says that the model was loaded anew.
    fn has_changed(&self) -> bool {
        match (self.before, self.after) {
            (Some(RunnerPlace::Absent), Some((_, RunnerPlace::Present(_)))) => true,
            (
                Some(RunnerPlace::Present(Some(before))),
                Some((_, RunnerPlace::Present(Some(after)))),
            ) => before != after,
            _ => false,
        }
    }
}

/// Whether the model was there at once: then it was another's request that changed what /api/ps
/// says.
fn was_ready(seen: &Seen) -> bool {
    let waits = [seen.times.load, seen.times.first_byte];
    waits.into_iter().flatten().any(|wait| wait <= READY_MAX)
}

/// Whether an answer of /api/ps tells what this request left, and not what one after it did: that
/// waits until this one has ended.
fn is_own(seen: &Seen, asked: SystemTime, timeline: &Timeline) -> bool {
    let mut behind = timeline
        .others(&seen.interaction_id)
        .filter(|(_, is_ahead)| !is_ahead);
    asked <= ended(seen)
        || !behind.any(|(other, _)| other.model == seen.model && other.sent < asked)
}
