//! The recordings of cut prompts through the whole observer, counted against what really happened.

use std::fs;
use std::time::Duration;

use super::message::Message;
use super::recorded::{RecordedExchange, TestObserver};
use crate::diagnose;
use crate::diagnose::context::Memory;
use crate::diagnose::evidence::Evidence;
use crate::diagnose::keep_alive::KeepAlive;
use crate::diagnose::prompt::{MessageRole, keys};
use crate::diagnose::seen::{Options, Seen};
use crate::diagnose::tests::labels::{Score, verdict};
use crate::diagnose::tests::recorded::{Case, cases, data};
use crate::http::route::Inference;
use crate::observe::{ExchangeEnd, RequestBody, request};
use crate::util::budget::{Budget, Reservation};

/// The recorded exchange of a case.
pub fn exchange_of(case: &Case, folder: &str) -> RecordedExchange {
    let read = |end: &str| {
        let path = data().join(folder).join(format!("{}.{end}", case.name));
        Message::parse(&mut fs::read(path).unwrap().as_slice(), end == "reply")
    };
    RecordedExchange {
        name: case.name.clone(),
        endpoint: case.seen.endpoint,
        request: read("request"),
        reply: read("reply"),
    }
}

/// What diagnosis is told of an exchange whose reply came in pieces that end at `splits`.
fn seen(recorded: &RecordedExchange, case: &Case, splits: &[usize]) -> Seen {
    let mut test = TestObserver::new(recorded.endpoint);
    test.request(&recorded.request);
    test.head(recorded);
    let at = test.started + Duration::from_millis(5);
    let mut rest = recorded.reply.body.as_slice();
    for split in splits {
        let (piece, after) = rest.split_at(split % (rest.len() + 1));
        test.observer.body(piece, at);
        rest = after;
    }
    test.observer.body(rest, at);
    let mut exchange = test.finish(ExchangeEnd::Complete);
    exchange.seen(case.seen.loaded.clone())
}

/// Each case alone, with its chat before it.
fn score(with_log: bool) -> Score {
    let mut score = Score::default();
    let mut memory = (serde_json::Value::Null, Memory::default());
    for folder in ["cuts", "conversations"] {
        for mut case in cases(folder, keys()) {
            let chat = case.label["conversation"].clone();
            if chat.is_null() || chat != memory.0 {
                memory = (chat, Memory::default());
            }
            let splits: Vec<usize> = case
                .name
                .bytes()
                .map(|byte| usize::from(byte) * 7)
                .collect();
            case.seen = seen(&exchange_of(&case, folder), &case, &splits);
            let found = verdict(&case, with_log, &mut memory.1);
            score.note(&case.name, case.is_cut(), found);
        }
    }
    score
}

#[test]
fn cuts_are_found_from_the_bytes_and_whole_prompts_are_left_alone() {
    score(false).is_at_least("observed", 0.72, 0.92);
    score(true).is_at_least("observed, with the log", 0.86, 0.93);
}

#[test]
fn the_sizes_of_a_prompt_are_those_of_its_texts() {
    for folder in ["cuts", "conversations"] {
        for case in cases(folder, keys()) {
            let observed = seen(&exchange_of(&case, folder), &case, &[]);
            assert_eq!(
                (observed.prompt.sum(|_| true), observed.prompt.images()),
                (case.seen.prompt.sum(|_| true), case.seen.prompt.images()),
                "{}",
                case.name
            );
            assert_eq!(observed.options, case.seen.options, "{}", case.name);
            assert!(!observed.prompt.is_cut, "{}", case.name);
        }
    }
}

fn evidence(endpoint: Inference, body: &str, is_partial: bool) -> Box<Evidence> {
    let mut test = TestObserver::new(endpoint);
    let request = RequestBody {
        bytes: body.as_bytes(),
        is_partial,
        encoding: None,
        content_type: None,
    };
    test.observer.request(request, body.len() as u64);
    test.finish(ExchangeEnd::Complete).evidence
}

#[test]
fn results_of_tools_and_what_stands_beside_a_text_are_told_apart() {
    type Row<'a> = (Inference, &'a str, &'a [(MessageRole, u64)]);
    let rows: [Row<'_>; 4] = [
        (
            Inference::V1Messages,
            r#"{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"tool_use","name":"f","input":{"a":1}}]},
                {"role":"user","content":[{"type":"tool_result","content":"one two"},{"type":"text","text":"go on"}]},
                {"role":"user","content":[{"content":[{"type":"text","text":"three"}],"type":"tool_result"}]}],"system":[{"type":"text","text":"be kind"}]}"#,
            &[
                (MessageRole::System, 2),
                (MessageRole::Assistant, 0),
                (MessageRole::Tool, 2),
                (MessageRole::User, 2),
                (MessageRole::Tool, 1),
            ],
        ),
        (
            Inference::V1Responses,
            r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"reasoning","summary":[]},
                {"type":"function_call","name":"f","arguments":"{}"},{"type":"function_call_output","output":"a b c"}],"instructions":"be kind"}"#,
            &[
                (MessageRole::System, 2),
                (MessageRole::User, 1),
                (MessageRole::Assistant, 0),
                (MessageRole::Assistant, 0),
                (MessageRole::Tool, 3),
            ],
        ),
        (
            Inference::Chat,
            r#"{"messages":[{"content":"a b","role":"tool"},{"role":"user","content":"c","images":["xyz"]},7,{}]}"#,
            &[
                (MessageRole::Tool, 2),
                (MessageRole::User, 1),
                (MessageRole::Other, 0),
            ],
        ),
        (
            Inference::Embed,
            r#"{"input":["a b","c"]}"#,
            &[(MessageRole::User, 2), (MessageRole::User, 1)],
        ),
    ];
    for (endpoint, body, expected) in rows {
        let messages = evidence(endpoint, body, false).prompt.messages;
        let found: Vec<_> = messages
            .iter()
            .map(|message| (message.role, message.text.words))
            .collect();
        assert_eq!(found, expected, "{body}");
        let marked = messages
            .iter()
            .any(|message| message.thinks || message.images == 1 || endpoint == Inference::Embed);
        assert!(marked, "{body}");
    }
}

#[test]
fn options_count_where_ollama_takes_them() {
    let body = r#"{"options":{"num_ctx":4096.0,"num_predict":7,"use_mmap":false,"NUM_GPU":3},"keep_alive":"5m","think":false,"format":{},"max_tokens":9,"shift":false,"tools":[{"a": 1}, {"b": "c d"}]}"#;
    let native = evidence(Inference::Chat, body, false);
    let expected = Options {
        num_ctx: Some(4096),
        num_predict: Some(7),
        use_mmap: Some(false),
        shift: Some(false),
        wants_json: true,
        ..Options::default()
    };
    assert_eq!(native.options, expected);
    assert_eq!(
        native.keep_alive,
        Some(KeepAlive::For(Duration::from_secs(300)))
    );
    assert_eq!(
        native.prompt.tools_bytes,
        (r#"{"a":1}"#.len() + r#"{"b":"c d"}"#.len()) as u64
    );
    assert!(native.prompt.think != 0 && native.prompt.tools != 0);
    let openai = evidence(Inference::V1ChatCompletions, body, false);
    let asked = (
        openai.options.num_ctx,
        openai.options.num_predict,
        openai.options.use_mmap,
    );
    assert_eq!(asked, (Some(4096), Some(9), None));
    assert_eq!((openai.keep_alive, openai.prompt.think), (None, 0));
}

#[test]
fn a_body_that_was_not_read_to_its_end_is_cut() {
    let whole = r#"{"messages":[{"role":"user","content":"a b"},{"role":"user","content":"c d"}]}"#;
    assert!(!evidence(Inference::Chat, whole, false).prompt.is_cut);
    for end in 0..whole.len() {
        assert!(evidence(Inference::Chat, &whole[..end], true).prompt.is_cut);
        assert!(
            evidence(Inference::Chat, &whole[..end], false)
                .prompt
                .is_cut
        );
    }
    assert_eq!(
        evidence(Inference::Chat, &whole[..whole.len() - 5], true)
            .prompt
            .messages
            .len(),
        2
    );
}

#[test]
fn a_content_that_comes_twice_counts_as_it_does_for_ollama_once() {
    let body = |content: &str| {
        format!(
            r#"{{"messages":[{{"role":"system","content":"be kind"}},{{{content},"role":"user"}},{{"role":"user","content":"go on"}}]}}"#
        )
    };
    let once = evidence(Inference::Chat, &body(r#""content":"c d""#), false);
    let twice = evidence(
        Inference::Chat,
        &body(r#""content":"a much longer one","content":[{"type":"text","text":"c d"}]"#),
        false,
    );
    assert_eq!((once.prompt, once.print), (twice.prompt, twice.print));
}

#[test]
fn without_memory_for_a_prompt_it_is_cut_and_what_was_asked_for_is_known() {
    let bytes = br#"{"messages":[{"role":"user","content":"a b"}],"options":{"num_ctx":8192},"keep_alive":-1}"#;
    let body = RequestBody {
        bytes,
        is_partial: false,
        encoding: None,
        content_type: None,
    };
    let mut memory = Reservation::new(&Budget::of(None));
    let mut facts = request::parse(Inference::Chat, &body, &mut memory);
    let texts = "a b".len();
    assert!(facts.buffered_bytes() > texts + size_of::<diagnose::prompt::Message>());
    facts.drop_prompt();
    assert_eq!(facts.buffered_bytes(), 0);
    let evidence = facts.evidence.unwrap();
    assert!(evidence.prompt.is_cut && evidence.prompt.messages.is_empty());
    assert_eq!(evidence.options.num_ctx, Some(8192));
    assert_eq!(evidence.keep_alive, Some(KeepAlive::Forever));
}
