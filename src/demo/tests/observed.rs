//! The observer reads every reply: the text, the counters and the end that were meant, and nothing that it cannot read.

use super::*;
use crate::demo::texts::DEMO_MARK;
use crate::observe::exchange::Outcome;
use crate::observe::tests::recorded::replay;
use crate::observe::{Exchange, ExchangeEnd};

const TOOLS: &str = r#""tools":[{"name":"get_weather","parameters":{"properties":{"city":{"type":"string"}},"required":["city"]}}]"#;

/// Requests to every endpoint that answers in text, in all that they may request for.
fn questions() -> Vec<(Inference, String)> {
    let mut questions = Vec::new();
    for (endpoint, prompt) in [
        (Inference::Generate, r#""prompt":"Why?""#),
        (
            Inference::Chat,
            r#""messages":[{"role":"user","content":"Why?"}]"#,
        ),
        (
            Inference::V1ChatCompletions,
            r#""stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Why?"}]"#,
        ),
        (
            Inference::V1Completions,
            r#""stream_options":{"include_usage":true},"prompt":"Why?""#,
        ),
        (Inference::V1Responses, r#""input":"Why?""#),
        (
            Inference::V1Messages,
            r#""max_tokens":500,"thinking":{"type":"enabled"},"messages":[{"role":"user","content":"Why?"}]"#,
        ),
    ] {
        for stream in [true, false] {
            for model in ["demo-chat", "demo-think", "demo-tools"] {
                questions.push((
                    endpoint,
                    format!(r#"{{"model":"{model}","stream":{stream},{prompt},{TOOLS}}}"#),
                ));
            }
        }
    }
    questions
}

fn observe(endpoint: Inference, body: &str, status: u16, reply: (String, &str)) -> Exchange {
    let recorded = exchange(endpoint, body, status, reply);
    let exchange = replay(&recorded, &[&recorded.reply.body], ExchangeEnd::Complete);
    assert_eq!(exchange.parse_failures, 0, "{endpoint:?} {body}");
    exchange
}

#[test]
fn every_reply_is_read_with_its_text_its_counters_and_its_mark() {
    for (endpoint, body) in questions() {
        let request = prompt_request(endpoint, &body);
        let generation = plan(&request, FinishReason::Stop);
        let seen = observe(endpoint, &body, 200, reply(&request, &generation));
        assert_eq!(
            (seen.outcome, seen.error.as_deref()),
            (Outcome::Success, None),
            "{endpoint:?} {body}"
        );
        assert_eq!(seen.response, generation.text(), "{endpoint:?} {body}");
        assert!(seen.response.starts_with(DEMO_MARK));
        assert_eq!(
            (seen.prompt_tokens, seen.generated_tokens),
            (Some(generation.prompt_tokens), Some(generation.tokens)),
            "{body}"
        );
        assert!(!seen.tokens_estimated);
        assert_eq!(seen.stream, request.stream);
        let tells_thinking = endpoint != Inference::V1Completions;
        assert_eq!(
            seen.thinking,
            generation
                .thinking()
                .filter(|_| tells_thinking)
                .unwrap_or_default(),
            "{endpoint:?} {body}"
        );
        let tells_calls = !matches!(endpoint, Inference::V1Completions | Inference::Generate);
        assert_eq!(
            seen.tool_calls.len(),
            usize::from(generation.call().is_some() && tells_calls),
            "{endpoint:?} {body}"
        );
        if endpoint == Inference::Generate {
            assert_eq!(
                (seen.load_duration, seen.eval_duration),
                (Some(LOAD), Some(generation.eval()))
            );
            assert_eq!(seen.total_duration, Some(generation.total()));
        }
    }
}

#[test]
fn a_call_has_the_arguments_that_its_tool_requires() {
    let body = format!(
        r#"{{"model":"demo-tools","messages":[{{"role":"user","content":"Weather?"}}],{TOOLS}}}"#
    );
    let request = prompt_request(Inference::Chat, &body);
    let seen = observe(
        Inference::Chat,
        &body,
        200,
        reply(&request, &plan(&request, FinishReason::Stop)),
    );
    assert_eq!(
        (
            seen.tool_calls[0].name.as_str(),
            seen.tool_calls[0].arguments.as_str()
        ),
        ("get_weather", r#"{"city":"demo"}"#)
    );
    let result = body.replace(
        r#"}],"tools"#,
        r#"},{"role":"tool","content":"warm"}],"tools"#,
    );
    assert_eq!(
        super::prompt_request(Inference::Chat, &result).call,
        None,
        "the tool has answered"
    );
}

#[test]
fn a_prompt_with_a_picture_gets_an_answer_about_it_in_every_dialect() {
    for (endpoint, prompt) in [
        (
            Inference::Generate,
            r#""prompt":"What is this?","images":["iVBORw0KGgo="]"#,
        ),
        (
            Inference::Chat,
            r#""messages":[{"role":"user","content":"What is this?","images":["iVBORw0KGgo="]}]"#,
        ),
        (
            Inference::V1ChatCompletions,
            r#""messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]"#,
        ),
        (
            Inference::V1Responses,
            r#""input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,iV"}]}]"#,
        ),
        (
            Inference::V1Messages,
            r#""max_tokens":99,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"iV"}}]}]"#,
        ),
    ] {
        let body = format!(r#"{{"model":"demo-chat",{prompt}}}"#);
        let request = prompt_request(endpoint, &body);
        let seen = observe(
            endpoint,
            &body,
            200,
            reply(&request, &plan(&request, FinishReason::Stop)),
        );
        assert!(
            seen.response.starts_with(DEMO_MARK) && seen.response.contains("your picture"),
            "{endpoint:?}: {}",
            seen.response
        );
    }
}

#[test]
fn a_stream_whose_model_crashes_is_an_error_with_the_text_so_far() {
    for (endpoint, body) in questions() {
        let request = prompt_request(endpoint, &body);
        if !request.stream || request.call.is_some() {
            continue;
        }
        let generation = plan(&request, FinishReason::Crash);
        let seen = observe(endpoint, &body, 200, reply(&request, &generation));
        assert_eq!(
            (seen.outcome, seen.http_status),
            (Outcome::Error, Some(200)),
            "{endpoint:?} {body}"
        );
        assert_eq!(seen.response, generation.text());
    }
}

#[test]
fn a_limit_cuts_the_reply_and_is_its_reason() {
    for (endpoint, body, reason) in [
        (
            Inference::Generate,
            r#"{"model":"demo-chat","prompt":"x","options":{"num_predict":4}}"#,
            "length",
        ),
        (
            Inference::V1ChatCompletions,
            r#"{"model":"demo-chat","messages":[{"role":"user","content":"x"}],"max_tokens":4}"#,
            "length",
        ),
        (
            Inference::V1Messages,
            r#"{"model":"demo-chat","messages":[{"role":"user","content":"x"}],"max_tokens":4}"#,
            "max_tokens",
        ),
    ] {
        let request = prompt_request(endpoint, body);
        let seen = observe(
            endpoint,
            body,
            200,
            reply(&request, &plan(&request, FinishReason::Length)),
        );
        assert_eq!(
            (seen.generated_tokens, seen.done_reason.as_deref()),
            (Some(4), Some(reason)),
            "{endpoint:?}"
        );
    }
}

#[test]
fn vectors_are_read_and_the_same_text_has_the_same_one() {
    for (endpoint, body) in [
        (
            Inference::Embed,
            r#"{"model":"demo-embed","input":["a tap","a tap"]}"#,
        ),
        (
            Inference::Embeddings,
            r#"{"model":"demo-embed","prompt":"a tap"}"#,
        ),
        (
            Inference::V1Embeddings,
            r#"{"model":"demo-embed","input":"a tap"}"#,
        ),
        (
            Inference::V1Embeddings,
            r#"{"model":"demo-embed","input":"a tap","encoding_format":"base64"}"#,
        ),
    ] {
        let request = prompt_request(endpoint, body);
        let reply = embeddings::reply(&request, LOAD, LOAD);
        assert_eq!(reply, embeddings::reply(&request, LOAD, LOAD));
        let seen = observe(endpoint, body, 200, (reply, content_type(endpoint, false)));
        let tokens = (endpoint != Inference::Embeddings).then(|| embeddings::tokens(&request));
        assert_eq!(
            (seen.outcome, seen.prompt_tokens),
            (Outcome::Success, tokens),
            "{body}"
        );
    }
}
