//! The record of an exchange, with as much of its text as may be kept.

use std::time::Duration;

use serde_json::json;

use super::{ContextCut, MODEL_SENT, Record, SecondsSpent, TapIdentity, preview, unix_seconds};
use crate::config::StoreText;
use crate::diagnose::finding::EXCERPT;
use crate::diagnose::{Finding, Kind};
use crate::observe::conversation::Conversation;
use crate::observe::model_name::normalize as normalize_model;
use crate::observe::request::parameters;
use crate::observe::text::prefix;
use crate::observe::{CANCELLED_THROUGH_TAP, Exchange};

/// Bytes of an error that are kept where no text of a prompt may be.
const TEXTLESS_ERROR_MAX: usize = 100;

/// A word of an error that is in the prompt or in the reply may have come from there if it has at
/// least this many bytes.
const QUOTED_WORD_MIN: usize = 4;

impl Record {
    /// The record of `exchange`, with as much of its text as may be kept.
    pub fn new(exchange: Exchange, keep: StoreText, writer: &TapIdentity) -> Record {
        let error = exchange.error.as_deref().map(|error| match keep {
            StoreText::Full => error.to_owned(),
            // It quotes nobody.
            _ if error == CANCELLED_THROUGH_TAP => error.to_owned(),
            _ => without_text(
                error,
                exchange.model.as_deref(),
                &[
                    exchange.prompt.as_deref().unwrap_or_default(),
                    &exchange.response,
                    &exchange.thinking,
                ],
            ),
        });
        let mut metadata = json!({
            "client_ip": exchange.client_ip.map(|ip| ip.to_string()),
            "user_agent": exchange.user_agent,
            "queue_wait_seconds": exchange.queue_wait.as_secs_f64(),
            "upload_seconds": exchange.upload.map(|time| time.as_secs_f64()),
        });
        if let Some(sent) = exchange.model_sent {
            metadata[MODEL_SENT] = sent.into();
        }
        let report = exchange.report;
        if let Some(version) = exchange.client_version {
            metadata["client_version"] = version.into();
        }
        let (session_id, session_guessed) = exchange
            .session
            .map(|session| (session.id, session.is_guessed))
            .unzip();
        let mut record = Record {
            interaction_id: exchange.interaction_id,
            timestamp: unix_seconds(exchange.arrived),
            model: exchange.model,
            endpoint: exchange.endpoint.as_str().to_owned(),
            prompt_category: exchange.prompt_category.to_owned(),
            prompt_tokens: exchange.prompt_tokens,
            generated_tokens: exchange.generated_tokens,
            tokens_per_second: exchange.tokens_per_second.filter(|speed| speed.is_finite()),
            duration_seconds: seconds(Some(exchange.duration)),
            eval_duration_seconds: seconds(exchange.eval_duration),
            load_duration_seconds: seconds(exchange.load_duration),
            status: exchange.outcome.as_str().to_owned(),
            error,
            metadata,
            prompt_eval_duration_seconds: seconds(exchange.prompt_eval_duration),
            total_duration_seconds: seconds(exchange.total_duration),
            time_to_first_token_seconds: seconds(exchange.time_to_first_token),
            http_status: exchange.http_status,
            stream: Some(exchange.stream),
            done_reason: exchange.done_reason,
            tokens_estimated: Some(exchange.tokens_estimated),
            request_bytes: Some(exchange.request_bytes),
            response_bytes: Some(exchange.response_bytes),
            truncated: Some(exchange.truncated),
            prompt_cached_tokens: exchange.prompt_cached_tokens,
            host: Some(writer.host.clone()),
            tap: Some(writer.tap),
            ollama_version: exchange.version.ollama,
            digest: exchange.version.digest,
            quantization: exchange.version.quantization,
            context_length: report.context_length,
            num_ctx: asked_context(exchange.evidence.options.num_ctx),
            parameters: exchange.parameters,
            context_cut: ContextCut::of(&report.findings),
            reload_cause: report.reload_cause.map(|cause| cause.as_str().to_owned()),
            vram_share: report.vram_share,
            time_spent: SecondsSpent::of(report.time_spent),
            findings: report.findings,
            client: exchange.client,
            session_id,
            session_guessed,
            previous_id: exchange.conversation.previous.clone(),
            ..Record::default()
        };
        record.set_conversation(*exchange.conversation, keep);
        let response = Some(exchange.response).filter(|text| !text.is_empty());
        if keep != StoreText::None {
            record.prompt_preview = exchange.prompt.as_deref().map(preview);
            record.response_preview = response.as_deref().map(preview);
        }
        if keep == StoreText::Full {
            let excerpt = report.broken.and_then(|broken| broken.excerpt);
            add_excerpt(&mut record.findings, excerpt);
            record.prompt_full = exchange.prompt;
            record.response_full = response;
            record.thinking_full = Some(exchange.thinking).filter(|text| !text.is_empty());
            record.tool_calls = Some(exchange.tool_calls).filter(|calls| !calls.is_empty());
        }
        record
    }

    /// Takes as much of a conversation as may be kept.
    fn set_conversation(&mut self, mut conversation: Conversation, keep: StoreText) {
        match keep {
            StoreText::None => return,
            StoreText::Preview => conversation.preview(),
            StoreText::Full => {
                conversation.limit();
                let mut messages = conversation.messages.iter().flatten();
                let was_cut = messages.any(|message| message.truncated);
                self.truncated = self.truncated.map(|truncated| truncated || was_cut);
            }
        }
        // That a conversation which goes on has none any more is told by an empty one.
        let is_told = |system: &String| conversation.previous.is_some() || !system.is_empty();
        conversation.system = conversation.system.filter(is_told);
        self.messages_from = conversation
            .messages
            .as_ref()
            .map(|_| conversation.from as u64);
        self.system = conversation.system;
        self.messages = conversation.messages;
    }
}

/// Returns the bytes of text in an exchange, which the bound of the queue counts.
pub fn text_bytes(exchange: &Exchange) -> usize {
    let calls: usize = exchange
        .tool_calls
        .iter()
        .map(|call| call.name.len() + call.arguments.len())
        .sum();
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let texts = optional(&exchange.prompt)
        + optional(&exchange.error)
        + optional(&exchange.user_agent)
        + optional(&exchange.client)
        + optional(&exchange.model)
        + optional(&exchange.model_sent);
    texts
        + exchange.parameters.as_ref().map_or(0, parameters::bytes)
        + exchange.conversation.bytes()
        + exchange.response.len()
        + exchange.thinking.len()
        + calls
}

/// Adds the text at which a cache broke to its finding.
fn add_excerpt(findings: &mut [Finding], excerpt: Option<String>) {
    let broken = findings
        .iter_mut()
        .find(|finding| finding.kind == Kind::CacheBroken);
    if let Some((finding, excerpt)) = broken.zip(excerpt) {
        finding.fields.insert(EXCERPT.to_owned(), excerpt.into());
    }
}

/// A context that makes sense as one; 0 and less stand for a default.
fn asked_context(num_ctx: Option<i64>) -> Option<u64> {
    u64::try_from(num_ctx?).ok().filter(|tokens| *tokens > 0)
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

/// The beginning of an error, up to where it may quote a text: a quote that is not the model's own name, or a colon.
fn unquoted<'a>(error: &'a str, model: Option<&str>) -> &'a str {
    let mut rest = error;
    while let Some(at) = rest.find(['"', '\'', '`', ':']) {
        let (mark, behind) = rest[at..].split_at(1);
        let name = behind.split_once(mark).filter(|(name, _)| {
            let name = normalize_model(name);
            mark != ":" && model == Some(name.as_ref()) && !name.is_empty()
        });
        match name {
            Some((_, after)) => rest = after,
            None => return &error[..error.len() - rest.len() + at],
        }
    }
    error
}

/// Returns the beginning of an error, up to where it begins to quote, with quotation marks or
/// without: Ollama's errors repeat what they could not read.
fn without_text(error: &str, model: Option<&str>, texts: &[&str]) -> String {
    let unquoted = unquoted(error, model);
    let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    let may_be_quoted = |word: &&str| {
        word.len() >= QUOTED_WORD_MIN
            && texts.iter().any(|text| text.contains(&word.to_lowercase()))
    };
    let own: Vec<&str> = unquoted
        .split_whitespace()
        .take_while(|word| !may_be_quoted(word))
        .collect();
    prefix(&own.join(" "), TEXTLESS_ERROR_MAX).to_owned()
}
