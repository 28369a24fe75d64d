//! The observer of one exchange: reads its bytes in order, and ends exactly once.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::category::categorize;
use super::conversation::beginning;
use super::event::{ExchangeEnd, ExchangeEvent, ExchangeStart, RequestBody, RequestStarted, Sink};
use super::exchange::{Exchange, ModelVersion};
use super::model_name::normalize;
use super::outcome::outcome;
use super::reply::facts::ReplyFacts;
use super::reply::{ParsedReply, ReplyParser};
use super::request::{self, RequestFacts};
use super::text::BoundedText;
use super::tokens::TokenCounts;
use crate::diagnose::evidence::Evidence;
use crate::diagnose::prompt::{hash_of_reply, keys};
use crate::util::budget::Reservation;

/// Watches one exchange and emits its events. If it is dropped before `finish`, it ends as if the
/// client had left.
pub struct Observer {
    start: ExchangeStart,
    sink: Arc<Sink>,
    /// The name of the client and the version of its product, once the request has started.
    client: (Option<String>, Option<String>),
    request: RequestFacts,
    /// The bytes of its texts.
    request_memory: usize,
    request_bytes: u64,
    upload: Option<Duration>,
    status: Option<u16>,
    reply: Option<ReplyParser>,
    response_bytes: u64,
    first_byte: Option<Instant>,
    /// Covers the buffered texts.
    memory: Reservation,
    is_unrecorded: bool,
    stage: Stage,
}

/// The events that the sink has got.
#[derive(PartialEq, Eq)]
enum Stage {
    New,
    Started,
    Finished,
}

impl Observer {
    /// Begins with a request that has arrived. Texts are cut when `memory` has no room for more.
    pub fn new(start: ExchangeStart, sink: Arc<Sink>, memory: Reservation) -> Observer {
        Observer {
            start,
            sink,
            client: (None, None),
            request: RequestFacts::default(),
            request_memory: 0,
            request_bytes: 0,
            upload: None,
            status: None,
            reply: None,
            response_bytes: 0,
            first_byte: None,
            memory,
            is_unrecorded: false,
            stage: Stage::New,
        }
    }

    pub fn start(&self) -> &ExchangeStart {
        &self.start
    }

    /// Reads the model and the prompt from the body, which had `total_bytes` and has been sent.
    pub fn request(&mut self, body: RequestBody<'_>, total_bytes: u64) {
        let sent = SystemTime::now();
        self.request = request::parse(self.start.endpoint, &body, &mut self.memory);
        self.request_bytes = total_bytes;
        for drop_text in [RequestFacts::drop_conversation, RequestFacts::drop_prompt] {
            if self.memory.cover(self.request.buffered_bytes()) {
                break;
            }
            drop_text(&mut self.request);
        }
        self.request_memory = self.request.buffered_bytes();
        self.emit_start(sent);
    }

    /// Notes the time of arrival of the last byte of the request's body.
    pub fn uploaded(&mut self, at: Instant) {
        self.upload = Some(at.saturating_duration_since(self.start.started));
    }

    /// Begins the reply, by its status and the values of Content-Type and Content-Encoding.
    pub fn head(
        &mut self,
        status: u16,
        content_type: Option<&str>,
        content_encoding: Option<&str>,
    ) {
        self.status = Some(status);
        self.reply = Some(ReplyParser::new(
            self.start.endpoint,
            status,
            content_type,
            content_encoding,
        ));
    }

    /// Reads the next bytes of the reply's body, which arrived at `at` and have been forwarded.
    pub fn body(&mut self, bytes: &[u8], at: Instant) {
        self.response_bytes += bytes.len() as u64;
        if !bytes.is_empty() && self.first_byte.is_none() {
            self.first_byte = Some(at);
            self.emit_first_byte(at);
        }
        if let Some(reply) = &mut self.reply {
            reply.feed(bytes, at);
            self.start.progress.set(reply.tokens_so_far());
            let buffered = self.request_memory + reply.buffered_bytes();
            if !self.memory.cover(buffered) {
                reply.stop_buffering();
            }
        }
    }

    /// Leaves the exchange out of the history and the log: it is one of too many.
    pub fn set_unrecorded(&mut self) {
        self.is_unrecorded = true;
    }

    pub fn finish(mut self, end: ExchangeEnd) {
        self.emit_finish(end);
    }

    fn emit_start(&mut self, sent: SystemTime) {
        if self.stage != Stage::New {
            return;
        }
        self.stage = Stage::Started;
        self.client = self.start.client_and_version();
        let (model, evidence) = (self.request.model.as_deref(), &self.request.evidence);
        let options = evidence.as_ref().map(|evidence| evidence.options.clone());
        let told = evidence.as_ref().and_then(|it| it.session.told.clone());
        let prompt = self.request.prompt.as_ref();
        (self.sink)(ExchangeEvent::Started(Box::new(RequestStarted {
            interaction_id: self.start.interaction_id.clone(),
            endpoint: self.start.endpoint,
            model: model.map(|name| normalize(name).into_owned()),
            client: self.client.0.clone(),
            session: self.start.session.clone().or(told),
            prompt_start: prompt.map(|text| beginning(text.as_str())),
            options: options.unwrap_or_default(),
            taken: self.start.at + self.start.queue_wait,
            sent,
        })));
    }

    fn emit_first_byte(&self, at: Instant) {
        if self.stage != Stage::Started {
            return;
        }
        let wait = at.saturating_duration_since(self.start.started);
        (self.sink)(ExchangeEvent::FirstByte {
            interaction_id: self.start.interaction_id.clone(),
            at: self.start.at + wait,
        });
    }

    fn emit_finish(&mut self, end: ExchangeEnd) {
        if self.stage == Stage::Finished {
            return;
        }
        self.emit_start(SystemTime::now());
        self.stage = Stage::Finished;
        let exchange = self.exchange(end);
        (self.sink)(ExchangeEvent::Finished(Box::new(exchange)));
    }

    /// Makes the exchange from all that was observed.
    fn exchange(&mut self, end: ExchangeEnd) -> Exchange {
        let ParsedReply {
            mut facts,
            error_body,
        } = match self.reply.take() {
            Some(reply) => reply.finish(end.body_end()),
            None => ParsedReply::default(),
        };
        let endpoint = self.start.endpoint;
        let dialect = endpoint.dialect();
        let (outcome, error) = outcome(&end, self.status, &error_body, &facts, dialect);
        let request = std::mem::take(&mut self.request);
        let model_sent = request.model.or(facts.model.take());
        let model = model_sent
            .as_deref()
            .map(|name| normalize(name).into_owned());
        let tokens = TokenCounts::of(&facts, endpoint);
        let prompt = request.prompt;
        let (client, client_version) = std::mem::take(&mut self.client);
        Exchange {
            interaction_id: std::mem::take(&mut self.start.interaction_id),
            arrived: self.start.at,
            endpoint,
            client_ip: self.start.client_ip,
            user_agent: self.start.user_agent.take(),
            client,
            client_version,

            model_sent: model_sent.filter(|sent| model.as_ref() != Some(sent)),
            model,
            prompt_category: categorize(prompt.as_ref().map(BoundedText::as_str)),
            request_bytes: self.request_bytes,

            outcome,
            error,
            http_status: self.http_status(&end),
            load_only: is_load_only(&facts, prompt.as_ref()),
            is_unrecorded: self.is_unrecorded,
            stream: facts.stream,
            done_reason: facts.done_reason.take(),
            tool_calls: std::mem::take(&mut facts.tool_calls).into_calls(),
            truncated: request.is_truncated
                || prompt.as_ref().is_some_and(BoundedText::truncated)
                || facts.truncated(),
            response_bytes: self.response_bytes,

            prompt_tokens: tokens.prompt,
            prompt_cached_tokens: tokens.cached,
            generated_tokens: tokens.generated,
            tokens_estimated: tokens.is_estimated,
            tokens_per_second: tokens.per_second,
            prompt_tokens_per_second: tokens.prompt_per_second,

            duration: self.start.started.elapsed(),
            queue_wait: self.start.queue_wait,
            upload: self.upload,
            total_duration: facts.total_duration,
            load_duration: facts.load_duration,
            prompt_eval_duration: facts.prompt_eval_duration,
            eval_duration: facts.eval_duration,
            time_to_first_token: self.time_to_first_token(&facts),
            time_per_output_token: tokens.time_per_token,

            parse_failures: self.parse_failures(request.parse_failed, facts.parse_failed),

            version: ModelVersion::default(),
            session: None,
            evidence: self.evidence(request.evidence, &facts),
            report: Box::default(),
            prompt: prompt.map(BoundedText::into_string),
            parameters: request.parameters,
            conversation: Box::new(request.conversation),
            response: facts.response.into_string(),
            thinking: facts.thinking.into_string(),
        }
    }

    /// The status of the response to the client, if there was one.
    fn http_status(&self, end: &ExchangeEnd) -> Option<u16> {
        match end {
            ExchangeEnd::Refused(status, _) => Some(*status),
            ExchangeEnd::Cancelled(status) => status.or(self.status),
            ExchangeEnd::Complete | ExchangeEnd::ClientGone | ExchangeEnd::UpstreamFailed(_) => {
                self.status
            }
        }
    }

    /// The number of parts that could not be read. An exchange that Ollama did not accept has none.
    fn parse_failures(&self, of_request: bool, of_reply: bool) -> u64 {
        match self.status {
            Some(200..300) => u64::from(of_request) + u64::from(of_reply),
            _ => 0,
        }
    }

    /// Adds what the reply tells.
    fn evidence(&mut self, request: Option<Box<Evidence>>, facts: &ReplyFacts) -> Box<Evidence> {
        let mut evidence = request.unwrap_or_else(|| Box::new(Evidence::unread()));
        let first = self.first_byte;
        evidence.first_byte = first.map(|at| at.saturating_duration_since(self.start.started));
        evidence.context_array = facts.context_array;
        evidence.session.response = facts.response_id;
        if let Some(session) = self.start.session.take() {
            evidence.session.told = Some(session);
        }
        let text = facts.response.as_str();
        let is_whole = !facts.truncated() && facts.tool_calls.buffered_bytes() == 0;
        if is_whole && !text.is_empty() && text.trim() == text {
            evidence.reply_text = Some(hash_of_reply(text, keys()));
        }
        evidence
    }

    fn time_to_first_token(&self, facts: &ReplyFacts) -> Option<Duration> {
        let first = facts.first_token.filter(|_| facts.stream)?;
        Some(first.saturating_duration_since(self.start.started))
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.emit_finish(ExchangeEnd::ClientGone);
    }
}

/// Returns whether no model ran: the reply only says that a model was loaded or unloaded, that a
/// prompt was rendered, or holds the embeddings of no text.
fn is_load_only(facts: &ReplyFacts, prompt: Option<&BoundedText>) -> bool {
    let has_counts = facts.prompt_tokens.or(facts.generated_tokens).is_some();
    let is_load = !has_counts
        && facts.deltas == 0
        && matches!(facts.done_reason.as_deref(), Some("load" | "unload"));
    let is_empty_embedding =
        !has_counts && facts.is_empty_embedding && prompt.is_none_or(BoundedText::is_empty);
    is_load || is_empty_embedding || facts.is_render_only
}
