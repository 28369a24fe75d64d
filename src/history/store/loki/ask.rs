//! HTTP with Loki: a push, questions for lines, for a number, for the streams that there are. Says what was done, where, and what
//! Loki answered; never a secret.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use ureq::http::StatusCode;
use ureq::tls::Certificate;
use ureq::{Agent, Error, RequestBuilder};

use super::answer::{
    Answer, Data, Labels, Pushed, StreamEntries, VectorSample, answered, is_too_much, words,
};
use super::limits::{Excess, excess};
use super::pages::{Entry, EntryPage, QueryRefusal};
use super::time::{Order, Span};
use crate::config::{LokiAuth, LokiSettings};
use crate::history::store::{Result, StoreError, failed};
use crate::http::agent::{Target, USER_AGENT, error_chain};
use crate::util::threads::lock;

/// What connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// What a push may take, and a question, each with its answer: who asks a page waits for it.
const PUSH_PATIENCE: Duration = Duration::from_secs(30);
const ASK_PATIENCE: Duration = Duration::from_secs(4);

/// A Loki that answered so many questions in a row not in time is not asked again for so long: many may want to.
const SILENT_MAX: u32 = 3;
const REST: Duration = Duration::from_secs(5);

/// The longest answer that is read (bytes). Pages are made for an eighth of it.
const ANSWER_MAX: u64 = 8 << 20;

/// Speaks with one Loki.
pub struct LokiClient {
    agent: Agent,
    base: String,
    authorization: Option<String>,
    tenant: Option<String>,
    /// Questions in a row that were not answered in time, and when the last of them was given up.
    silent: Mutex<Option<(u32, Instant)>>,
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
        let agent = target.agent(|config| {
            config
                .timeout_connect(Some(CONNECT))
                .timeout_global(Some(PUSH_PATIENCE))
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
            silent: Mutex::default(),
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
        let request = self
            .introduced(request)
            .header("content-type", "application/json")
            .header("content-encoding", "gzip");
        let mut response = request
            .send(&body[..])
            .map_err(|e| failed(doing())(error_chain(&e)))?;
        // Read to its end, so that the connection serves again.
        let words = words(response.body_mut());
        Ok(Pushed {
            status: response.status().as_u16(),
            words,
        })
    }

    /// That a push was answered like this, and is to be sent again.
    pub fn unpushed(&self, answer: &Pushed) -> StoreError {
        StoreError::Failed(format!("push to loki at {}: {answer}", self.base))
    }

    /// The lines that `query` finds in `span`, at most `limit`, the first in `order`. `line` makes a line of one and its labels.
    pub fn lines(
        &self,
        query: &str,
        span: Span,
        order: Order,
        limit: usize,
        line: &dyn Fn(&Labels, String) -> String,
    ) -> Result<Result<EntryPage, QueryRefusal>> {
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
        let text = match self.ask("query_range", parameters)? {
            Ok(text) => text,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let streams = self.read::<Data<StreamEntries>>(&text)?.result;
        let mut entries = Vec::new();
        for StreamEntries { stream, values } in streams {
            let of_values = values.into_iter().filter_map(|(time, text)| {
                Some(Entry {
                    time: time.parse().ok()?,
                    line: line(&stream, text),
                })
            });
            entries.extend(of_values);
        }
        Ok(Ok(EntryPage {
            is_full: entries.len() >= limit,
            entries,
            bytes: text.len(),
        }))
    }

    /// The number that `query` makes at one time (nanoseconds since 1970), 0 where there is nothing to count.
    pub fn number(&self, query: &str, time: i64) -> Result<Result<f64, QueryRefusal>> {
        let text = match self.ask("query", [("query", query), ("time", &time.to_string())])? {
            Ok(text) => text,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let samples = self.read::<Data<VectorSample>>(&text)?.result;
        Ok(Ok(samples
            .iter()
            .filter_map(|sample| sample.value.1.parse::<f64>().ok())
            .sum()))
    }

    /// The labels of the streams that have something in `span`.
    pub fn streams(&self, selector: &str, span: Span) -> Result<Result<Vec<Labels>, QueryRefusal>> {
        let (start, end) = (span.start.to_string(), span.end.to_string());
        let text = match self.ask(
            "series",
            [("match[]", selector), ("start", &start), ("end", &end)],
        )? {
            Ok(text) => text,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.read::<Vec<Labels>>(&text).map(Ok)
    }

    fn ask<const N: usize>(
        &self,
        path: &str,
        parameters: [(&str, &str); N],
    ) -> Result<Result<Vec<u8>, QueryRefusal>> {
        let doing = format!("ask loki at {}", self.base);
        if lock(&self.silent)
            .is_some_and(|(times, last)| times >= SILENT_MAX && last.elapsed() < REST)
        {
            return Err(StoreError::Failed(format!(
                "{doing}: it did not answer in time, and is asked again in a few seconds"
            )));
        }
        let request = self
            .agent
            .get(format!("{}/loki/api/v1/{path}", self.base))
            .query_pairs(parameters);
        let request = self
            .introduced(request)
            .config()
            .timeout_global(Some(ASK_PATIENCE))
            .build();
        let answer = request.call().and_then(|mut response| {
            let status = response.status();
            if status != StatusCode::OK {
                return Ok((status, words(response.body_mut()).into_bytes()));
            }
            response
                .body_mut()
                .with_config()
                .limit(ANSWER_MAX)
                .read_to_vec()
                .map(|text| (status, text))
        });
        self.note(&answer);
        match answer {
            Ok((StatusCode::OK, text)) => Ok(Ok(text)),
            Ok((status, text)) => {
                let said = String::from_utf8_lossy(&text);
                let words = format!("{doing}: {}", answered(status.as_u16(), &said));
                excess(status.as_u16(), &said).map_or_else(
                    || Err(StoreError::Failed(words.clone())),
                    |excess| {
                        Ok(Err(QueryRefusal {
                            excess,
                            words: words.clone(),
                        }))
                    },
                )
            }
            Err(cause) if is_too_much(&cause) => Ok(Err(QueryRefusal {
                excess: Excess::Size,
                words: format!("{doing}: {}", error_chain(&cause)),
            })),
            Err(cause) => Err(failed(doing)(error_chain(&cause))),
        }
    }

    /// Whether Loki answered in time, for those who ask next.
    fn note<T>(&self, answer: &Result<T, Error>) {
        let mut silent = lock(&self.silent);
        *silent = match answer {
            Err(Error::Timeout(_)) => {
                Some((silent.map_or(0, |(times, _)| times) + 1, Instant::now()))
            }
            _ => None,
        };
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, text: &[u8]) -> Result<T> {
        let answer: Answer<T> = serde_json::from_slice(text).map_err(failed(format!(
            "ask loki at {}: what answers there is no loki",
            self.base
        )))?;
        Ok(answer.data)
    }

    fn introduced<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
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

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
