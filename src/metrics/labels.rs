//! Label values, which must stay few: a model's name counts only once a reply proved that the model exists.
//!
//! Anybody can send a million names; Ollama answers 404 to those it does not have. So a name that no reply below 300 ever
//! confirmed is `other`, and so is any name once `MAX_MODELS` are confirmed.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError, RwLock};

use crate::observe::{Exchange, Outcome};
use crate::util::threads::lock;

/// The label of a request that named no model.
pub const UNKNOWN: &str = "unknown";
/// The label of everything that is not named one by one.
pub const OTHER: &str = "other";

/// The label `prompt_category` of everything, where categories are not told apart.
pub const ALL: &str = "all";

/// Distinct values of the label `model`.
pub const MAX_MODELS: usize = 200;
/// Bytes of a name. Ollama's own names are shorter.
pub const MAX_NAME: usize = 256;

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
pub const REASONS: [&str; 6] = ["stop", "length", "tool_calls", "error", "cancelled", OTHER];

/// Why an answer ended, in one of `REASONS`, whatever its dialect calls it.
pub fn reason_label(exchange: &Exchange) -> &'static str {
    let called = !exchange.tool_calls.is_empty();
    match (exchange.outcome, exchange.done_reason.as_deref()) {
        (Outcome::Error, _) => "error",
        (Outcome::Cancelled, _) => "cancelled",
        _ if exchange.endpoint.is_embedding() => OTHER,
        (Outcome::Success, Some("tool_calls" | "tool_use" | "function_call")) => "tool_calls",
        (Outcome::Success, Some("stop" | "end_turn" | "stop_sequence" | "completed")) => {
            if called {
                "tool_calls"
            } else {
                "stop"
            }
        }
        (Outcome::Success, Some("length" | "max_tokens" | "max_output_tokens" | "incomplete")) => {
            "length"
        }
        (Outcome::Success, _) => OTHER,
    }
}

/// Path templates and the method that each is asked with, for `ollama_tap_http_requests_total`.
pub const HTTP_ENDPOINTS: [(&str, &str); 47] = [
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
    ("analytics/export", "GET"),
    (OTHER, "GET"),
];

/// The method as a label: one of HTTP's, else `other`.
pub fn method_label(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "CONNECT" | "TRACE" => {
            method
        }
        _ => OTHER,
    }
}

/// The status code as a label: three digits that HTTP knows a class for, else `other`.
pub fn code_label(code: u16) -> String {
    if (100..=599).contains(&code) {
        code.to_string()
    } else {
        OTHER.to_owned()
    }
}

/// The guard of the label `model`, and which label each request under way was counted under.
#[derive(Default)]
pub struct Models {
    confirmed: RwLock<HashSet<String>>,
    /// By `interaction_id`. A name may be confirmed while its request runs; what was added must be taken off the same series.
    active: Mutex<HashMap<String, String>>,
}

impl Models {
    /// The label for a model's name.
    pub fn label<'a>(&self, model: Option<&'a str>) -> &'a str {
        match model {
            None | Some("") => UNKNOWN,
            Some(name) if self.is_confirmed(name) => name,
            Some(_) => OTHER,
        }
    }

    pub fn confirm(&self, name: &str) {
        if name.is_empty() || name.len() > MAX_NAME || self.is_confirmed(name) {
            return;
        }
        let mut confirmed = self
            .confirmed
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if confirmed.len() < MAX_MODELS {
            confirmed.insert(name.to_owned());
        }
    }

    fn is_confirmed(&self, name: &str) -> bool {
        self.confirmed
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(name)
    }

    pub fn began(&self, id: &str, label: &str) {
        lock(&self.active).insert(id.to_owned(), label.to_owned());
    }

    /// The label that `began` was given for this request, once.
    pub fn ended(&self, id: &str) -> Option<String> {
        lock(&self.active).remove(id)
    }
}
