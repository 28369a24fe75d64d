//! Why a model was loaded anew: the first reason that holds.

use std::time::SystemTime;

use super::model::{ModelState, RunnerPlace};
use super::{Reload, Reloads, UnderWay};
use crate::diagnose::load_options::{LoadOptions, OptionChange};
use crate::diagnose::time_spent::sent;
use crate::diagnose::{Certainty, Seen};

/// Why a model was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReloadCause {
    /// Nobody had asked for it before.
    First,
    /// Nobody asked for it for longer than it is kept.
    Expired,
    /// A request unloaded it.
    Unloaded,
    /// This request asks for other options than the last one.
    Options,
    /// Another model took its room.
    Room,
    /// Another name of the same file was loaded in its place.
    Name,
    Unknown,
}

impl ReloadCause {
    pub const ALL: [ReloadCause; 7] = [
        ReloadCause::First,
        ReloadCause::Expired,
        ReloadCause::Unloaded,
        ReloadCause::Options,
        ReloadCause::Room,
        ReloadCause::Name,
        ReloadCause::Unknown,
    ];

    /// Label `cause` of `ollama_model_reloads_total`, and `reload_cause` of a record.
    pub fn as_str(self) -> &'static str {
        match self {
            ReloadCause::First => "first",
            ReloadCause::Expired => "expired",
            ReloadCause::Unloaded => "unloaded",
            ReloadCause::Options => "options",
            ReloadCause::Room => "room",
            ReloadCause::Name => "name",
            ReloadCause::Unknown => "unknown",
        }
    }
}

/// A load that was seen.
#[derive(Clone, Debug)]
pub struct Load {
    pub model: String,
    pub client: Option<String>,
    pub ended: SystemTime,
}

impl Reloads {
    /// Why a model is not there when a request for it is sent; `None` where it should be.
    pub(super) fn absence(
        &self,
        name: &str,
        model: &ModelState,
        sent: SystemTime,
    ) -> Option<Reload> {
        if let Some(rival) = self.rival(name, model, sent) {
            let other_client = rival.client.clone();
            let other_model = Some(rival.model.clone());
            return Some(Reload {
                other_client,
                other_model,
                ..Reload::of(ReloadCause::Name)
            });
        }
        if model.is_new() {
            return Some(Reload::of(ReloadCause::First));
        }
        if let Some(client) = &model.unloaded_by {
            return Some(Reload {
                other_client: client.clone(),
                ..Reload::of(ReloadCause::Unloaded)
            });
        }
        if model.has_expired(sent) {
            return Some(Reload::of(ReloadCause::Expired));
        }
        let is_absent = model.place(sent) == Some(RunnerPlace::Absent);
        // Where nobody says how long it is kept, it was not as long as we think.
        let gone = if model.is_expiry_told() {
            ReloadCause::Unknown
        } else {
            ReloadCause::Expired
        };
        is_absent.then(|| self.room_taken(name, model).unwrap_or(Reload::of(gone)))
    }

    /// The load of another name of the same file since the model was last there, if that is there
    /// still.
    pub(super) fn rival(&self, name: &str, model: &ModelState, sent: SystemTime) -> Option<&Load> {
        let file = model.file.as_ref()?;
        let is_rival = |load: &&Load| load.model != name && self.file(&load.model) == Some(file);
        let load = self.loads.iter().rev().find(is_rival)?;
        let place = self.models.get(&load.model)?.place(sent);
        let is_later = model
            .last_present
            .is_none_or(|present| load.ended > present);
        (is_later && matches!(place, Some(RunnerPlace::Present(_)))).then_some(load)
    }

    /// Another model that was loaded since this one was last there, and is there now that this one
    /// is gone.
    fn room_taken(&self, name: &str, model: &ModelState) -> Option<Reload> {
        let gone = model.last_present?;
        let listing = self.listing.as_ref()?;
        let is_taker = |load: &&Load| {
            load.model != name && load.ended > gone && listing.find(&load.model).is_some()
        };
        let taker = self.loads.iter().rev().find(is_taker)?;
        // A name of the same file would look the same, and so would a model that is kept for a
        // shorter time than we think.
        let are_two = model.file.is_some() && self.file(&taker.model).is_some();
        let is_sure = are_two && model.is_expiry_told();
        Some(Reload {
            certainty: if is_sure {
                Certainty::Sure
            } else {
                Certainty::Likely
            },
            other_client: taker.client.clone(),
            other_model: Some(taker.model.clone()),
            ..Reload::of(ReloadCause::Room)
        })
    }

    fn file(&self, model: &str) -> Option<&String> {
        self.models.get(model)?.file.as_ref()
    }

    /// Whether a request ahead of this one loaded the model meanwhile.
    fn was_loaded_since(&self, seen: &Seen) -> bool {
        let mut loads = self.loads.iter().rev();
        loads.any(|load| load.model == seen.model && load.ended > sent(seen))
    }

    /// The cause of the load that `seen` made.
    pub(super) fn cause(&self, seen: &Seen, request: &UnderWay) -> Reload {
        let after = request.context_after();
        let was_absent = request
            .absence
            .clone()
            .filter(|_| !self.was_loaded_since(seen));
        if let Some(absence) = was_absent {
            let contexts = request
                .rival_context
                .zip(after)
                .filter(|(from, to)| from != to);
            let changed = contexts.map(|(from, to)| OptionChange::context(from, to));
            return Reload {
                changed: changed.into_iter().collect(),
                ..absence
            };
        }
        let model = self.models.get(&seen.model);
        // What it was loaded with before the first request that was seen, nobody knows; nor what a
        // request asks for that was not read to its end.
        let (before, asked) = (
            model.and_then(|model| model.loaded_with.clone()),
            LoadOptions::of(seen),
        );
        let known = before
            .as_ref()
            .or(asked.as_ref())
            .cloned()
            .unwrap_or_default();
        let contexts = request.before.and_then(RunnerPlace::context).zip(after);
        let asked = asked.as_ref().unwrap_or(&known);
        let changed = before.as_ref().unwrap_or(&known).changes(asked, contexts);
        if changed.is_empty() {
            return Reload::of(ReloadCause::Unknown);
        }
        let other_client = model.and_then(|model| model.loaded_by.clone());
        Reload {
            changed,
            other_client,
            ..Reload::of(ReloadCause::Options)
        }
    }
}

impl Reload {
    /// A reload of which nothing but the cause is known.
    fn of(cause: ReloadCause) -> Reload {
        Reload {
            cause,
            certainty: Certainty::Sure,
            changed: Vec::new(),
            other_client: None,
            other_model: None,
            lost: None,
        }
    }
}
