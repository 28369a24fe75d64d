//! Values of labels, which must stay few: a model's name becomes one only once a reply proved that
//! the model exists.
//!
//! A client can send a million names; Ollama answers 404 to those that it does not have. So a name
//! that no reply with a status below 300 has confirmed is `other`, and so is any name once
//! `MAX_MODELS` are confirmed.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError, RwLock};

use crate::observe::{Exchange, Outcome};
use crate::util::threads::lock;

/// The label of a request that names no model.
pub const UNKNOWN: &str = "unknown";
/// The label of all values that have none of their own.
pub const OTHER: &str = "other";

/// The label `prompt_category` of every prompt, if categories are not kept apart.
pub const ALL_CATEGORIES: &str = "all";

/// The most values of the label `model`.
pub const MAX_MODELS: usize = 200;
/// The longest name that becomes a label, in bytes. Ollama's own names are shorter.
pub const MAX_MODEL_LABEL: usize = 256;

/// Values of the label `reason` of `ollama_tap_refused_total`.
pub const REFUSALS: [&str; 13] = [
    "busy",
    "starting",
    "framing",
    "version",
    "head",
    "slow_head",
    "slow_body",
    "slow_reader",
    "uploads",
    "connections",
    "descriptors",
    "threads",
    "memory",
];

/// Values of the label `reason` of `ollama_finished_total`.
pub const FINISH_REASONS: [&str; 6] = ["stop", "length", "tool_calls", "error", "cancelled", OTHER];

/// Returns the finish reason of any dialect as one of `FINISH_REASONS`.
pub fn finish_reason_label(exchange: &Exchange) -> &'static str {
    let has_calls = !exchange.tool_calls.is_empty();
    match (exchange.outcome, exchange.done_reason.as_deref()) {
        (Outcome::Error, _) => "error",
        (Outcome::Cancelled, _) => "cancelled",
        _ if exchange.endpoint.is_embedding() => OTHER,
        (Outcome::Success, Some("tool_calls" | "tool_use" | "function_call")) => "tool_calls",
        (Outcome::Success, Some("stop" | "end_turn" | "stop_sequence" | "completed")) => {
            if has_calls {
                "tool_calls"
            } else {
                "stop"
            }
        }
        (Outcome::Success, _) if exchange.ended_by_length() => "length",
        (Outcome::Success, _) => OTHER,
    }
}

/// Path templates with their methods, for `ollama_tap_http_requests_total`.
pub const HTTP_ENDPOINTS: [(&str, &str); 49] = [
    ("/", "GET"),
    ("/", "HEAD"),
    ("api/version", "GET"),
    ("api/status", "GET"),
    ("api/generate", "POST"),
    ("api/chat", "POST"),
    ("api/embed", "POST"),
    ("api/embeddings", "POST"),
    ("api/pull", "POST"),
    ("api/push", "POST"),
    ("api/create", "POST"),
    ("api/blobs/:digest", "HEAD"),
    ("api/blobs/:digest", "POST"),
    ("api/copy", "POST"),
    ("api/delete", "DELETE"),
    ("api/show", "POST"),
    ("api/tags", "GET"),
    ("api/ps", "GET"),
    ("api/me", "POST"),
    ("api/signout", "POST"),
    ("api/user/keys/:encodedKey", "DELETE"),
    ("api/experimental/web_search", "POST"),
    ("api/experimental/web_fetch", "POST"),
    ("api/experimental/model-recommendations", "GET"),
    ("v1/chat/completions", "POST"),
    ("v1/completions", "POST"),
    ("v1/embeddings", "POST"),
    ("v1/responses", "POST"),
    ("v1/messages", "POST"),
    ("v1/systemone", "POST"),
    ("v1/audio/transcriptions", "POST"),
    ("v1/models", "GET"),
    ("v1/models/:model", "GET"),
    ("v1/images/generations", "POST"),
    ("v1/images/edits", "POST"),
    ("metrics", "GET"),
    ("test", "GET"),
    ("healthz", "GET"),
    ("analytics", "GET"),
    ("analytics/stats", "GET"),
    ("analytics/stats/enhanced", "GET"),
    ("analytics/search", "GET"),
    ("analytics/messages", "GET"),
    ("analytics/messages/:id", "GET"),
    ("analytics/models", "GET"),
    ("analytics/active", "GET"),
    ("analytics/active/:id", "DELETE"),
    ("analytics/export", "GET"),
    (OTHER, "GET"),
];

/// The methods of HTTP, which are labels of their own.
pub const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
];

/// Returns the label of a method: one of `METHODS`, else `other`.
pub fn method_label(method: &str) -> &str {
    if METHODS.contains(&method) {
        method
    } else {
        OTHER
    }
}

/// Returns the label of a status code: three digits of a class that HTTP has, else `other`.
pub fn code_label(code: u16) -> String {
    if (100..=599).contains(&code) {
        code.to_string()
    } else {
        OTHER.to_owned()
    }
}

/// Decides which names become values of the label `model`, and remembers the label of each active
/// request.
#[derive(Default)]
pub struct ModelLabels {
    confirmed: RwLock<HashSet<String>>,
    /// By `interaction_id`. A name may be confirmed while its request runs, which must leave the
    /// series that it entered.
    active: Mutex<HashMap<String, ActiveRequest>>,
}

/// A request that was counted as active.
pub struct ActiveRequest {
    /// The label `model` that it was given.
    pub model: String,
    pub phase: &'static str,
}

/// Values of the label `phase` of `ollama_requests_under_way`: no byte of the reply's body yet, or
/// some.
pub const WAITING: &str = "waiting";
pub const ANSWERING: &str = "answering";

impl ModelLabels {
    /// Returns the label for a model's name.
    pub fn label<'a>(&self, model: Option<&'a str>) -> &'a str {
        match model {
            None | Some("") => UNKNOWN,
            Some(name) if self.is_confirmed(name) => name,
            Some(_) => OTHER,
        }
    }

    /// Makes a name a label of its own, if there is room. Returns whether it is one from now on.
    pub fn confirm(&self, name: &str) -> bool {
        if name.is_empty() || name.len() > MAX_MODEL_LABEL || self.is_confirmed(name) {
            return false;
        }
        let mut confirmed = self
            .confirmed
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        confirmed.len() < MAX_MODELS && confirmed.insert(name.to_owned())
    }

    fn is_confirmed(&self, name: &str) -> bool {
        self.confirmed
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(name)
    }

    pub fn request_started(&self, id: &str, label: &str) {
        let request = ActiveRequest {
            model: label.to_owned(),
            phase: WAITING,
        };
        lock(&self.active).insert(id.to_owned(), request);
    }

    /// Notes that the reply has begun. Returns the label that `request_started` was given for this
    /// request.
    pub fn request_answered(&self, id: &str) -> Option<String> {
        let mut active = lock(&self.active);
        let request = active.get_mut(id)?;
        request.phase = ANSWERING;
        Some(request.model.clone())
    }

    /// Takes what is known of a request that has ended.
    pub fn request_finished(&self, id: &str) -> Option<ActiveRequest> {
        lock(&self.active).remove(id)
    }
}
