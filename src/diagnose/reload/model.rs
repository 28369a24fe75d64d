//! What is known of one model between its requests: where it is, how it was loaded, and how long it
//! stays.

use std::time::{Duration, SystemTime};

use super::KEEP_DEFAULT;
use crate::diagnose::keep_alive::KeepAlive;
use crate::diagnose::listing::Listed;
use crate::diagnose::load_options::LoadOptions;

/// Where a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunnerPlace {
    Absent,
    /// Loaded, with this context where that is known (tokens).
    Present(Option<u64>),
}

impl RunnerPlace {
    pub fn of(listed: Option<&Listed>) -> RunnerPlace {
        listed.map_or(RunnerPlace::Absent, |listed| {
            RunnerPlace::Present(listed.loaded.context_length)
        })
    }

    pub fn context(self) -> Option<u64> {
        match self {
            RunnerPlace::Absent => None,
            RunnerPlace::Present(context) => context,
        }
    }
}

#[derive(Debug, Default)]
pub struct ModelState {
    /// Where its weights are, as /api/show says.
    pub file: Option<String>,
    /// When a request for it was sent last.
    pub last_asked: Option<SystemTime>,
    /// When it was last known to be loaded.
    pub last_present: Option<SystemTime>,
    /// What it was loaded with, and by whom; `None` before the first load that was seen.
    pub loaded_with: Option<LoadOptions>,
    pub loaded_by: Option<String>,
    loaded_at: Option<SystemTime>,
    /// Who unloaded it since, by a request.
    pub unloaded_by: Option<Option<String>>,
    place: Option<RunnerPlace>,
    /// How long requests asked to keep it; `None` is Ollama's default.
    keep: Option<KeepAlive>,
    expires: Option<Expiry>,
}

/// When a model is unloaded if nobody asks for it.
#[derive(Clone, Copy, Debug)]
struct Expiry {
    at: SystemTime,
    /// Somebody said so: a request, or Ollama. Else it is Ollama's default, which may be set
    /// otherwise.
    told: bool,
}

impl ModelState {
    /// Where the model is at `now`; `None` where nothing tells.
    pub fn place(&self, now: SystemTime) -> Option<RunnerPlace> {
        self.place
            .filter(|place| *place == RunnerPlace::Absent || !self.has_expired(now))
    }

    /// The context that it was loaded with when last seen (tokens).
    pub fn context(&self) -> Option<u64> {
        self.place.and_then(RunnerPlace::context)
    }

    /// Whether nobody was ever seen to have it loaded.
    pub fn is_new(&self) -> bool {
        self.last_present.is_none()
    }

    /// Whether nobody had asked for it long enough when `now` came.
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expiry| expiry.at <= now)
    }

    /// Whether somebody said how long the model is kept: a request, or Ollama.
    pub fn is_expiry_told(&self) -> bool {
        self.expires.is_some_and(|expiry| expiry.told)
    }

    /// Notes whether /api/ps lists it.
    pub fn listed(&mut self, listed: Option<&Listed>, asked: SystemTime) {
        self.note_place(RunnerPlace::of(listed), asked);
        let Some(listed) = listed else { return };
        let guess = self
            .expires
            .filter(|expiry| !expiry.told && expiry.at > asked);
        let told = listed.expires.map(|at| Expiry { at, told: true });
        let still = self
            .expires
            .filter(|expiry| expiry.told && expiry.at > asked);
        self.expires = told.or(still).or(guess);
    }

    pub fn note_place(&mut self, place: RunnerPlace, asked: SystemTime) {
        self.place = Some(place);
        if place != RunnerPlace::Absent {
            self.last_present = self.last_present.max(Some(asked));
        }
    }

    /// Notes a load. Of two that ran beside each other the one that was sent last counts.
    pub fn load(&mut self, asked: Option<LoadOptions>, client: Option<String>, sent: SystemTime) {
        self.unloaded_by = None;
        self.place = Some(RunnerPlace::Present(None));
        if self.loaded_at.is_none_or(|at| at <= sent) {
            (self.loaded_with, self.loaded_by) = (asked, client);
            self.loaded_at = Some(sent);
        }
    }

    /// Notes a request that found it loaded.
    pub fn use_again(&mut self, asked: &LoadOptions) {
        self.loaded_with = Some(match &self.loaded_with {
            Some(loaded) => loaded.kept(asked),
            None => asked.clone(),
        });
    }

    /// Notes the end of a request that was answered: from then on the time runs that the model is
    /// kept.
    pub fn answered(&mut self, keep: Option<KeepAlive>, is_reload: bool, ended: SystemTime) {
        if keep.is_some() || is_reload {
            self.keep = keep;
        }
        let length = self.keep.unwrap_or(KeepAlive::For(KEEP_DEFAULT));
        self.expires = match length {
            KeepAlive::For(length) => Some(Expiry {
                at: later(ended, length),
                told: self.keep.is_some(),
            }),
            KeepAlive::Forever => None,
        };
        self.last_present = self.last_present.max(Some(ended));
    }

    /// Notes that another name of its file was loaded.
    pub fn push_out(&mut self) {
        self.place = Some(RunnerPlace::Absent);
    }

    pub fn unload(&mut self, client: Option<String>, ended: SystemTime) {
        self.unloaded_by = Some(client);
        self.place = Some(RunnerPlace::Absent);
        self.expires = None;
        self.last_present = self.last_present.max(Some(ended));
    }
}

fn later(from: SystemTime, length: Duration) -> SystemTime {
    from.checked_add(length).unwrap_or(from)
}
