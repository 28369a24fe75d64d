//! What `ollama-tap show` prints of a record.

use serde_json::json;

use super::*;
use crate::diagnose::{Certainty, Finding, Kind};
use crate::observe::conversation::KeptMessage;
use crate::observe::exchange::ToolCall;
use crate::util::layout::columns;

fn screen(width: usize) -> Screen {
    Screen {
        width: Some(width),
        has_color: false,
    }
}

fn message(role: &str, text: &str) -> KeptMessage {
    KeptMessage {
        role: role.to_owned(),
        text: Some(text.to_owned()),
        ..KeptMessage::default()
    }
}

fn tool_call() -> ToolCall {
    ToolCall {
        name: "get_weather".to_owned(),
        arguments: r#"{"city":"Paris"}"#.to_owned(),
    }
}

fn record() -> Record {
    let asking = KeptMessage {
        tool_calls: vec![tool_call()],
        ..message("assistant", "")
    };
    let result = KeptMessage {
        tool_name: Some("get_weather".to_owned()),
        ..message("tool", &"rain\n".repeat(20))
    };
    let gone = KeptMessage {
        role: "gone".to_owned(),
        gone: Some("missing".to_owned()),
        count: 4,
        ..KeptMessage::default()
    };
    let cut = Finding::new(Kind::ContextCut, Certainty::Sure, "middle");
    Record {
        interaction_id: "00000000000000ff".to_owned(),
        timestamp: 1_795_252_622.5,
        model: Some("qwen3:30b".to_owned()),
        quantization: Some("Q4_K_M".to_owned()),
        endpoint: "api/chat".to_owned(),
        parameters:
            json!({"num_ctx": 8192, "reasoning": {"effort": "low"}, "tools": ["get_weather", "f"]})
                .as_object()
                .cloned(),
        status: "success".to_owned(),
        client: Some("open-webui".to_owned()),
        metadata: json!({"client_ip": "192.0.2.7", "client_version": "0.6.1"}),
        prompt_full: Some("and tomorrow?".to_owned()),
        prompt_tokens: Some(1234),
        prompt_cached_tokens: Some(1000),
        generated_tokens: Some(56),
        tokens_per_second: Some(41.2),
        duration_seconds: Some(12.0),
        time_to_first_token_seconds: Some(0.42),
        stream: Some(true),
        session_id: Some("chat 1".to_owned()),
        session_guessed: Some(true),
        system: Some("Be brief.\nAnswer in French.".to_owned()),
        messages: Some(vec![
            gone,
            message("user", "how is the weather?"),
            asking,
            result,
            message("user", "and tomorrow?"),
        ]),
        thinking_full: Some("hm\n".repeat(30)),
        response_full: Some(format!("Il pleut. \u{1b}[2J{}", "mot ".repeat(60))),
        findings: vec![
            cut.sentence("half of the prompt was cut")
                .way_out("set num_ctx to 16384"),
        ],
        ..Record::default()
    }
}

#[test]
fn a_request_is_told_from_what_was_asked_to_what_went_wrong() {
    let page = page(&record(), Detailing::default(), &screen(80));
    let mut rest = page.as_str();
    for words in [
        "00000000000000ff  2026-11-",
        "  success\n",
        "model       qwen3:30b, Q4_K_M\n",
        "endpoint    api/chat, streamed\n",
        "parameters  num_ctx 8192, reasoning effort low, tools get_weather f\n",
        "client      open-webui 0.6.1, from 192.0.2.7\n",
        "tokens      in 1,234 (1,000 cached), out 56\n",
        "speed       41.2 tokens/s, first token after 420 ms, 12.0 s in all\n",
        "session     chat 1, guessed\n",
        "\nsystem\n  Be brief. Answer in French.\n",
        "\n4 earlier messages are no longer in the history\n",
        "\nuser\n  how is the weather?\n",
        "\nassistant\n  -> get_weather({\"city\":\"Paris\"})\n",
        "\nresult of get_weather\n  rain\n",
        "(99 characters in all: --full)\n",
        "\nuser\n  and tomorrow?\n",
        "\nthinking\n  hm\n",
        "(89 characters in all: --thinking)\n",
        "\nreply\n  Il pleut. \\u{1b}[2Jmot",
        "\ntimings\n  other       =====",
        "\n1. half of the prompt was cut (sure)\n   -> set num_ctx to 16384\n",
    ] {
        let at = rest.find(words);
        let at = at.unwrap_or_else(|| panic!("no {words:?} in\n{rest}"));
        rest = &rest[at + words.trim_end().len()..];
    }
    assert!(!page.contains('\u{1b}'), "{page:?}");
    assert!(page.lines().all(|line| columns(line) <= 80), "{page}");
}

#[test]
fn all_of_it_is_shown_where_that_is_asked_for() {
    let shown = |is_full, has_thinking| {
        let detailing = Detailing {
            is_full,
            has_thinking,
        };
        page(&record(), detailing, &screen(80))
    };
    let lines = |page: &str, word: &str| page.lines().filter(|line| *line == word).count();
    let (short, thinking, full) = (shown(false, false), shown(false, true), shown(true, false));
    let counted =
        [&short, &thinking, &full].map(|page| (lines(page, "  hm"), lines(page, "  rain")));
    assert_eq!(counted, [(6, 6), (30, 6), (30, 20)]);
    assert!(
        full.contains("\nsystem\n  Be brief.\n  Answer in French.\n"),
        "{full}"
    );
}

#[test]
fn without_messages_there_is_the_prompt_and_without_any_text_that_is_told() {
    let plain = Record {
        messages: None,
        system: None,
        thinking_full: None,
        prompt_full: None,
        prompt_preview: Some("why is".to_owned()),
        response_full: None,
        findings: Vec::new(),
        error: Some("model 'x' not found".to_owned()),
        status: "error".to_owned(),
        ..record()
    };
    let text = page(&plain, Detailing::default(), &screen(80));
    for words in [
        "\nprompt\n  why is\n  (only the beginning was kept)\n",
        "\nerror\n  model 'x' not found\n",
        "\nnothing was found that made it slow or wrong\n",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    assert!(
        !text.contains("reply") && !text.contains("not kept"),
        "{text}"
    );
    let silent = Record {
        prompt_preview: None,
        ..plain
    };
    let text = page(&silent, Detailing::default(), &screen(80));
    assert!(
        text.contains("what was asked and answered is not kept"),
        "{text}"
    );
}

#[test]
fn no_line_but_code_is_wider_than_the_terminal_and_a_pipe_is_not_wrapped() {
    for width in [40, 60, 120] {
        let page = page(&record(), Detailing::default(), &screen(width));
        assert!(page.lines().all(|line| columns(line) <= width), "{page}");
    }
    let piped = page(&record(), Detailing::default(), &Screen::default());
    let reply = piped.lines().find(|line| line.contains("Il pleut"));
    assert!(reply.is_some_and(|line| line.len() > 200), "{piped}");
}
