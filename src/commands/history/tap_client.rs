//! The history of a running tap, asked over HTTP as a browser would ask it.

mod lists;

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::time::Duration;

pub use lists::ListAnswer;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::typestate::WithoutBody;
use ureq::unversioned::transport::{Connector, DefaultConnector};
use ureq::{Agent, Body, RequestBuilder, http::Response};

use super::abort_reason::AbortReason;
use super::filter;
use super::refused;
use crate::error::{Error, Result};
use crate::history::record::Record;
use crate::history::store::{
    EnhancedStats, Extent, Hidden, HideReport, MatchCount, PurgeReport, Query, Selection, Why,
};
use crate::http::address::Upstream;
use crate::http::agent::{Target, error_chain};
use crate::util::sanitize::summarize_page;

/// The longest wait for a machine to accept a connection before we look elsewhere.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest wait for a tap to introduce itself; it answers from memory, on a thread reserved for that.
const HEALTHZ_TIMEOUT: Duration = Duration::from_secs(4);

/// The longest wait for what runs now, which is in the tap's memory.
const ACTIVE_TIMEOUT: Duration = Duration::from_secs(4);

/// The most that is read of a greeting or an error (bytes).
const SHORT_REPLY_MAX: u64 = 64 * 1024;

/// The most that is read of an answer, or of one line of an export (bytes): a hundred records of a few texts of 1 MiB each.
const REPLY_MAX: u64 = 1 << 30;

/// The most that is shown of an error, and of a page that is none of ours (characters).
const ERROR_MAX: usize = 500;
const PAGE_MAX: usize = 100;

/// A tap that runs.
pub struct TapClient {
    agent: Agent,
    base: String,
    token: Option<String>,
    abort_reason: AbortReason,
}

/// The answer of `/analytics/stats`, as much as is shown of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct About {
    pub backend: String,
    pub data_dir: Option<String>,
    pub records: u64,
    bytes: Option<u64>,
    oldest: Option<f64>,
    newest: Option<f64>,
}

#[derive(Deserialize)]
struct HealthzReply {
    #[expect(
        dead_code,
        reason = "that it is there tells a tap from everything else"
    )]
    ollama_tap: String,
}

#[derive(Deserialize)]
struct ErrorReply {
    error: String,
}

impl TapClient {
    /// The tap that answers at this address, if it is one that does. No token is sent before it has said so.
    pub fn find(address: &Upstream, token: Option<&str>) -> Option<TapClient> {
        let target = Target::new(address.clone());
        let abort_reason = AbortReason::default();
        let connector = DefaultConnector::default().chain(abort_reason.clone());
        let agent = target.agent_over(connector, |config| {
            config.timeout_connect(Some(CONNECT_TIMEOUT))
        });
        let tap = TapClient {
            agent,
            base: address.to_string(),
            token: token.map(str::to_owned),
            abort_reason,
        };
        tap.is_tap().then_some(tap)
    }

    /// The same tap, asked with this token.
    pub fn with_token(self, token: Option<String>) -> TapClient {
        TapClient { token, ..self }
    }

    fn is_tap(&self) -> bool {
        let request = self
            .agent
            .get(self.url("/healthz"))
            .config()
            .timeout_global(Some(HEALTHZ_TIMEOUT))
            .build();
        let Ok(mut response) = request.call() else {
            return false;
        };
        let text = response
            .body_mut()
            .with_config()
            .limit(SHORT_REPLY_MAX)
            .read_to_vec();
        text.is_ok_and(|text| serde_json::from_slice::<HealthzReply>(&text).is_ok())
    }

    pub fn address(&self) -> &str {
        &self.base
    }

    /// What runs now, as the page tells it.
    pub fn active(&self) -> Result<String> {
        let request = self.agent.get(self.url("/analytics/active"));
        let request = request.config().timeout_global(Some(ACTIVE_TIMEOUT));
        self.read_text(self.call(request.build())?)
    }

    /// Reads a page as it is. A page that reports trouble is not a failure.
    pub fn text(&self, path: &str) -> Result<String> {
        let response = self.agent.get(self.url(path)).call();
        self.read_text(response.map_err(|e| self.failed(&error_chain(&e)))?)
    }

    fn read_text(&self, mut response: Response<Body>) -> Result<String> {
        let body = response.body_mut().with_config().limit(REPLY_MAX);
        let text = body.read_to_string();
        text.map_err(|e| self.failed(&error_chain(&e)))
    }

    pub fn about(&self) -> Result<About> {
        self.answer(self.agent.get(self.url("/analytics/stats")))
    }

    pub fn extent(&self) -> Result<Extent> {
        let about = self.about()?;
        Ok(Extent {
            records: about.records,
            bytes: about.bytes,
            oldest: about.oldest,
            newest: about.newest,
            latest: None,
        })
    }

    pub fn enhanced(&self, asked: Vec<(&str, String)>) -> Result<EnhancedStats> {
        let request = self.agent.get(self.url("/analytics/stats/enhanced"));
        self.answer(request.query_pairs(asked))
    }

    pub fn why(&self, query: &Query, hidden: Hidden) -> Result<Why> {
        let request = self.agent.get(self.url("/analytics/why"));
        let request = match hidden {
            Hidden::Told => request.query("all", "true"),
            Hidden::LeftOut => request,
        };
        self.answer(request.query_pairs(filter::parameters(query)))
    }

    pub fn hide_findings(&self, key: &str, days: u32) -> Result<HideReport> {
        let request = self.agent.post(self.url("/analytics/why/hide"));
        let request = request.query("key", key).query("days", days.to_string());
        let request = self.authorized(request);
        let response = request
            .send_empty()
            .map_err(|e| self.failed(&error_chain(&e)))?;
        self.read(self.expect_good(response)?)
    }

    /// The record with this id, if there is one.
    pub fn get(&self, id: &str) -> Result<Option<Record>> {
        let response = self.send(self.agent.get(self.message_url(id)))?;
        if response.status() == 404 {
            return Ok(None);
        }
        self.read(self.expect_good(response)?).map(Some)
    }

    /// Shows every record that is meant, oldest first, one at a time.
    pub fn for_each(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        let request = self
            .agent
            .get(self.url("/analytics/export"))
            .query("format", "jsonl");
        let response = self.call(request.query_pairs(filter::parameters(query)))?;
        let broken = |cause: String| {
            Error::Failed(format!(
                "read the export of the tap at {}: {cause}",
                self.base
            ))
        };
        let broke_off =
            |e: std::io::Error| broken(self.abort_reason.text().unwrap_or_else(|| e.to_string()));
        let mut lines = BufReader::new(response.into_body().into_reader());
        let mut line = Vec::new();
        while lines
            .by_ref()
            .take(REPLY_MAX)
            .read_until(b'\n', &mut line)
            .map_err(broke_off)?
            > 0
        {
            let record = serde_json::from_slice(&line)
                .map_err(|e| broken(format!("a line is not a record: {e}")))?;
            if visit(record).is_break() {
                break;
            }
            line.clear();
        }
        Ok(())
    }

    pub fn purge(&self, before: Option<f64>) -> Result<PurgeReport> {
        let request = self.agent.delete(self.url("/analytics/messages"));
        let request = match before {
            Some(time) => request.query("before_time", time.to_string()),
            None => request.query("all", "true"),
        };
        self.answer(request)
    }

    /// Returns the number of records that are meant.
    pub fn count(&self, query: &Query) -> Result<MatchCount> {
        let request = self.agent.get(self.url("/analytics/messages"));
        let request = request.query("count", "true").query("limit", "1");
        let response = self.call(request.query_pairs(filter::parameters(query)))?;
        let told = response.headers().get("ollama-tap-matches");
        let count = told.and_then(|told| told.to_str().ok()?.parse().ok());
        count.ok_or_else(|| self.failed("it did not count; a newer one does"))
    }

    pub fn delete(&self, which: &Selection) -> Result<PurgeReport> {
        let mut report = PurgeReport::default();
        match which {
            Selection::Matching(query) => {
                let request = self.agent.delete(self.url("/analytics/messages"));
                report.extend(self.answer(request.query_pairs(filter::parameters(query)))?);
            }
            Selection::Ids(ids) => {
                for id in ids {
                    report.extend(self.answer(self.agent.delete(self.message_url(id)))?);
                }
            }
        }
        Ok(report)
    }

    fn message_url(&self, id: &str) -> String {
        let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
        self.url(&format!("/analytics/messages/{}", id.replace('+', "%20")))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn answer<T: DeserializeOwned>(&self, request: RequestBuilder<WithoutBody>) -> Result<T> {
        self.read(self.call(request)?)
    }

    fn read<T: DeserializeOwned>(&self, mut response: Response<Body>) -> Result<T> {
        let broke_off =
            |e| self.failed(&self.abort_reason.text().unwrap_or_else(|| error_chain(&e)));
        let text = response
            .body_mut()
            .with_config()
            .limit(REPLY_MAX)
            .read_to_vec()
            .map_err(broke_off)?;
        serde_json::from_slice(&text)
            .map_err(|e| self.failed(&format!("its answer is not what was asked for: {e}")))
    }

    /// Sends a request and returns the reply if it is a good one.
    fn call(&self, request: RequestBuilder<WithoutBody>) -> Result<Response<Body>> {
        self.expect_good(self.send(request)?)
    }

    /// Whoever asks may wait for ever, or press Ctrl-C.
    fn send(&self, request: RequestBuilder<WithoutBody>) -> Result<Response<Body>> {
        let response = self.authorized(request).call();
        response.map_err(|e| self.failed(&error_chain(&e)))
    }

    fn authorized<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn expect_good(&self, mut response: Response<Body>) -> Result<Response<Body>> {
        if response.status() == 200 {
            return Ok(response);
        }
        let text = response
            .body_mut()
            .with_config()
            .limit(SHORT_REPLY_MAX)
            .read_to_vec()
            .unwrap_or_default();
        let message = match serde_json::from_slice::<ErrorReply>(&text) {
            Ok(complaint) => refused::in_our_words(complaint.error),
            Err(_) => format!(
                "it answered {} {}",
                response.status().as_u16(),
                summarize_page(&String::from_utf8_lossy(&text), PAGE_MAX)
            ),
        };
        Err(self.failed(&summarize_page(&message, ERROR_MAX)))
    }

    fn failed(&self, cause: &str) -> Error {
        Error::Failed(format!("ask the tap at {}: {cause}", self.base))
    }
}
