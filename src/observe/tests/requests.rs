//! The model and the prompt of a request, however its body is written.

use proptest::prelude::*;

use super::recorded::*;
use crate::http::route::Inference;
use crate::observe::limits::MAX_TEXT;
use crate::observe::{Exchange, ExchangeEnd, RequestBody};

/// Observes a request with this body and a short reply.
pub fn exchange_of(endpoint: Inference, bytes: &[u8], cut: bool) -> Exchange {
    let mut test = TestObserver::new(endpoint);
    test.observer.request(
        RequestBody {
            bytes,
            is_partial: cut,
            encoding: None,
            content_type: None,
        },
        bytes.len() as u64,
    );
    test.observer.head(200, Some("application/json"), None);
    test.observer
        .body(b"{\"model\":\"replied\",\"done\":true}", test.started);
    test.finish(ExchangeEnd::Complete)
}

pub fn model_and_prompt(endpoint: Inference, body: &str) -> (Option<String>, Option<String>) {
    let exchange = exchange_of(endpoint, body.as_bytes(), false);
    (exchange.model, exchange.prompt)
}

pub fn both(model: &str, prompt: &str) -> (Option<String>, Option<String>) {
    (Some(model.to_owned()), Some(prompt.to_owned()))
}

#[test]
fn each_endpoint_has_its_own_place_for_the_prompt() {
    use Inference::*;
    let rows = [
        (Generate, r#"{"model":"m","prompt":"p"}"#),
        (V1Completions, r#"{"model":"m","prompt":"p"}"#),
        (Embeddings, r#"{"model":"m","prompt":"p"}"#),
        (Embed, r#"{"model":"m","input":"p"}"#),
        (V1Embeddings, r#"{"model":"m","input":["p"]}"#),
        (V1Responses, r#"{"model":"m","input":"p"}"#),
        (
            V1Responses,
            r#"{"model":"m","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"p"}]}]}"#,
        ),
        (
            Chat,
            r#"{"model":"m","messages":[{"role":"user","content":"p"}]}"#,
        ),
        (
            V1ChatCompletions,
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"p"}]}]}"#,
        ),
        (
            V1Messages,
            r#"{"model":"m","system":"s","messages":[{"role":"user","content":"p"}]}"#,
        ),
    ];
    for (endpoint, body) in rows {
        assert_eq!(model_and_prompt(endpoint, body), both("m", "p"), "{body}");
    }
}

#[test]
fn a_model_is_known_by_one_name_and_its_spelling_is_kept_if_that_differs() {
    let names_of = |spelling: &str| {
        let exchange = exchange_of(
            Inference::Generate,
            format!("{{\"model\":\"{spelling}\",\"prompt\":\"p\"}}").as_bytes(),
            false,
        );
        (exchange.model.unwrap(), exchange.model_sent)
    };
    assert_eq!(names_of("talk"), ("talk".to_owned(), None));
    assert_eq!(
        names_of("registry.ollama.ai/library/TALK"),
        (
            "talk".to_owned(),
            Some("registry.ollama.ai/library/TALK".to_owned())
        )
    );
    assert_eq!(
        names_of(" talk:latest "),
        ("talk".to_owned(), Some(" talk:latest ".to_owned()))
    );
    let unread = exchange_of(Inference::Generate, b"", false);
    assert_eq!(
        (unread.model.as_deref(), unread.model_sent),
        (Some("replied"), None),
        "the reply's name"
    );
}

#[test]
fn bodies_are_read_as_go_reads_them() {
    let rows = [
        r#"{"MODEL":"m","Prompt":"p"}"#,
        r#"{"model":"x","model":"m","prompt":"x","prompt":"p"}"#,
        r#"{"model":"m","model":null,"prompt":"p","stream":true,"options":{"model":"x","prompt":"x"}}"#,
        r#" {"model":"m","prompt":"p"} {"model":"x"} garbage"#,
        "{\"prompt\":\"\\u0070\",\"images\":[\"AAAA\"],\"model\":\"m\"}\n",
    ];
    for body in rows {
        assert_eq!(
            model_and_prompt(Inference::Generate, body),
            both("m", "p"),
            "{body}"
        );
    }
}

#[test]
fn the_last_message_of_the_user_is_the_prompt() {
    let chat = |messages: &str| {
        model_and_prompt(
            Inference::Chat,
            &format!(r#"{{"model":"m","messages":[{messages}]}}"#),
        )
    };
    let user = r#"{"role":"user","content":"one"}"#;
    assert_eq!(
        chat(&format!(
            r#"{user},{{"role":"assistant","content":"x"}},{{"content":"two","role":"user"}}"#
        )),
        both("m", "two")
    );
    assert_eq!(
        chat(&format!(
            r#"{user},{{"role":"assistant","content":"x"}},{{"role":"tool","content":"y"}}"#
        )),
        both("m", "one")
    );
    assert_eq!(
        chat(&format!(
            r#"{user},{{"role":"user","content":null,"images":["AAAA"]}}"#
        )),
        both("m", "")
    );
    assert_eq!(
        chat(r#"{"role":"system","content":"x"}"#),
        (Some("m".into()), None)
    );
}

#[test]
fn only_the_text_of_a_message_in_parts_is_kept() {
    let chat = |parts: &str| {
        let body = format!(
            r#"{{"messages":[{{"role":"user","content":"old"}},{{"role":"user","content":[{parts}]}}],"model":"m"}}"#
        );
        model_and_prompt(Inference::V1Messages, &body)
    };
    let text = |text: &str| format!(r#"{{"type":"text","text":"{text}"}}"#);
    let image = r#"{"type":"image_url","image_url":{"url":"data:AAAA"}}"#;
    let result = r#"{"type":"tool_result","content":[{"type":"text","text":"sunny"}]}"#;
    assert_eq!(
        chat(&format!("{},{image},{}", text("a"), text("b"))),
        both("m", "a\nb")
    );
    assert_eq!(
        chat(&format!("{result},{}", text("and now?"))),
        both("m", "and now?")
    );
    assert_eq!(chat(result), both("m", "old"));
    assert_eq!(chat(image), both("m", ""));
}

#[test]
fn inputs_are_joined_by_lines_and_token_numbers_are_skipped() {
    assert_eq!(
        model_and_prompt(Inference::Embed, r#"{"model":"m","input":["a","b"]}"#),
        both("m", "a\nb")
    );
    assert_eq!(
        model_and_prompt(
            Inference::V1Embeddings,
            r#"{"model":"m","input":[1,[2,3]]}"#
        ),
        (Some("m".into()), None)
    );
}

#[test]
fn a_prompt_beyond_a_mebibyte_is_cut() {
    let long = "é".repeat(MAX_TEXT);
    let body = format!(r#"{{"prompt":"{long}","model":"m"}}"#);
    let exchange = exchange_of(Inference::Generate, body.as_bytes(), false);
    assert_eq!(
        (exchange.prompt.unwrap().len(), exchange.truncated),
        (MAX_TEXT, true)
    );
    assert_eq!(exchange.model.as_deref(), Some("m"));
    let exchange = exchange_of(Inference::Generate, &body.as_bytes()[..1 << 21], true);
    assert_eq!(
        (exchange.prompt.unwrap().len(), exchange.truncated),
        (MAX_TEXT, true)
    );
}

proptest! {
    #![proptest_config(cases(256, 20_000))]

    #[test]
    fn every_prompt_comes_out_as_it_went_in(prompt in any::<String>()) {
        let body = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": prompt}]}).to_string();
        prop_assert_eq!(exchange_of(Inference::Chat, body.as_bytes(), false).prompt, Some(prompt.clone()));
        let repaired = crate::observe::json::repair(body.as_bytes());
        prop_assert_eq!(String::from_utf8(repaired).unwrap(), body);
    }
}
