//! What is told of recorded cuts.

use super::recorded::cases;
use crate::diagnose::Finding;
use crate::diagnose::context::{Memory, findings};
use crate::diagnose::prompt::Keys;

fn found(name: &str, with_log: bool) -> Finding {
    let mut cases = cases("cuts", &Keys::new());
    cases.retain(|case| case.name == name);
    let said = if with_log {
        cases[0].said()
    } else {
        Vec::new()
    };
    findings(&cases[0].seen, &said, &mut Memory::default()).remove(0)
}

#[test]
fn a_sentence_has_the_numbers_that_are_known() {
    let rows = [
        (
            "edge-chat-rqwen-talk-english-3",
            true,
            "rqwen-talk saw only 514 of 1,025 tokens: the middle was dropped, as the context holds 1,024",
        ),
        (
            "edge-generate-rqwen-talk-english-2",
            false,
            "rqwen-talk saw only 514 of about 1,023 tokens: the middle was dropped, as the context holds 1,024",
        ),
        (
            "turns-v1-chat-rqwen-talk-digits-1",
            false,
            "rqwen-talk probably saw only 765 of at least 1,024 tokens: the oldest messages were dropped, as the context holds 1,024",
        ),
        (
            "no-usage-v1-chat-rjinja-talk-english-4",
            false,
            "rjinja-talk saw only a part of at least 2,634 tokens: the oldest messages were dropped, as the context holds 1,024",
        ),
        (
            "native-chat-rjinja-talk-chinese-1",
            false,
            "rjinja-talk refused this prompt of 2,144 tokens: the context holds 2,048",
        ),
        (
            "embed-embed-rvec-english-4",
            false,
            "rvec saw only 510 of at least 662 tokens: the end of the text was dropped, as the context holds 512",
        ),
        (
            "reply-long-generate-rqwen-endless-english-1",
            false,
            "rqwen-endless: the reply ran over the end of the context of 1,024 tokens (200 of the prompt and 1,500 generated): half of what stood before was thrown away while it was written",
        ),
        (
            "reply-context-v1-messages-noshift-endless-english-1",
            false,
            "noshift-endless: the reply was cut off by the end of the context of 1,024 tokens (943 of the prompt and 81 generated)",
        ),
    ];
    for (name, with_log, sentence) in rows {
        assert_eq!(found(name, with_log).sentence, sentence, "{name}");
    }
}

#[test]
fn the_way_out_is_one_that_the_route_has() {
    let rows = [
        (
            "single-chat-rqwen-talk-code-1",
            "set options.num_ctx to 2048 in the request, or OLLAMA_CONTEXT_LENGTH=2048 on the server, or PARAMETER num_ctx 2048 in a Modelfile",
        ),
        (
            "num-ctx-chat-rqwen-talk-english-2",
            "set options.num_ctx to 8192",
        ),
        (
            "system-v1-messages-rjinja-talk-english-1",
            "/v1 ignores options.num_ctx: set OLLAMA_CONTEXT_LENGTH=4096 on the server, or PARAMETER num_ctx 4096 in a Modelfile; or send less: neither the system prompt nor the last message is ever dropped",
        ),
        (
            "truncate-false-chat-rdeep-talk-english-2",
            "set options.num_ctx to 2048; or leave out truncate=false, and the prompt is cut instead",
        ),
        (
            "embed-embed-rvec-english-4",
            "send the text in smaller pieces, or set options.num_ctx to 1024",
        ),
    ];
    for (name, way_out) in rows {
        assert_eq!(found(name, false).way_out, way_out, "{name}");
    }
}

fn way_out_of(name: &str, num_ctx: i64) -> String {
    let mut cases = cases("cuts", &Keys::new());
    cases.retain(|case| case.name == name);
    cases[0].seen.options.num_ctx = Some(num_ctx);
    findings(&cases[0].seen, &[], &mut Memory::default())
        .remove(0)
        .way_out
}

#[test]
fn what_was_asked_for_in_vain_is_named() {
    assert_eq!(
        way_out_of("system-v1-messages-rjinja-talk-english-1", 8192),
        "/v1 ignores options.num_ctx (8192 was asked for): set OLLAMA_CONTEXT_LENGTH=4096 on the server, or PARAMETER num_ctx 4096 in a Modelfile; or send less: neither the system prompt nor the last message is ever dropped"
    );
    assert_eq!(
        way_out_of("single-chat-rqwen-talk-code-1", 1 << 20),
        "send less: 1048576 was asked for by options.num_ctx, more than this model can have"
    );
}

#[test]
fn no_text_of_a_prompt_is_told() {
    for case in cases("cuts", &Keys::new()) {
        let (_, body) = case.request.split_once("\r\n\r\n").unwrap();
        // Words of the texts that no sentence of ours has.
        let words: Vec<&str> = ["kettle", "garden", "teacher", "engine", "letter"]
            .into_iter()
            .filter(|word| body.contains(word))
            .collect();
        for finding in findings(&case.seen, &case.said(), &mut Memory::default()) {
            let told = serde_json::to_string(&finding).unwrap();
            assert!(!words.iter().any(|word| told.contains(word)), "{told}");
        }
    }
}
