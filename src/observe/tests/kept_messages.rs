//! The messages of a request as its record keeps them, whatever they hold and wherever they end.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::requests::exchange_of;
use crate::diagnose::prompt::MESSAGES_MAX;
use crate::http::route::Inference;
use crate::observe::conversation::Conversation;
use crate::observe::limits::MAX_CONVERSATION;

fn kept(endpoint: Inference, body: &[u8], cut: bool) -> Conversation {
    *exchange_of(endpoint, body, cut).conversation
}

fn of_messages(messages: &Value) -> Conversation {
    let body = json!({"model": "m", "messages": messages}).to_string();
    kept(Inference::Chat, body.as_bytes(), false)
}

fn as_json(conversation: &Conversation) -> Value {
    serde_json::to_value(&conversation.messages).unwrap()
}

#[test]
fn what_the_system_says_first_stands_apart_and_later_words_of_it_do_not() {
    let conversation = of_messages(&json!([
        {"role": "system", "content": "One."},
        {"content": [{"text": "Two."}, {"text": "Three."}], "role": "developer"},
        {"role": "user", "content": "Hello"},
        {"role": "system", "content": "Four."},
    ]));
    assert_eq!(conversation.system.as_deref(), Some("One.\n\nTwo.\nThree."));
    let expected = json!([{"role": "user", "text": "Hello"}, {"role": "system", "text": "Four."}]);
    assert_eq!(as_json(&conversation), expected);
}

#[test]
fn results_have_the_name_of_their_tool_in_whatever_order_their_fields_come() {
    let call = json!({"id": "c1", "function": {"arguments": "{}", "name": "find"}});
    let expected = |name: &str| json!({"role": "tool", "text": "found", "tool_name": name});
    for (result, name) in [
        (
            json!({"content": "found", "role": "tool", "tool_call_id": "c1"}),
            "find",
        ),
        (
            json!({"tool_call_id": "c2", "role": "tool", "content": "found"}),
            "c2",
        ),
        (
            json!({"role": "tool", "tool_call_id": "c1", "name": "own", "content": "found"}),
            "own",
        ),
    ] {
        let messages = json!([{"role": "assistant", "tool_calls": [call]}, result]);
        assert_eq!(
            as_json(&of_messages(&messages))[1],
            expected(name),
            "{result}"
        );
    }
    let anthropic = json!({"messages": [
        {"role": "assistant", "content": [{"input": {"a": [1, 2]}, "name": "find", "id": "c1", "type": "tool_use"}]},
        {"role": "user", "content": [
            {"content": [{"type": "text", "text": "found"}], "tool_use_id": "c1", "type": "tool_result"},
            {"type": "text", "text": "Well?"}]}]});
    let conversation = kept(
        Inference::V1Messages,
        anthropic.to_string().as_bytes(),
        false,
    );
    let call = json!([{"name": "find", "arguments": r#"{"a":[1,2]}"#}]);
    let said = as_json(&conversation);
    assert_eq!(said[0]["tool_calls"], call);
    assert_eq!(said[1], expected("find"));
    assert_eq!(said[2], json!({"role": "user", "text": "Well?"}));
}

#[test]
fn a_result_without_text_gives_its_name_to_no_other_message() {
    let parts =
        |name: &str, id: &str| json!({"input": {}, "name": name, "id": id, "type": "tool_use"});
    let result = |id: &str| json!({"tool_use_id": id, "type": "tool_result"});
    let mut found = result("c1");
    found["content"] = json!("found");
    let mut empty = result("c2");
    empty["content"] = json!("");
    for results in [json!([found, empty]), json!([found, result("c2")])] {
        let anthropic = json!({"messages": [
            {"role": "assistant", "content": [parts("find", "c1"), parts("touch", "c2")]},
            {"role": "user", "content": results}]});
        let body = anthropic.to_string();
        let said = as_json(&kept(Inference::V1Messages, body.as_bytes(), false));
        let expected = json!({"role": "tool", "text": "found", "tool_name": "find"});
        assert_eq!(said[1], expected, "{results}");
        assert_eq!(said[0]["tool_name"], Value::Null, "{results}");
    }
    let alone = json!({"messages": [
        {"role": "assistant", "content": [parts("touch", "c2")]},
        {"role": "user", "content": [result("c2")]}]});
    let said = as_json(&kept(
        Inference::V1Messages,
        alone.to_string().as_bytes(),
        false,
    ));
    assert_eq!(said[0]["tool_name"], Value::Null);
}

#[test]
fn a_result_that_fills_the_bound_makes_room_with_its_name() {
    let result = json!({"tool_use_id": "c".repeat(200), "type": "tool_result", "content": "x".repeat(MAX_CONVERSATION)});
    let anthropic = json!({"messages": [
        {"role": "user", "content": [result]}, {"role": "user", "content": "a"}, {"role": "user", "content": "b"}]});
    let body = anthropic.to_string();
    let said = as_json(&kept(Inference::V1Messages, body.as_bytes(), false));
    let expected = json!([{"role": "user", "text": "a"}, {"role": "user", "text": "b"}]);
    assert_eq!(said, expected);
}

#[test]
fn a_key_that_comes_twice_counts_the_second_time() {
    let body = br#"{"messages":[{"role":"user","content":"a"}],"messages":[{"role":"user","content":"b","content":"c"}]}"#;
    let expected = json!([{"role": "user", "text": "c"}]);
    assert_eq!(as_json(&kept(Inference::Chat, body, false)), expected);
}

#[test]
fn of_very_many_messages_the_newest_are_kept() {
    let empty = vec![json!({"role": "user", "content": ""}); 3 * MESSAGES_MAX];
    let conversation = of_messages(&json!(empty));
    let messages = conversation.messages.as_ref().unwrap();
    assert_eq!(
        (messages.len(), conversation.from),
        (MESSAGES_MAX, 2 * MESSAGES_MAX)
    );
    let calls = vec![json!({"function": {"name": "", "arguments": ""}}); 1000];
    let busy = vec![json!({"role": "assistant", "content": "", "tool_calls": calls}); 100];
    assert!(of_messages(&json!(busy)).bytes() < 2 * MAX_CONVERSATION);
}

#[test]
fn prompts_and_embeddings_have_no_messages() {
    for endpoint in [
        Inference::Generate,
        Inference::V1Completions,
        Inference::Embed,
    ] {
        let body = br#"{"prompt":"p","input":"i","system":"s"}"#;
        let conversation = kept(endpoint, body, false);
        assert_eq!(conversation.messages, None, "{endpoint:?}");
        let has_system = endpoint == Inference::Generate;
        assert_eq!(
            conversation.system.as_deref(),
            Some(if has_system { "s" } else { "" })
        );
    }
}

/// Messages as a client may send them, and the role and the text of each.
fn messages() -> impl Strategy<Value = Vec<(&'static str, String, bool)>> {
    let role = prop::sample::select(vec!["user", "assistant", "tool"]);
    let text = "[ -~é空🙂\\n\\t\"\\\\]{0,12}";
    prop::collection::vec((role, text, any::<bool>()), 0..6)
}

fn body_of(messages: &[(&str, String, bool)]) -> String {
    let messages = messages
        .iter()
        .map(|(role, text, in_parts)| match in_parts {
            true => json!({"role": role, "content": [{"type": "text", "text": text}]}),
            false => json!({"role": role, "content": text}),
        });
    json!({"messages": messages.collect::<Vec<_>>()}).to_string()
}

proptest! {
    #[test]
    fn every_message_is_kept_as_it_was_said(messages in messages()) {
        let conversation = kept(Inference::Chat, body_of(&messages).as_bytes(), false);
        let said = conversation.messages.unwrap().into_iter();
        let said: Vec<_> = said.map(|message| (message.role, message.text.unwrap())).collect();
        let sent = messages.iter().map(|(role, text, _)| ((*role).to_owned(), text.clone()));
        prop_assert_eq!(said, sent.collect::<Vec<_>>());
    }

    #[test]
    fn a_body_that_is_cut_anywhere_tells_what_came_before(messages in messages(), cut in any::<prop::sample::Index>()) {
        let body = body_of(&messages);
        let end = cut.index(body.len() + 1);
        let conversation = kept(Inference::Chat, &body.as_bytes()[..end], true);
        let said = conversation.messages.unwrap_or_default();
        prop_assert!(said.len() <= messages.len());
        for (n, (message, (_, text, _))) in said.iter().zip(&messages).enumerate() {
            let told = message.text.as_deref().unwrap();
            let is_whole = n + 1 < said.len();
            // A character that the cut has split is told as such.
            let told = told.trim_end_matches('\u{fffd}');
            prop_assert!(if is_whole { told == text } else { text.starts_with(told) }, "{} {}", told, text);
        }
    }
}
