//! A reload as a finding: what happened, and what ends it.

use serde_json::Value;

use super::{Reload, ReloadCause};
use crate::diagnose::words::{client, time};
use crate::diagnose::{Finding, Kind, Seen};

impl Reload {
    /// The finding, where somebody can do something about it: not of a first load, one after a
    /// pause, or one that a client brought upon itself by unloading.
    pub fn finding(&self, seen: &Seen) -> Option<Finding> {
        let (what, way_out) = match self.cause {
            ReloadCause::Options => (self.options(seen), self.options_way_out(seen)),
            ReloadCause::Room => (self.room(seen), ROOM.to_owned()),
            ReloadCause::Name => (self.name(seen), self.name_way_out(seen)),
            ReloadCause::Unloaded => (self.unloaded(seen)?, UNLOADED.to_owned()),
            ReloadCause::First | ReloadCause::Expired | ReloadCause::Unknown => return None,
        };
        let took = self
            .lost
            .map(|lost| format!(", {}", time(lost)))
            .unwrap_or_default();
        let changed: Vec<Value> = self.changed.iter().map(|change| change.to_json()).collect();
        let finding = Finding::new(Kind::ModelReload, self.certainty, self.cause.as_str())
            .sentence(format!("{} was loaded again{took}: {what}", seen.model))
            .way_out(way_out)
            .field("changed", (!changed.is_empty()).then_some(changed))
            .field("other_client", self.other_client.clone())
            .field("other_model", self.other_model.clone())
            .field("seconds_lost", self.lost.map(|lost| lost.as_secs_f64()));
        Some(finding)
    }

    fn options(&self, seen: &Seen) -> String {
        let to: Vec<String> = self.changed.iter().map(|c| said(c.option, &c.to)).collect();
        let from: Vec<String> = self
            .changed
            .iter()
            .map(|c| said(c.option, &c.from))
            .collect();
        let (to, from) = (to.join(", "), from.join(", "));
        let own = client(seen.client.as_deref());
        match &self.other_client {
            Some(other) => format!("{own} loads it with {to}, {other} with {from}"),
            None => format!("{own} loads it with {to} now, and with {from} before"),
        }
    }

    fn options_way_out(&self, seen: &Seen) -> String {
        let is_context = self.changed.iter().any(|change| change.option == "num_ctx");
        let options: Vec<&str> = self.changed.iter().map(|change| change.option).collect();
        match (is_context, seen.endpoint.as_str().starts_with("v1/")) {
            (true, true) => {
                "set OLLAMA_CONTEXT_LENGTH, or num_ctx in the model's file, to the num_ctx \
                             that the other client asks for: /v1 takes no num_ctx"
                    .to_owned()
            }
            (true, false) => {
                "set one num_ctx in every client, or OLLAMA_CONTEXT_LENGTH and none in the \
                              clients"
                    .to_owned()
            }
            (false, _) => format!(
                "set the same {} in every client, or none",
                options.join(" and ")
            ),
        }
    }

    fn room(&self, seen: &Seen) -> String {
        let other = self.other_model.as_deref().unwrap_or("another model");
        let who = self.other_client.as_deref().or(seen.client.as_deref());
        format!("{other}, asked for by {}, took its room", client(who))
    }

    fn name(&self, seen: &Seen) -> String {
        let other = self.other_model.as_deref().unwrap_or("another name");
        let who = self.other_client.as_deref().or(seen.client.as_deref());
        let contexts = self
            .changed
            .first()
            .map(|change| format!(" with num_ctx {} instead of {}", change.from, change.to));
        let contexts = contexts.unwrap_or_default();
        format!(
            "{other}, asked for by {}, is the same file{contexts}",
            client(who)
        )
    }

    fn name_way_out(&self, seen: &Seen) -> String {
        let other = self.other_model.as_deref().unwrap_or("the other");
        format!(
            "use one name of the two in every client: {} or {other}",
            seen.model
        )
    }

    /// `None` where the client unloaded it itself.
    fn unloaded(&self, _seen: &Seen) -> Option<String> {
        let other = self.other_client.as_deref()?;
        Some(format!("{other} had unloaded it (keep_alive 0)"))
    }
}

const ROOM: &str = "raise OLLAMA_MAX_LOADED_MODELS if both fit into memory, else use one of the \
                    two, a smaller quantization or a smaller num_ctx";

const UNLOADED: &str = "take keep_alive 0 out of that client's requests";

/// An option and its value; the default has none.
fn said(option: &str, value: &Value) -> String {
    match value {
        Value::Null => format!("no {option}"),
        value => format!("{option} {value}"),
    }
}
