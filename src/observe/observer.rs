//! The observer of one exchange: hears what passes, in order, and ends exactly once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::category::category;
use super::exchange::Exchange;
use super::facts::Facts;
use super::outcome::outcome;
use super::reply::{Read, Reply};
use super::request::{self, Request};
use super::text::BoundedText;
use super::{Arrival, End, Event, RequestBody, Sink};
use crate::http::route::Inference;
use crate::observe::model_name::fold;
use crate::util::budget::Reservation;

/// Watches one exchange and tells the sink once that it began and once that it ended. Dropped before `finish`, it ends as if the
/// client had left.
pub struct Observer {
    arrival: Arrival,
    sink: Arc<Sink>,
    interaction_id: String,
    request: Request,
    request_bytes: u64,
    upload: Option<Duration>,
    head: Option<(u16, Reply)>,
    response_bytes: u64,
    /// What is kept of the texts takes of the budget.
    memory: Reservation,
    only_counted: bool,
    began: bool,
    ended: bool,
}

impl Observer {
    /// Where `memory` has no room for more, texts are cut.
    pub fn new(arrival: Arrival, sink: Arc<Sink>, memory: Reservation) -> Observer {
        Observer {
            arrival,
            sink,
            interaction_id: format!("{:016x}", fastrand::u64(..)),
            request: Request::default(),
            request_bytes: 0,
            upload: None,
            head: None,
            response_bytes: 0,
            memory,
            only_counted: false,
            began: false,
            ended: false,
        }
    }

    /// Reads the model and the prompt from the body, of which `total_bytes` came. What cannot be read is unknown.
    pub fn request(&mut self, body: RequestBody<'_>, total_bytes: u64) {
        self.request = request::read(self.arrival.endpoint, &body, &mut self.memory);
        self.request_bytes = total_bytes;
        if !self.memory.cover(self.request.kept()) {
            self.request.cut();
        }
        self.begin();
    }

    /// The last byte of the request's body came then.
    pub fn uploaded(&mut self, at: Instant) {
        self.upload = Some(at.saturating_duration_since(self.arrival.started));
    }

    /// The head of the reply: its status, and the values of Content-Type and Content-Encoding.
    pub fn head(
        &mut self,
        status: u16,
        content_type: Option<&str>,
        content_encoding: Option<&str>,
    ) {
        self.head = Some((
            status,
            Reply::new(
                self.arrival.endpoint,
                status,
                content_type,
                content_encoding,
            ),
        ));
    }

    /// The next bytes of the reply's body, which were read at `at` and have been forwarded.
    pub fn body(&mut self, bytes: &[u8], at: Instant) {
        self.response_bytes += bytes.len() as u64;
        if let Some((_, reply)) = &mut self.head {
            reply.feed(bytes, at);
            if !self.memory.cover(self.request.kept() + reply.kept()) {
                reply.stop_keeping();
            }
        }
    }

    /// It is one of too many to be worth a record each.
    pub fn only_count(&mut self) {
        self.only_counted = true;
    }

    pub fn finish(mut self, end: End) {
        self.end(end);
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.began, true) {
            let model = self
                .request
                .model
                .as_deref()
                .map(|name| fold(name).into_owned());
            (self.sink)(Event::Began {
                interaction_id: self.interaction_id.clone(),
                model,
            });
        }
    }

    fn end(&mut self, end: End) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.begin();
        let exchange = self.exchange(end);
        (self.sink)(Event::Ended(Box::new(exchange)));
    }

    fn exchange(&mut self, end: End) -> Exchange {
        let (
            status,
            Read {
                mut facts,
                error_body,
            },
        ) = self.reply(&end);
        let (outcome, error) = outcome(
            &end,
            status,
            &error_body,
            &facts,
            self.arrival.endpoint.dialect(),
        );
        let request = std::mem::take(&mut self.request);
        let model_sent = request.model.or(facts.model.take());
        let model = model_sent.as_deref().map(|name| fold(name).into_owned());
        let tokens = Tokens::of(&facts, self.arrival.endpoint);
        let load_only = makes_no_model_work(&facts, request.prompt.as_ref());
        let accepted = status.is_some_and(|status| (200..300).contains(&status));
        Exchange {
            interaction_id: std::mem::take(&mut self.interaction_id),
            arrived: self.arrival.at,
            endpoint: self.arrival.endpoint,
            client_ip: self.arrival.client_ip,
            user_agent: self.arrival.user_agent.take(),
            model_sent: model_sent.filter(|sent| model.as_ref() != Some(sent)),
            model,
            prompt_category: category(request.prompt.as_ref().map(BoundedText::as_str)),
            truncated: request.truncated
                || request.prompt.as_ref().is_some_and(BoundedText::truncated)
                || facts.truncated(),
            prompt: request.prompt.map(BoundedText::into_string),
            request_bytes: self.request_bytes,
            outcome,
            error,
            http_status: if let End::Refused(status, _) = end {
                Some(status)
            } else {
                status
            },
            load_only,
            only_counted: self.only_counted,
            stream: facts.stream,
            done_reason: facts.done_reason.take(),
            tool_calls: std::mem::take(&mut facts.tools).into_calls(),
            response_bytes: self.response_bytes,
            prompt_tokens: tokens.prompt,
            prompt_cached_tokens: tokens.cached,
            generated_tokens: tokens.generated,
            tokens_estimated: tokens.estimated,
            tokens_per_second: tokens.per_second,
            prompt_tokens_per_second: tokens.prompt_per_second,
            duration: self.arrival.started.elapsed(),
            queue_wait: self.arrival.queue_wait,
            upload: self.upload,
            total_duration: facts.total_duration,
            load_duration: facts.load_duration,
            prompt_eval_duration: facts.prompt_eval_duration,
            eval_duration: facts.eval_duration,
            time_to_first_token: facts
                .first_token
                .filter(|_| facts.stream)
                .map(|first| first.saturating_duration_since(self.arrival.started)),
            time_per_output_token: tokens.time_per_token,
            parse_failures: u64::from(accepted && request.failed)
                + u64::from(accepted && facts.failed),
            response: facts.response.into_string(),
            thinking: facts.thinking.into_string(),
        }
    }

    fn reply(&mut self, end: &End) -> (Option<u16>, Read) {
        match self.head.take() {
            Some((status, reply)) => (Some(status), reply.end(matches!(end, End::Complete))),
            None => (
                None,
                Read {
                    facts: Facts::default(),
                    error_body: Vec::new(),
                },
            ),
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.end(End::ClientGone);
    }
}

/// A reply that only says that a model was loaded or unloaded, or that a prompt was rendered, or the vectors of no text.
fn makes_no_model_work(facts: &Facts, prompt: Option<&BoundedText>) -> bool {
    let counted = facts.prompt_tokens.or(facts.generated_tokens).is_some();
    let is_load = !counted
        && facts.deltas == 0
        && matches!(facts.done_reason.as_deref(), Some("load" | "unload"));
    let of_nothing = facts.no_vectors && !counted && prompt.is_none_or(BoundedText::is_empty);
    is_load || of_nothing || facts.rendered_only
}

/// What the tokens and their times come to.
#[derive(Default)]
struct Tokens {
    prompt: Option<u64>,
    cached: Option<u64>,
    prompt_per_second: Option<f64>,
    generated: Option<u64>,
    estimated: bool,
    per_second: Option<f64>,
    time_per_token: Option<Duration>,
}

impl Tokens {
    fn of(facts: &Facts, endpoint: Inference) -> Tokens {
        if endpoint.is_image() {
            return Tokens::default();
        }
        // The guess stands in for a counter that never came, not for the end of a reply that has none.
        let guess = facts
            .prompt_tokens_guess
            .filter(|_| facts.generated_tokens.is_some());
        let prompt = facts.prompt_tokens.or(guess);
        let cached = facts
            .prompt_cached_tokens
            .filter(|cached| prompt.is_some_and(|prompt| *cached <= prompt));
        let evaluated = prompt.zip(cached).map(|(prompt, cached)| prompt - cached);
        let of_prompt = Tokens {
            prompt,
            cached,
            prompt_per_second: evaluated
                .zip(facts.prompt_eval_duration)
                .and_then(|(tokens, time)| rate(tokens, time)),
            estimated: prompt.is_some() && facts.prompt_tokens.is_none(),
            ..Tokens::default()
        };
        if endpoint.is_embedding() {
            of_prompt
        } else {
            of_prompt.with_generated(facts)
        }
    }

    fn with_generated(self, facts: &Facts) -> Tokens {
        let estimate = Some(facts.deltas).filter(|&deltas| facts.stream && deltas > 0);
        let generated = facts.generated_tokens.or(estimate);
        let gaps = generated.unwrap_or_default().saturating_sub(1);
        let span = span(facts).filter(|_| gaps > 0);
        Tokens {
            generated,
            estimated: self.estimated || facts.generated_tokens.is_none() && estimate.is_some(),
            per_second: native_rate(facts).or_else(|| rate(gaps, span?)),
            time_per_token: span.map(|span| span.div_f64(gaps as f64)),
            ..self
        }
    }
}

/// From the first to the last token of a stream, where there were two to measure.
fn span(facts: &Facts) -> Option<Duration> {
    let measured = facts.stream && facts.deltas >= 2;
    facts
        .last_token
        .zip(facts.first_token)
        .filter(|_| measured)
        .map(|(last, first)| last.saturating_duration_since(first))
}

/// Ollama's own clock.
fn native_rate(facts: &Facts) -> Option<f64> {
    rate(facts.generated_tokens?, facts.eval_duration?)
}

fn rate(tokens: u64, time: Duration) -> Option<f64> {
    (tokens > 0 && !time.is_zero()).then(|| tokens as f64 / time.as_secs_f64())
}
