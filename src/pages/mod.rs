//! The tap's own pages: `/metrics`, `/healthz`, `/test`, and those of the history under
//! `/analytics`. Everything else is Ollama's.

mod access;
mod active;
mod analytics;
mod conditional;
mod dashboard;
mod export;
mod parameters;
mod records;
mod request;
mod response;
mod response_stream;

pub use access::{NO_TOKEN, WRONG_TOKEN};

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::active::ActiveRequests;
use crate::forward::readiness::Readiness;
use crate::history::History;
use crate::history::record::now;
use crate::history::store::query::Sort;
use crate::history::store::{Detail, StoreError};
use crate::http::route::{Page, active_of};
use crate::metrics::{self, Metrics};
use crate::ollama::client::OllamaClient;
use access::AccessRequest;
pub use active::cancelled;
use conditional::EncodedWriter;
use dashboard::DOCUMENT;
use parameters::Parameters;
pub use request::PageRequest;
use response::PRIVATE_HEADERS;
pub use response::{BodyWriter, PageOutcome, PageResponse};

/// Returns whether all of the history may have to be read for a page: with its texts or findings,
/// for an order that no backend has, or to be counted. Pages that are sent while they are made are none of these: they wait for
/// their clients, and are bounded by that (`response_stream`).
pub fn takes_long(page: Page, target: &str) -> bool {
    match page {
        Page::Why => return true,
        Page::Messages | Page::Enhanced => {}
        _ => return false,
    }
    let parameters = Parameters::of_target(target);
    let is_given = |name: &&str| parameters.last(name).is_some();
    let is_sorted = |order: &str| order != Sort::Time.as_str();
    let of_records = ["q", "prompt_search", "finding", "session"];
    of_records.iter().any(is_given)
        || parameters.last("by") == Some("session")
        || parameters.last("sort").is_some_and(is_sorted)
        || parameters.last("count") == Some("true")
}

/// The sources of the pages.
pub struct Pages {
    pub metrics: Arc<Metrics>,
    pub active: Arc<ActiveRequests>,
    pub readiness: Arc<Readiness>,
    pub ollama: OllamaClient,
    /// The address of the upstream as the user wrote it.
    pub ollama_host: String,
    pub listening: IpAddr,
    /// This machine's own names, in lower case.
    pub names: Vec<String>,
    /// `None` without a history.
    pub history: Option<Arc<History>>,
    /// The token that requests for the history must have, if there is one.
    pub token: Option<String>,
    /// Locked while a long response is sent, of which there is one at a time.
    pub long_response: Mutex<()>,
}

impl Pages {
    /// Answers a request for `page`: with a complete response, or through `writer` if it is long.
    pub fn answer(
        &self,
        page: Page,
        request: &PageRequest,
        writer: &mut dyn BodyWriter,
    ) -> PageOutcome {
        match page {
            Page::Metrics => self.public(request, || self.metrics(request)),
            Page::Healthz => self.public(request, health),
            Page::Test => self.public(request, || self.test()),
            Page::Dashboard => self.public(request, || DOCUMENT.response(request)),
            Page::Active => self.private(request, || {
                let response = active::what_is_now(self).private();
                PageOutcome::Complete(response.encoded_for(request))
            }),
            Page::Cancel => self.private(request, || {
                PageOutcome::Cancel(active_of(&request.target()).to_owned())
            }),
            Page::Nowhere => PageOutcome::Complete(PageResponse::error(
                404,
                "there is no such page; this port has only the pages of the tap",
            )),
            Page::Stats
            | Page::Enhanced
            | Page::Models
            | Page::Why
            | Page::HideFindings
            | Page::Purge
            | Page::DeleteMessage
            | Page::Search
            | Page::Messages
            | Page::Message
            | Page::Export => self.private(request, || self.with_history(page, request, writer)),
        }
    }

    /// Answers `/healthz` at once, without a worker.
    pub fn health(&self, request: &PageRequest) -> PageResponse {
        self.checked(request, health)
    }

    /// Answers a request that addresses this machine by one of its names.
    fn public(&self, request: &PageRequest, answer: impl FnOnce() -> PageResponse) -> PageOutcome {
        PageOutcome::Complete(self.checked(request, answer))
    }

    fn checked(
        &self,
        request: &PageRequest,
        answer: impl FnOnce() -> PageResponse,
    ) -> PageResponse {
        let hosts = request.hosts();
        let hosts = hosts.iter().map(String::as_str);
        if access::hosts_are_allowed(hosts, self.listening, &self.names) {
            return answer();
        }
        PageResponse::error(
            403,
            "the Host header is not a name of this machine; ask by localhost or an address",
        )
    }

    /// Answers a request that may see the history.
    fn with_history(
        &self,
        page: Page,
        request: &PageRequest,
        writer: &mut dyn BodyWriter,
    ) -> PageOutcome {
        let Some(history) = self.history.as_deref() else {
            let error = "no history is kept (backend none); start the tap with --analytics-backend jsonl, sqlite or loki";
            return PageOutcome::Complete(PageResponse::error(404, error).private());
        };
        match history.store.readiness() {
            // Deleting need not wait until the history is open.
            Err(error) if page != Page::Purge => {
                PageOutcome::Complete(PageResponse::store_error(&error))
            }
            _ => self.answer_if_changed(page, request, history, writer),
        }
    }

    /// Answers that nothing has changed where the client has the answer already.
    fn answer_if_changed(
        &self,
        page: Page,
        request: &PageRequest,
        history: &History,
        writer: &mut dyn BodyWriter,
    ) -> PageOutcome {
        // Before the history is read: what enters meanwhile is a change, and behind the cursor.
        let headers = records::cursor_header(page, history) + PRIVATE_HEADERS;
        let etag = conditional::etag_of_state(page, request, history, now());
        if let Some(etag) = &etag
            && conditional::is_current(request, etag)
        {
            return PageOutcome::Complete(conditional::not_modified(etag, &headers));
        }
        let mut writer = EncodedWriter::new(writer, request, etag.as_deref());
        match self.history_page(page, request, history, &mut writer) {
            PageOutcome::Complete(response) => {
                PageOutcome::Complete(conditional::finish(response, request, etag))
            }
            outcome => outcome,
        }
    }

    fn history_page(
        &self,
        page: Page,
        request: &PageRequest,
        history: &History,
        writer: &mut dyn BodyWriter,
    ) -> PageOutcome {
        let turn = &self.long_response;
        let target = request.target();
        let parameters = Parameters::of_target(&target);
        let response = match page {
            Page::Search => return records::list(turn, history, Detail::Whole, request, writer),
            Page::Messages => return records::list(turn, history, Detail::Brief, request, writer),
            Page::Export => return export::answer(turn, history, request, writer),
            Page::Message => records::one(&target, history),
            Page::DeleteMessage => records::delete(&target, history),
            Page::Purge => analytics::purge(parameters, history),
            Page::Enhanced => analytics::enhanced_stats(&parameters, history),
            Page::Models => analytics::models(&parameters, history),
            Page::Why => analytics::why(parameters, history),
            Page::HideFindings => analytics::hide_findings(&parameters, history),
            _ => analytics::stats(&parameters, history),
        };
        match response {
            Ok(response) => PageOutcome::Complete(response),
            Err(StoreError::Unwanted) => PageOutcome::ClientGone,
            Err(error) => PageOutcome::Complete(PageResponse::store_error(&error)),
        }
    }

    /// Answers a request that may see who asks what.
    fn private(&self, request: &PageRequest, answer: impl FnOnce() -> PageOutcome) -> PageOutcome {
        match self.check_access(request) {
            Ok(()) => answer(),
            Err(refusal) => PageOutcome::Complete(refusal.private()),
        }
    }

    fn check_access(&self, request: &PageRequest) -> Result<(), PageResponse> {
        let hosts = request.hosts();
        let origins = request.values("origin");
        let sites = request.values("sec-fetch-site");
        let access = AccessRequest {
            peer: request.peer,
            hosts: &as_strs(&hosts),
            origins: &as_strs(&origins),
            sites: &as_strs(&sites),
            authorization: request.head.text("authorization"),
            is_forwarded: request
                .head
                .fields()
                .any(|field| access::is_of_a_proxy(field.name)),
        };
        access.check_access(self.token.as_deref()).map_err(|why| {
            let way_out = match self.token {
                Some(_) => {
                    "send `Authorization: Bearer TOKEN` (on a terminal set OLLAMA_TAP_TOKEN, or run the command as the user who started the tap)"
                }
                None => {
                    "ask from this machine by localhost, or start the tap with --token and send `Authorization: Bearer TOKEN`"
                }
            };
            PageResponse::error(403, &format!("the history is private: {why}; {way_out}"))
        })
    }

    fn metrics(&self, request: &PageRequest) -> PageResponse {
        self.metrics.set_ollama_up(self.readiness.is_up());
        PageResponse::ok(metrics::CONTENT_TYPE, self.metrics.encode()).encoded_for(request)
    }

    fn test(&self) -> PageResponse {
        let host = &self.ollama_host;
        match self.ollama.models() {
            Ok(models) => PageResponse::json(
                200,
                &json!({ "status": "ok", "ollama_host": host, "ollama_reachable": true, "models": models }),
            ),
            Err(error) => PageResponse::json(
                503,
                &json!({ "status": "error", "ollama_host": host, "ollama_reachable": false, "models": [], "error": error.to_string() }),
            ),
        }
    }
}

fn health() -> PageResponse {
    PageResponse::json(200, &json!({ "ollama_tap": env!("CARGO_PKG_VERSION") }))
}

fn as_strs(values: &[String]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_all_of_the_history_takes_long() {
        for (page, parameters, expected) in [
            (Page::Messages, "", false),
            (Page::Messages, "?sort=time&model=m&q=", false),
            (Page::Messages, "?sort=tokens", true),
            (Page::Messages, "?q=time", true),
            (Page::Messages, "?count=false&since=1", false),
            (Page::Messages, "?count=true", true),
            (Page::Messages, "?finding=waited", true),
            (Page::Enhanced, "?by=session", true),
            (Page::Why, "", true),
            (Page::Enhanced, "?hours=24", false),
            (Page::Search, "?q=sky", false),
        ] {
            let target = format!("/analytics/x{parameters}");
            assert_eq!(takes_long(page, &target), expected, "{target}");
        }
    }
}
