//! HTTP with Loki: a push, a question for lines, a question for a number. Says what was done, where, and what Loki answered;
//! never a secret.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use ureq::http::StatusCode;
use ureq::tls::Certificate;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, Error, RequestBuilder};

use super::pages::{ANSWER_MAX, Entry, Page};
use super::time::{Order, Span};
use crate::config::{LokiAuth, LokiSettings};
use crate::forward::failure::chain;
use crate::forward::upstream::{Names, Target};
use crate::store::{Result, StoreError, failed};

/// What connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// What a request and its answer may take together.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much of an error of Loki's is read (bytes), which may name hundreds of lines, and how much is shown (characters).
const WORDS_READ: u64 = 256 * 1024;
const WORDS_SHOWN: usize = 400;

/// What became of a push.
#[derive(Debug, PartialEq, Eq)]
pub enum Pushed {
    Stored,
    /// Some or all of it was refused, and will be whenever it is sent. The words are Loki's, as they came: see `printable`.
    Refused {
        status: u16,
        words: String,
    },
}

/// Speaks with one Loki.
pub struct Client {
    agent: Agent,
    base: String,
    authorization: Option<String>,
    tenant: Option<String>,
    /// `ANSWER_MAX`, but for tests.
    pub answer_max: u64,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Data<T>,
}

#[derive(Deserialize)]
struct Data<T> {
    result: Vec<T>,
}

/// Labels are of no interest: lines say more.
#[derive(Deserialize)]
struct Stream {
    values: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Sample {
    value: (f64, String),
}

impl Client {
    pub fn new(settings: &LokiSettings, roots: Option<Arc<Vec<Certificate<'static>>>>) -> Client {
        let target = Target { upstream: settings.url.clone(), roots };
        let config = target.config().timeout_connect(Some(CONNECT)).timeout_global(Some(PATIENCE));
        let config = config.user_agent(concat!("ollama-tap/", env!("CARGO_PKG_VERSION"))).build();
        let authorization = match &settings.auth {
            LokiAuth::None => None,
            LokiAuth::Bearer(token) => Some(format!("Bearer {token}")),
            LokiAuth::Basic { user, password } => Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))),
        };
        Client {
            agent: Agent::with_parts(config, DefaultConnector::default(), Names),
            base: settings.url.to_string(),
            authorization,
            tenant: settings.tenant.clone(),
            answer_max: ANSWER_MAX,
        }
    }

    /// Where Loki is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends one body. An error means that Loki has perhaps none of it, and that the same may be sent again.
    pub fn push(&self, body: &[u8]) -> Result<Pushed> {
        let doing = || format!("push to loki at {}", self.base);
        let body = gzip(body).map_err(failed(doing()))?;
        let request = self.agent.post(format!("{}/loki/api/v1/push", self.base));
        let request = self.introduced(request).header("content-type", "application/json").header("content-encoding", "gzip");
        let mut response = request.send(&body[..]).map_err(|e| failed(doing())(chain(&e)))?;
        let status = response.status();
        if status.is_success() {
            // Read to its end, so that the connection serves again.
            words(response.body_mut());
            return Ok(Pushed::Stored);
        }
        let words = words(response.body_mut());
        if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::REQUEST_TIMEOUT {
            return Ok(Pushed::Refused { status: status.as_u16(), words });
        }
        Err(failed(doing())(answered(status, &words)))
    }

    /// The lines that `query` finds in `span`, at most `limit`, the first in `order`. `None`: the answer was too long to read.
    pub fn lines(&self, query: &str, span: Span, order: Order, limit: usize) -> Result<Option<Page>> {
        let direction = match order {
            Order::OldestFirst => "forward",
            Order::NewestFirst => "backward",
        };
        let (start, end, limit) = (span.start.to_string(), span.end.to_string(), limit.to_string());
        let parameters = [("query", query), ("start", &start), ("end", &end), ("limit", &limit), ("direction", direction)];
        let Some(text) = self.ask("query_range", parameters)? else { return Ok(None) };
        let streams: Vec<Stream> = self.read(&text)?;
        let values = streams.into_iter().flat_map(|stream| stream.values);
        let entry = |(time, line): (String, String)| Some(Entry { time: time.parse().ok()?, line });
        Ok(Some(Page { entries: values.filter_map(entry).collect(), bytes: text.len() as u64 }))
    }

    /// The number that `query` makes at one time (nanoseconds since 1970), 0 where there is nothing to count.
    pub fn number(&self, query: &str, time: i64) -> Result<f64> {
        let too_long = || StoreError::Failed(format!("ask loki at {}: the answer is longer than {} bytes", self.base, self.answer_max));
        let text = self.ask("query", [("query", query), ("time", &time.to_string())])?.ok_or_else(too_long)?;
        let samples: Vec<Sample> = self.read(&text)?;
        Ok(samples.iter().filter_map(|sample| sample.value.1.parse::<f64>().ok()).sum())
    }

    fn ask<const N: usize>(&self, path: &str, parameters: [(&str, &str); N]) -> Result<Option<Vec<u8>>> {
        let doing = || format!("ask loki at {}", self.base);
        let request = self.agent.get(format!("{}/loki/api/v1/{path}", self.base)).query_pairs(parameters);
        let mut response = self.introduced(request).call().map_err(|e| failed(doing())(chain(&e)))?;
        if response.status() != StatusCode::OK {
            return Err(failed(doing())(answered(response.status(), &words(response.body_mut()))));
        }
        match response.body_mut().with_config().limit(self.answer_max).read_to_vec() {
            Ok(text) => Ok(Some(text)),
            Err(Error::BodyExceedsLimit(_)) => Ok(None),
            Err(e) => Err(failed(doing())(chain(&e))),
        }
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, text: &[u8]) -> Result<Vec<T>> {
        let answer: Answer<T> =
            serde_json::from_slice(text).map_err(failed(format!("ask loki at {}: what answers there is no loki", self.base)))?;
        Ok(answer.data.result)
    }

    fn introduced<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        let headers = [("authorization", &self.authorization), ("x-scope-orgid", &self.tenant)];
        headers.into_iter().fold(request, |request, (name, value)| match value {
            Some(value) => request.header(name, value),
            None => request,
        })
    }
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

/// What Loki says of an error.
fn words(body: &mut Body) -> String {
    let mut words = Vec::new();
    // As much as comes: the status alone says enough.
    let _ = body.as_reader().take(WORDS_READ).read_to_end(&mut words);
    String::from_utf8_lossy(&words).into_owned()
}

fn answered(status: StatusCode, words: &str) -> String {
    format!("{} {}", status.as_u16(), printable(words)).trim_end().to_owned()
}

/// A text of another machine on one line, and not longer than a log line should be.
pub fn printable(text: &str) -> String {
    let mut line: String = text.trim().chars().take(WORDS_SHOWN).flat_map(escaped).collect();
    if text.trim().chars().nth(WORDS_SHOWN).is_some() {
        line.push('…');
    }
    line
}

/// Control characters by their number: a log or a terminal must not obey them.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let plain = (!c.is_control()).then_some(c);
    let numbered = c.is_control().then(|| c.escape_default());
    plain.into_iter().chain(numbered.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_lokis_is_one_short_line() {
        assert_eq!(printable(" no org id\n"), "no org id");
        assert_eq!(printable("a\n\u{1b}[31mb\u{9b}"), "a\\n\\u{1b}[31mb\\u{9b}");
        assert_eq!(printable(&"é".repeat(500)), format!("{}…", "é".repeat(WORDS_SHOWN)));
    }
}
