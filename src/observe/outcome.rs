//! Decides the outcome of an exchange, and its cause. Pure.
//!
//! A clean end of the body proves nothing, since Ollama ends cleanly when its model process dies;
//! only an end marker does. But a reply that arrived whole and could not be understood is not
//! Ollama's failure: the client has it.

use serde_json::Value;
use ureq::http::StatusCode;

use super::event::ExchangeEnd;
use super::exchange::Outcome;
use super::limits::MAX_ERROR_TEXT;
use super::reply::dialect::end_marker;
use super::reply::facts::{ReplyFacts, error_text};
use super::text::prefix;
use crate::http::route::Dialect;

/// The error of an exchange that somebody cancelled through the tap.
pub const CANCELLED_THROUGH_TAP: &str = "cancelled through the tap";

/// Returns the outcome of an exchange, and an error whenever that is `Error`. `status` is that of
/// Ollama's reply, if one began.
pub fn outcome(
    end: &ExchangeEnd,
    status: Option<u16>,
    error_body: &[u8],
    facts: &ReplyFacts,
    dialect: Dialect,
) -> (Outcome, Option<String>) {
    match (end, status) {
        (ExchangeEnd::Refused(_, why), _) => failure(why),
        (ExchangeEnd::UpstreamFailed(why), _) => failure(why),
        (_, Some(status)) if !(200..300).contains(&status) => {
            (Outcome::Error, Some(status_error(status, error_body)))
        }
        _ if facts.error.is_some() => (Outcome::Error, facts.error.clone()),
        _ if facts.done => (Outcome::Success, None),
        (ExchangeEnd::ClientGone, _) => (Outcome::Cancelled, None),
        (ExchangeEnd::Cancelled(_), _) => {
            let error = CANCELLED_THROUGH_TAP.to_owned();
            (Outcome::Cancelled, Some(error))
        }
        (_, None) => failure("ollama gave no reply"),
        _ if facts.ended_mid_object => failure("the reply ended before its JSON was complete"),
        _ if facts.unreadable || facts.parse_failed => (Outcome::Success, None),
        _ if facts.stream => (
            Outcome::Error,
            Some(format!("the stream ended without {}", end_marker(dialect))),
        ),
        _ => failure("the reply ended before its JSON was complete"),
    }
}

fn failure(why: &str) -> (Outcome, Option<String>) {
    let why = if why.trim().is_empty() {
        "no cause was given"
    } else {
        why
    };
    (Outcome::Error, Some(prefix(why, MAX_ERROR_TEXT).to_owned()))
}

/// Returns the error of a reply that is not 2xx. The shapes of all dialects are tried, since each
/// may come on any route.
fn status_error(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let answer = format!("ollama answered {status} {}", reason_phrase(status));
    match message_in(&text) {
        Some(message) => message,
        None if text.trim().is_empty() => format!("{} with no body", answer.trim_end()),
        None => format!(
            "{}: {}",
            answer.trim_end(),
            prefix(text.trim(), MAX_ERROR_TEXT)
        ),
    }
}

/// Returns the message in an error's body: `{"error": "…"}`, `{"error": {"message": "…"}}` or
/// `{"message": "…"}`.
pub fn message_in(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    for key in ["error", "message", "Status"] {
        let value = body.get(key).filter(|value| value.as_str() != Some(""));
        if let Some(text) = value.and_then(error_text) {
            return Some(text);
        }
    }
    None
}

/// Returns the reason phrase of a status, or "" if it has none.
fn reason_phrase(status: u16) -> &'static str {
    let status = StatusCode::from_u16(status).ok();
    status
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(
        end: &ExchangeEnd,
        status: Option<u16>,
        body: &str,
        facts: &ReplyFacts,
        dialect: Dialect,
    ) -> String {
        let (outcome, error) = outcome(end, status, body.as_bytes(), facts, dialect);
        assert_eq!(outcome, Outcome::Error);
        error.unwrap()
    }

    #[test]
    fn a_status_is_explained_by_the_body_in_any_shape() {
        let bodies = [
            (
                404,
                r#"{"error":"model 'x' not found"}"#,
                "model 'x' not found",
            ),
            (
                404,
                r#"{"error":{"message":"no x","type":"not_found_error"}}"#,
                "no x",
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"t","message":"bad"},"request_id":"r"}"#,
                "bad",
            ),
            (
                502,
                r#"{"StatusCode":502,"Status":"502 Bad Gateway","error":"far"}"#,
                "far",
            ),
            (
                502,
                r#"{"StatusCode":502,"Status":"502 Bad Gateway","error":""}"#,
                "502 Bad Gateway",
            ),
            (403, "", "ollama answered 403 Forbidden with no body"),
            (
                404,
                "404 page not found\n",
                "ollama answered 404 Not Found: 404 page not found",
            ),
            (499, "", "ollama answered 499 with no body"),
            (
                500,
                r#"{"other":1}"#,
                r#"ollama answered 500 Internal Server Error: {"other":1}"#,
            ),
        ];
        for (status, body, expected) in bodies {
            assert_eq!(
                error(
                    &ExchangeEnd::Complete,
                    Some(status),
                    body,
                    &ReplyFacts::default(),
                    Dialect::OpenAi
                ),
                expected
            );
        }
    }

    #[test]
    fn the_error_of_a_stream_without_end_marker_names_the_marker() {
        let facts = ReplyFacts {
            stream: true,
            ..ReplyFacts::default()
        };
        for dialect in Dialect::ALL {
            let expected = format!("the stream ended without {}", end_marker(dialect));
            assert_eq!(
                error(&ExchangeEnd::Complete, Some(200), "", &facts, dialect),
                expected
            );
        }
    }

    #[test]
    fn a_client_that_leaves_cancels_unless_the_reply_is_done() {
        let outcome_of = |facts: &ReplyFacts, status| {
            outcome(
                &ExchangeEnd::ClientGone,
                status,
                b"",
                facts,
                Dialect::Native,
            )
            .0
        };
        assert_eq!(outcome_of(&ReplyFacts::default(), None), Outcome::Cancelled);
        assert_eq!(
            outcome_of(
                &ReplyFacts {
                    stream: true,
                    ..ReplyFacts::default()
                },
                Some(200)
            ),
            Outcome::Cancelled
        );
        assert_eq!(
            outcome_of(
                &ReplyFacts {
                    done: true,
                    ..ReplyFacts::default()
                },
                Some(200)
            ),
            Outcome::Success
        );
        assert_eq!(
            outcome_of(&ReplyFacts::default(), Some(404)),
            Outcome::Error
        );
    }

    #[test]
    fn a_request_that_was_cancelled_says_so_unless_the_reply_is_done() {
        let outcome_of = |facts: &ReplyFacts| {
            let end = ExchangeEnd::Cancelled(Some(503));
            outcome(&end, None, b"", facts, Dialect::Native)
        };
        let why = Some(CANCELLED_THROUGH_TAP.to_owned());
        assert_eq!(
            outcome_of(&ReplyFacts::default()),
            (Outcome::Cancelled, why)
        );
        let done = ReplyFacts {
            done: true,
            ..ReplyFacts::default()
        };
        assert_eq!(outcome_of(&done), (Outcome::Success, None));
    }

    #[test]
    fn an_error_always_has_a_text() {
        assert_eq!(
            error(
                &ExchangeEnd::UpstreamFailed(String::new()),
                None,
                "",
                &ReplyFacts::default(),
                Dialect::Native
            ),
            "no cause was given"
        );
        assert_eq!(
            error(
                &ExchangeEnd::Refused(503, "full".into()),
                None,
                "",
                &ReplyFacts::default(),
                Dialect::Native
            ),
            "full"
        );
        assert_eq!(
            error(
                &ExchangeEnd::Complete,
                None,
                "",
                &ReplyFacts::default(),
                Dialect::Native
            ),
            "ollama gave no reply"
        );
    }
}
