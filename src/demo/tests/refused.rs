//! Refusals, in Ollama's words and in the shape of the route.

use super::*;
use crate::observe::ExchangeEnd;
use crate::observe::tests::recorded::replay;

#[test]
fn refusals_are_in_ollamas_words_in_the_shape_of_the_route() {
    for (endpoint, body, status, words) in [
        (Inference::Generate, "", 400, "missing request body"),
        (
            Inference::Generate,
            r#"{"model":"demo-chat","#,
            400,
            "unexpected EOF",
        ),
        (
            Inference::V1ChatCompletions,
            r#"{"model""#,
            400,
            "unexpected EOF",
        ),
        (Inference::Generate, "{]", 400, "invalid character"),
        (Inference::Chat, "[]", 400, "cannot unmarshal"),
        (
            Inference::Chat,
            r#"{"messages":[]}"#,
            400,
            "model is required",
        ),
        (
            Inference::Generate,
            r#"{"prompt":"x"}"#,
            404,
            "model '' not found",
        ),
        (
            Inference::Chat,
            r#"{"model":"nope"}"#,
            404,
            "model 'nope' not found",
        ),
        (
            Inference::Embed,
            r#"{"model":"nope"}"#,
            404,
            r#"model "nope" not found, try pulling it first"#,
        ),
        (
            Inference::V1Responses,
            r#"{"model":"nope"}"#,
            404,
            "model 'nope' not found",
        ),
        (
            Inference::V1Messages,
            r#"{"model":"nope","max_tokens":5}"#,
            404,
            "model 'nope' not found",
        ),
        (
            Inference::V1Messages,
            r#"{"model":"demo-chat"}"#,
            400,
            "max_tokens is required and must be positive",
        ),
        (
            Inference::V1ChatCompletions,
            r#"{"model":"demo-chat","messages":[]}"#,
            400,
            "[] is too short - 'messages'",
        ),
        (
            Inference::Embed,
            r#"{"model":"demo-chat"}"#,
            501,
            "does not support embeddings",
        ),
        (
            Inference::Chat,
            r#"{"model":"demo-embed"}"#,
            400,
            r#""demo-embed" does not support chat"#,
        ),
        (
            Inference::Generate,
            r#"{"model":"demo-chat","prompt":"x","think":true}"#,
            400,
            r#""demo-chat" does not support thinking"#,
        ),
    ] {
        let Err(refusal) = action(endpoint, body) else {
            panic!("{body} is answered")
        };
        assert_eq!(refusal.status, status, "{body}: {refusal:?}");
        let recorded = exchange(
            endpoint,
            body,
            status,
            (refusal.body(endpoint.dialect()), "application/json"),
        );
        let seen = replay(&recorded, &[&recorded.reply.body], ExchangeEnd::Complete);
        assert!(
            seen.error.as_deref().unwrap_or_default().contains(words),
            "{body}: {:?}",
            seen.error
        );
    }
}
