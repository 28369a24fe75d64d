//! Recorded errors.

use super::recorded::*;
use crate::observe::Outcome;

#[test]
fn a_model_process_that_dies_is_an_error_in_every_dialect() {
    let died = "an error was encountered while running the model: unexpected EOF";
    let rows = [
        ("generate-runner-dies", died),
        ("chat-runner-dies", died),
        ("v1-chat-runner-dies", "the stream ended without [DONE]"),
        (
            "v1-completions-runner-dies",
            "the stream ended without [DONE]",
        ),
        (
            "v1-responses-runner-dies",
            "the stream ended without response.completed",
        ),
        (
            "v1-messages-runner-dies",
            "the stream ended without message_stop",
        ),
    ];
    for (name, error) in rows {
        for exchange in both_versions(name) {
            assert_eq!(
                (exchange.outcome, exchange.error.as_deref()),
                (Outcome::Error, Some(error)),
                "{name}"
            );
            assert_eq!(exchange.http_status, Some(200), "{name}");
            let words = exchange.response.split(' ').count() as u64;
            assert_eq!(
                (exchange.generated_tokens, exchange.tokens_estimated),
                (Some(words), true),
                "{name}"
            );
            assert_eq!(
                (exchange.model.as_deref(), exchange.parse_failures),
                (Some("endless"), 0),
                "{name}"
            );
        }
    }
}

#[test]
fn refusals_are_errors_with_the_message_of_their_dialect() {
    let rows = [
        ("generate-missing-model", 404, "model 'nope' not found"),
        ("chat-missing-model", 404, "model 'nope' not found"),
        ("chat-no-model", 400, "model is required"),
        (
            "embed-missing-model",
            404,
            "model \"nope\" not found, try pulling it first",
        ),
        ("generate-bad-json", 400, "unexpected EOF"),
        ("generate-empty-body", 400, "missing request body"),
        ("v1-chat-missing-model", 404, "model 'nope' not found"),
        ("v1-chat-bad", 400, "[] is too short - 'messages'"),
        ("v1-chat-bad-json", 400, "unexpected EOF"),
        ("v1-responses-missing-model", 404, "model 'nope' not found"),
        ("v1-messages-missing-model", 404, "model 'nope' not found"),
        (
            "v1-messages-no-max-tokens",
            400,
            "max_tokens is required and must be positive",
        ),
    ];
    for (name, status, error) in rows {
        for exchange in both_versions(name) {
            assert_eq!(
                (exchange.outcome, exchange.http_status),
                (Outcome::Error, Some(status)),
                "{name}"
            );
            assert_eq!(exchange.error.as_deref(), Some(error), "{name}");
            assert_eq!(
                (exchange.stream, exchange.parse_failures),
                (false, 0),
                "{name}"
            );
        }
    }
}
