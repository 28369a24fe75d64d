//! Replies that are too long to keep.

use std::time::Duration;

use super::written::*;
use crate::http::route::Inference;
use crate::observe::limits::{MAX_SINGLE_BODY, MAX_VECTORS_BODY};
use crate::observe::{ExchangeEnd, Outcome};

#[test]
fn vectors_that_are_too_long_to_keep_give_their_counters_wherever_the_head_ends() {
    for length in MAX_VECTORS_BODY - 100..MAX_VECTORS_BODY + 100 {
        let numbers = "1".repeat(length - "{\"model\":\"vec\",\"embeddings\":[[]]}".len());
        let body = format!(
            "{{\"model\":\"vec\",\"embeddings\":[[{numbers}]],\"total_duration\":7000,\"prompt_eval_count\":5}}"
        );
        let exchange = timed(
            Inference::Embed,
            JSON,
            &[&body[..9], &body[9..]],
            ExchangeEnd::Complete,
        );
        assert_eq!(
            (exchange.outcome, exchange.prompt_tokens),
            (Outcome::Success, Some(5)),
            "{length}"
        );
        assert_eq!(
            (exchange.model.as_deref(), exchange.parse_failures),
            (Some("vec"), 0),
            "{length}"
        );
        assert_eq!(exchange.total_duration, Some(Duration::from_micros(7)));
    }
    let cut = format!("{{\"embeddings\":[[{}", "1,".repeat(MAX_VECTORS_BODY));
    assert_eq!(
        timed(Inference::Embed, JSON, &[&cut], ExchangeEnd::Complete).outcome,
        Outcome::Error
    );
}

#[test]
fn a_line_that_is_too_long_to_keep_gives_its_counters() {
    let context = "1,".repeat(5 << 20);
    let last = format!(
        "{{\"response\":\"x\",\"done\":true,\"done_reason\":\"stop\",\"context\":[{context}1],\"eval_count\":9,\"eval_duration\":3}}\n"
    );
    let exchange = timed(
        Inference::Generate,
        NDJSON,
        &["{\"response\":\"one\"}\n", &last],
        ExchangeEnd::Complete,
    );
    assert_eq!(
        (exchange.outcome, exchange.generated_tokens),
        (Outcome::Success, Some(9))
    );
    assert_eq!((exchange.parse_failures, exchange.truncated), (1, true));
}

#[test]
fn a_single_reply_that_is_too_long_to_keep_gives_its_counters() {
    let text = "x".repeat(MAX_SINGLE_BODY);
    let body = format!(
        "{{\"model\":\"m\",\"message\":{{\"content\":\"{text}\"}},\"done\":true,\"eval_count\":9,\"eval_duration\":1000000000}}"
    );
    let exchange = timed(Inference::Chat, JSON, &[&body], ExchangeEnd::Complete);
    assert_eq!(
        (
            exchange.outcome,
            exchange.generated_tokens,
            exchange.tokens_per_second
        ),
        (Outcome::Success, Some(9), Some(9.0))
    );
    assert_eq!(
        (exchange.truncated, exchange.model.as_deref()),
        (true, Some("m"))
    );
}

#[test]
fn texts_are_cut_at_a_mebibyte() {
    let line = format!(
        "{{\"response\":\"{}\",\"thinking\":\"t\"}}\n",
        "é".repeat(300_000)
    );
    let exchange = timed(
        Inference::Generate,
        NDJSON,
        &[&line, &line, &line, DONE],
        ExchangeEnd::Complete,
    );
    assert_eq!(
        (
            exchange.response.len(),
            exchange.thinking.as_str(),
            exchange.truncated
        ),
        (1 << 20, "ttt", true)
    );
}
