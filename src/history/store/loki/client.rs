//! The HTTP client of Loki: pushes, and queries for lines, numbers and streams. Errors say the
//! operation, the address and Loki's message; never a secret.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use ureq::http::{Response, StatusCode};
use ureq::tls::Certificate;
use ureq::unversioned::transport::{Connector, DefaultConnector};
use ureq::{Agent, Body, Error, RequestBuilder};

use super::interruptible::Interruptible;
use super::limits::{ExceededLimit, exceeded_limit};
use super::pages::{Entry, EntryPage, QueryRefusal};
use super::response::{
    ApiResponse, Data, Labels, PushResponse, StreamEntries, VectorSample, describe, error_message,
    is_too_much,
};
use super::time::{Order, Span};
use crate::config::{LokiAuth, LokiSettings};
use crate::history::store::{Result, StoreError, ensure_wanted, failed};
use crate::http::agent::{Target, USER_AGENT, error_chain};
use crate::util::threads::lock;

/// The time that connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time that a push or a query may take with its response: whoever asked for a page waits for
/// the query.
const PUSH_TIMEOUT: Duration = Duration::from_secs(30);
const QUERY_TIMEOUT: Duration = Duration::from_secs(4);

/// After this many timeouts in a row, Loki is not queried for this long: many pages may want to.
const TIMEOUTS_MAX: u32 = 3;
const QUERY_BACKOFF: Duration = Duration::from_secs(5);

/// The longest response that is read (bytes). Pages are planned to have an eighth of it.
const RESPONSE_MAX: u64 = 8 << 20;

/// Talks to one Loki.
pub struct LokiClient {
    agent: Agent,
    base: String,
    authorization: Option<String>,
    tenant: Option<String>,
    /// The number of queries in a row that timed out, and the time of the last one.
    timeouts: Mutex<Option<(u32, Instant)>>,
}

impl LokiClient {
    pub fn new(
        settings: &LokiSettings,
        roots: Option<Arc<Vec<Certificate<'static>>>>,
    ) -> LokiClient {
        let target = Target {
            upstream: settings.url.clone(),
            roots,
        };
        let connector = DefaultConnector::default().chain(Interruptible);
        let agent = target.agent_over(connector, |config| {
            config
                .timeout_connect(Some(CONNECT_TIMEOUT))
                .timeout_global(Some(PUSH_TIMEOUT))
                .user_agent(USER_AGENT)
        });
        let authorization = match &settings.auth {
            LokiAuth::None => None,
            LokiAuth::Bearer(token) => Some(format!("Bearer {token}")),
            LokiAuth::Basic { user, password } => Some(format!(
                "Basic {}",
                BASE64_STANDARD.encode(format!("{user}:{password}"))
            )),
        };
        LokiClient {
            agent,
            base: settings.url.to_string(),
            authorization,
            tenant: settings.tenant.clone(),
            timeouts: Mutex::default(),
        }
    }

    /// Returns the address of Loki.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends one body. After an error Loki may have none of it, and the same body may be sent
    /// again.
    pub fn push(&self, body: &[u8]) -> Result<PushResponse> {
        let operation = format!("push to loki at {}", self.base);
        let body = gzip(body).map_err(failed(operation.clone()))?;
        let request = self.agent.post(format!("{}/loki/api/v1/push", self.base));
        let request = self
            .with_headers(request)
            .header("content-type", "application/json")
            .header("content-encoding", "gzip");
        let mut response = request
            .send(&body[..])
            .map_err(|e| failed(operation)(error_chain(&e)))?;
        // Read to its end, so that the connection can be used again.
        let message = error_message(response.body_mut());
        Ok(PushResponse {
            status: response.status().as_u16(),
            message,
        })
    }

    /// Makes the error of a push that got this response and is to be sent again.
    pub fn push_error(&self, response: &PushResponse) -> StoreError {
        StoreError::Failed(format!("push to loki at {}: {response}", self.base))
    }

    /// Returns the lines that `query` finds in `span`, at most `limit`, the first ones in `order`.
    /// `line` makes the text of an entry from the labels and the line.
    pub fn query_range(
        &self,
        query: &str,
        span: Span,
        order: Order,
        limit: usize,
        line: &dyn Fn(&Labels, String) -> String,
    ) -> Result<Result<EntryPage, QueryRefusal>> {
        ensure_wanted()?;
        let direction = match order {
            Order::OldestFirst => "forward",
            Order::NewestFirst => "backward",
        };
        let (start, end, entries) = (
            span.start.to_string(),
            span.end.to_string(),
            limit.to_string(),
        );
        let parameters = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("limit", &entries),
            ("direction", direction),
        ];
        let text = match self.get("query_range", parameters)? {
            Ok(text) => text,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let streams = self.read::<Data<StreamEntries>>(&text)?.result;
        let mut entries = Vec::new();
        for StreamEntries { stream, values } in streams {
            for (time, text) in values {
                if let Ok(time) = time.parse() {
                    let line = line(&stream, text);
                    entries.push(Entry { time, line });
                }
            }
        }
        Ok(Ok(EntryPage {
            is_full: entries.len() >= limit,
            entries,
            bytes: text.len(),
        }))
    }

    /// Returns the number that `query` computes at one time (nanoseconds since 1970); 0 if there is
    /// nothing to count.
    pub fn query_instant(&self, query: &str, time: i64) -> Result<Result<f64, QueryRefusal>> {
        let text = match self.get("query", [("query", query), ("time", &time.to_string())])? {
            Ok(text) => text,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let samples = self.read::<Data<VectorSample>>(&text)?.result;
        Ok(Ok(samples
            .iter()
            .filter_map(|sample| sample.value.1.parse::<f64>().ok())
            .sum()))
    }

    /// Returns the labels of the streams that have entries in `span`.
    pub fn series(&self, selector: &str, span: Span) -> Result<Result<Vec<Labels>, QueryRefusal>> {
        let (start, end) = (span.start.to_string(), span.end.to_string());
        let text = match self.get(
            "series",
            [("match[]", selector), ("start", &start), ("end", &end)],
        )? {
            Ok(text) => text,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.read::<Vec<Labels>>(&text).map(Ok)
    }

    fn get<const N: usize>(
        &self,
        path: &str,
        parameters: [(&str, &str); N],
    ) -> Result<Result<Vec<u8>, QueryRefusal>> {
        let operation = format!("ask loki at {}", self.base);
        if lock(&self.timeouts)
            .is_some_and(|(times, last)| times >= TIMEOUTS_MAX && last.elapsed() < QUERY_BACKOFF)
        {
            return Err(StoreError::Failed(format!(
                "{operation}: it did not answer in time, and is asked again in a few seconds"
            )));
        }
        let request = self
            .agent
            .get(format!("{}/loki/api/v1/{path}", self.base))
            .query_pairs(parameters);
        let request = self
            .with_headers(request)
            .config()
            .timeout_global(Some(QUERY_TIMEOUT))
            .build();
        let response = request.call().and_then(read_response);
        ensure_wanted()?;
        self.count_timeout(&response);
        let refusal = match response {
            Ok((StatusCode::OK, text)) => return Ok(Ok(text)),
            Ok((status, text)) => {
                let text = String::from_utf8_lossy(&text);
                let message = format!("{operation}: {}", describe(status.as_u16(), &text));
                match exceeded_limit(status.as_u16(), &text) {
                    Some(exceeded) => QueryRefusal { exceeded, message },
                    None => return Err(StoreError::Failed(message)),
                }
            }
            Err(cause) if is_too_much(&cause) => QueryRefusal {
                exceeded: ExceededLimit::Size,
                message: format!("{operation}: {}", error_chain(&cause)),
            },
            Err(cause) => return Err(failed(operation)(error_chain(&cause))),
        };
        Ok(Err(refusal))
    }

    /// Counts timeouts in a row, for the queries that follow.
    fn count_timeout<T>(&self, response: &Result<T, Error>) {
        let mut timeouts = lock(&self.timeouts);
        *timeouts = match response {
            Err(Error::Timeout(_)) => {
                Some((timeouts.map_or(0, |(times, _)| times) + 1, Instant::now()))
            }
            _ => None,
        };
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, text: &[u8]) -> Result<T> {
        let response: ApiResponse<T> = serde_json::from_slice(text).map_err(failed(format!(
            "ask loki at {}: the server there is not loki",
            self.base
        )))?;
        Ok(response.data)
    }

    fn with_headers<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        let headers = [
            ("authorization", &self.authorization),
            ("x-scope-orgid", &self.tenant),
        ];
        headers
            .into_iter()
            .fold(request, |request, (name, value)| match value {
                Some(value) => request.header(name, value),
                None => request,
            })
    }
}

/// Reads the body of a response, or the message of an error.
fn read_response(mut response: Response<Body>) -> Result<(StatusCode, Vec<u8>), Error> {
    let status = response.status();
    if status != StatusCode::OK {
        return Ok((status, error_message(response.body_mut()).into_bytes()));
    }
    let text = response
        .body_mut()
        .with_config()
        .limit(RESPONSE_MAX)
        .read_to_vec()?;
    Ok((status, text))
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
