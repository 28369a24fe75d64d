//! What other servers of this family, gateways and scripts make of the dialects, and what each ending then is.

use std::fs;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::recorded::*;
use crate::observe::{End, Exchange, Outcome, RequestBody};
use crate::route::Inference::{self, *};

const SSE: &str = "text/event-stream";
const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";

fn read(endpoint: Inference, content_type: &str, pieces: &[&[u8]]) -> Exchange {
    let mut watched = watch(endpoint);
    watched.observer.head(200, Some(content_type).filter(|kind| !kind.is_empty()), None);
    pieces.iter().for_each(|piece| watched.observer.body(piece, watched.started));
    watched.finish(End::Complete)
}

/// Reads a body whole and split at every byte, which must be the same.
fn split(endpoint: Inference, content_type: &str, body: &str) -> Exchange {
    let whole = normal(read(endpoint, content_type, &[body.as_bytes()]));
    for at in 0..=body.len() {
        let (first, second) = body.as_bytes().split_at(at);
        assert_eq!(normal(read(endpoint, content_type, &[first, second])), whole, "{body:?} split at {at}");
    }
    whole
}

/// A reply of tests/data/cases, whose README tells where each comes from.
fn case(endpoint: Inference, name: &str) -> Exchange {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases").join(name);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reply = Message::parse(&mut bytes.as_slice(), true);
    split(endpoint, reply.header("content-type").unwrap(), str::from_utf8(&reply.body).unwrap())
}

#[test]
fn each_case_is_a_success_with_all_that_it_says() {
    let rows = [
        (Generate, "ct-json-but-nd.reply", Some(5), Some(7), "hé", ""),
        (Generate, "nd-float.reply", Some(5), Some(7), "hé", ""),
        (V1ChatCompletions, "sse-done-space.reply", Some(5), Some(7), "hi", ""),
        (V1ChatCompletions, "sse-reasoning_content.reply", None, Some(2), "a", "think"),
        (V1ChatCompletions, "sse-tool-argobj.reply", Some(5), Some(7), "", ""),
        (V1ChatCompletions, "json-content-parts.reply", Some(5), Some(7), "hi", ""),
    ];
    for (endpoint, name, prompt, generated, text, thinking) in rows {
        let exchange = case(endpoint, name);
        assert_eq!((exchange.outcome, exchange.error, exchange.parse_failures), (Outcome::Success, None, 0), "{name}");
        assert_eq!((exchange.prompt_tokens, exchange.generated_tokens), (prompt, generated), "{name}");
        assert_eq!((exchange.response.as_str(), exchange.thinking.as_str()), (text, thinking), "{name}");
    }
    let calls = case(V1ChatCompletions, "sse-tool-argobj.reply").tool_calls;
    assert_eq!((calls.len(), calls[0].name.as_str(), calls[0].arguments.as_str()), (1, "f", r#"{"a":1}"#));
}

#[test]
fn an_event_stream_means_the_same_in_every_form_that_clients_read() {
    let one = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    let two = r#"{"choices":[{"index":0,"delta":{"content":"b"}}]}"#;
    let bodies = [
        format!("data: {one}\n\ndata: {two}\n\ndata: [DONE]\n\n"),
        format!("data:{one}\r\n\r\ndata:{two}\r\n\r\ndata:[DONE]\r\n\r\n"),
        format!("data: {one}\r\rdata: {two}\r\rdata:  [DONE]\t"),
        format!("\u{feff}: hello\n\nevent: x\nid: 1\ndata: {one}\n\n: ping\n\ndata: {two}\n\nretry: 3\ndata: [DONE]"),
        format!("data: {one}\ndata: {two}\ndata: [DONE]\n"),
        format!("data: {{\"choices\":[{{\"index\":0,\ndata: \"delta\":{{\"content\":\"a\"}}}}]}}\n\ndata: {two}\n\ndata: [DONE]\n\n"),
        format!("{one}\n{two}\n\ndata: [DONE]").replace("\n\ndata: [DONE]", "\n{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}\n"),
    ];
    for content_type in [SSE, "Text/Event-Stream; charset=utf-8", JSON, NDJSON, "text/plain", ""] {
        for body in &bodies {
            let exchange = split(V1ChatCompletions, content_type, body);
            assert_eq!(
                (exchange.outcome, exchange.parse_failures, exchange.stream),
                (Outcome::Success, 0, true),
                "{content_type} {body:?}"
            );
            assert_eq!((exchange.response.as_str(), exchange.generated_tokens), ("ab", Some(2)), "{content_type} {body:?}");
        }
    }
}

#[test]
fn lines_of_objects_and_single_objects_are_told_apart_by_their_shape() {
    let last = r#"{"response":"","done":true,"prompt_eval_count":5,"eval_count":7}"#;
    for content_type in [NDJSON, JSON, SSE, "text/plain", "application/octet-stream", ""] {
        for body in [format!("{{\"response\":\"a\"}}\n{last}\n"), format!("\u{feff}\n {{\"response\":\"a\"}}\r\n{last}")] {
            let exchange = split(Generate, content_type, &body);
            assert_eq!(
                (exchange.outcome, exchange.parse_failures, exchange.stream),
                (Outcome::Success, 0, true),
                "{content_type} {body:?}"
            );
            assert_eq!((exchange.response.as_str(), exchange.prompt_tokens, exchange.generated_tokens), ("a", Some(5), Some(7)));
        }
    }
    for content_type in [JSON, "text/plain", ""] {
        for body in
            [format!("{last}\n"), last.to_owned(), last.replace(',', ",\n  ").replace('{', "{\n  "), format!("{{\"response\":\"\"}}{last}")]
        {
            let exchange = split(Generate, content_type, &body);
            assert_eq!(
                (exchange.outcome, exchange.parse_failures, exchange.stream),
                (Outcome::Success, 0, false),
                "{content_type} {body:?}"
            );
            assert_eq!((exchange.prompt_tokens, exchange.generated_tokens), (Some(5), Some(7)), "{content_type} {body:?}");
        }
    }
}

#[test]
fn values_that_nobody_expects_lose_only_themselves() {
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let rows = [
        r#"{"message":null,"tool_calls":null,"error":null,"done":true,"done_reason":null,"eval_count":7}"#.to_owned(),
        r#"{"message":{"content":[{"text":"x"}],"tool_calls":{"function":null}},"done":1,"eval_count":"7"}"#.to_owned(),
        r#"{"message":"x","response":{"a":1},"done":"true","eval_count":7.0,"prompt_eval_count":1e999}"#.to_owned(),
        r#"{"done":true,"eval_count":7,"prompt_eval_count":123456789012345678901234567890,"prompt_eval_duration":NaN}"#.to_owned(),
        r#"{"done":false,"done":true,"eval_count":1,"eval_count":7,"model":7,"thinking":[]}"#.to_owned(),
        format!(
            r#"{{"message":{{"tool_calls":[{{"function":{{"name":"f","arguments":{deep}}}}}]}},"context":{deep},"done":true,"eval_count":7}}"#
        ),
    ];
    for body in rows {
        for content_type in [NDJSON, JSON] {
            let exchange = read(Chat, content_type, &[body.as_bytes()]);
            assert_eq!((exchange.outcome, exchange.parse_failures), (Outcome::Success, 0), "{body:.200}");
            assert_eq!((exchange.generated_tokens, exchange.prompt_tokens), (Some(7), None), "{body:.200}");
            assert!(exchange.tool_calls.iter().all(|call| call.arguments == deep), "{body:.200}");
        }
    }
}

#[test]
fn a_clean_end_is_judged_by_what_was_whole_and_what_was_read() {
    let delta = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    let stop = |index: u32| format!(r#"{{"choices":[{{"index":{index},"delta":{{}},"finish_reason":"stop"}}]}}"#);
    let rows = [
        // An error that was read wins over everything.
        (
            V1ChatCompletions,
            SSE,
            format!("data: {}\n\ndata: {{\"error\":{{\"message\":\"no\"}}}}\n\ndata: [DONE]\n\n", stop(0)),
            Outcome::Error,
            0,
        ),
        (
            V1ChatCompletions,
            SSE,
            "data: {\"object\":\"error\",\"message\":\"no\",\"code\":400}\n\ndata: [DONE]\n\n".into(),
            Outcome::Error,
            0,
        ),
        (V1ChatCompletions, SSE, "error: {\"code\":500,\"message\":\"no\"}\n\n".into(), Outcome::Error, 0),
        (V1ChatCompletions, SSE, "event: error\ndata: {\"message\":\"no\"}\n\n".into(), Outcome::Error, 0),
        (Chat, JSON, r#"{"error":"no"}"#.into(), Outcome::Error, 0),
        // The end marker.
        (V1ChatCompletions, SSE, format!("data: {delta}\n\ndata: {}\n\n", stop(0)), Outcome::Success, 0),
        (V1ChatCompletions, SSE, format!("data: {delta}\n\ndata: {}\n\ndata: {}\n\ndata: {{\"cho", stop(1), stop(0)), Outcome::Success, 1),
        (V1ChatCompletions, SSE, format!("data: {delta}\n\ndata: {}\n\n", stop(1)), Outcome::Error, 0),
        // Cut off in mid-JSON.
        (Chat, NDJSON, "{\"message\":{\"content\":\"a\"}}\n{\"message\":{\"con".into(), Outcome::Error, 1),
        (Chat, JSON, r#"{"message":{"content":"a"},"done":tr"#.into(), Outcome::Error, 1),
        (V1ChatCompletions, SSE, format!("data: {delta}\n\ndata: {{\"choices\":[{{"), Outcome::Error, 1),
        // Whole, and not understood.
        (Chat, NDJSON, "{\"message\":{\"content\":\"a\"}}\n{broken}\n{\"message\":{\"content\":\"b\"}}\n".into(), Outcome::Success, 1),
        (Chat, NDJSON, "{\"a\":1}\n{\"a\":2}\n".into(), Outcome::Success, 1),
        (Chat, JSON, r#"{"a":1}"#.into(), Outcome::Success, 1),
        (Chat, JSON, "[1,2]".into(), Outcome::Success, 1),
        (V1Messages, SSE, "data: {\"a\":1}\n\n".into(), Outcome::Success, 1),
        (Chat, "text/html", "<html></html>".into(), Outcome::Success, 1),
        // All was read, and the end is missing.
        (Chat, NDJSON, "{\"message\":{\"content\":\"a\"}}\n".into(), Outcome::Error, 0),
        (V1ChatCompletions, SSE, format!("data: {delta}\n\n"), Outcome::Error, 0),
        (V1Messages, SSE, "data: {\"type\":\"ping\"}\n\n".into(), Outcome::Error, 0),
        (Chat, NDJSON, String::new(), Outcome::Error, 0),
        // A single object that parses.
        (Chat, JSON, r#"{"message":{"content":"a"},"done":false}"#.into(), Outcome::Success, 0),
    ];
    for (endpoint, content_type, body, outcome, failures) in rows {
        let exchange = split(endpoint, content_type, &body);
        assert_eq!((exchange.outcome, exchange.parse_failures), (outcome, failures), "{content_type} {body}: {:?}", exchange.error);
    }
}

#[test]
fn what_makes_no_model_work_is_no_inference() {
    let rows = [
        (Embed, r#"{"model":"vec","embeddings":[]}"#),
        (Embeddings, r#"{"embedding":[]}"#),
        (Generate, r#"{"model":"m","response":"","done":false,"_debug_info":{"rendered_template":"x"}}"#),
        (Chat, r#"{"model":"m","done":false,"_debug_info":{}}"#),
        (Chat, r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"unload"}"#),
    ];
    for (endpoint, body) in rows {
        assert!(split(endpoint, JSON, body).load_only, "{body}");
    }
    for (endpoint, body) in
        [(Embed, r#"{"embeddings":[[1]]}"#), (Embed, r#"{"error":"no"}"#), (Chat, r#"{"done":true,"done_reason":"stop"}"#)]
    {
        assert!(!split(endpoint, JSON, body).load_only, "{body}");
    }
}

#[test]
fn pictures_and_decisions_are_read_with_their_prompt_and_pictures_without_tokens() {
    let asked = |endpoint, content_type: Option<&str>, body: &str, reply: &str| {
        let mut watched = watch(endpoint);
        watched.observer.request(RequestBody { bytes: body.as_bytes(), cut: false, encoding: None, content_type }, 1);
        watched.observer.head(200, Some(JSON), None);
        watched.observer.body(reply.as_bytes(), watched.started);
        watched.finish(End::Complete)
    };
    let picture =
        format!(r#"{{"created":1,"data":[{{"b64_json":"{}"}}],"usage":{{"input_tokens":3,"output_tokens":9}}}}"#, "A".repeat(1 << 18));
    let form = "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nflux\r\n--x\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n--x--\r\n";
    let rows = [
        (V1ImageGenerations, Some(JSON), r#"{"model":"flux","prompt":"a cat"}"#),
        (V1ImageEdits, Some("multipart/form-data; boundary=x"), form),
        (V1ImageEdits, None, r#"{"model":"flux","prompt":"a cat","image":"AAAA"}"#),
    ];
    for (endpoint, content_type, body) in rows {
        let exchange = asked(endpoint, content_type, body, &picture);
        assert_eq!((exchange.outcome, exchange.parse_failures, exchange.truncated), (Outcome::Success, 0, false), "{body}");
        assert_eq!((exchange.model.as_deref(), exchange.prompt.as_deref()), (Some("flux"), Some("a cat")), "{body}");
        assert_eq!((exchange.prompt_tokens, exchange.generated_tokens, exchange.response.as_str()), (None, None, ""), "{body}");
    }
    let reply = r#"{"object":"decision","choices":[{"index":0,"message":{"content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#;
    for body in [
        r#"{"model":"m","input":"go?"}"#,
        r#"{"model":"m","prompt":"go?"}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"go?"}]}"#,
    ] {
        let exchange = asked(V1Systemone, Some(JSON), body, reply);
        assert_eq!(
            (exchange.prompt.as_deref(), exchange.prompt_tokens, exchange.response.as_str()),
            (Some("go?"), Some(3), "yes"),
            "{body}"
        );
    }
}

fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let (mut gzip, mut zlib) = (GzEncoder::new(Vec::new(), Compression::fast()), ZlibEncoder::new(Vec::new(), Compression::fast()));
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
    for to in [&mut gzip as &mut dyn std::io::Write, &mut zlib, &mut raw] {
        to.write_all(body).unwrap();
    }
    match encoding {
        "deflate" => zlib.finish().unwrap(),
        "raw" => raw.finish().unwrap(),
        _ => gzip.finish().unwrap(),
    }
}

fn asked_encoded(name: &str, bytes: &[u8], cut: bool) -> Exchange {
    let mut watched = watch(Generate);
    watched.observer.request(RequestBody { bytes, cut, encoding: Some(name), content_type: None }, bytes.len() as u64);
    watched.observer.head(200, Some(JSON), None);
    watched.observer.body(b"{\"done\":true}", watched.started);
    watched.finish(End::Complete)
}

#[test]
fn compressed_requests_are_read_and_what_is_broken_or_too_large_is_not_followed() {
    let body = br#"{"model":"m","prompt":"Why is the sky blue?"}"#;
    for (encoding, name) in [("gzip", "GZIP"), ("gzip", "x-gzip"), ("deflate", "deflate"), ("raw", "deflate")] {
        let bytes = encoded(encoding, body);
        let exchange = asked_encoded(name, &bytes, false);
        assert_eq!((exchange.model.as_deref(), exchange.prompt.as_deref()), (Some("m"), Some("Why is the sky blue?")), "{encoding}");
        assert_eq!((exchange.truncated, exchange.parse_failures), (false, 0), "{encoding}");
        for at in 0..bytes.len() {
            asked_encoded(name, &bytes[..at], at % 2 == 0);
            let mut broken = bytes.clone();
            broken[at] ^= 0x55;
            asked_encoded(name, &broken, false);
        }
    }
    let bomb = [br#"{"model":"m","prompt":""#.as_slice(), &vec![b'a'; 64 << 20]].concat();
    let exchange = asked_encoded("gzip", &encoded("gzip", &bomb), false);
    assert!(exchange.truncated && exchange.prompt.unwrap().len() <= 1 << 20);
    let exchange = asked_encoded("br", b"what is this", false);
    assert_eq!((exchange.truncated, exchange.parse_failures, exchange.prompt), (false, 1, None));
}

proptest! {
    #![proptest_config(cases(64, 5_000))]

    #[test]
    fn a_stream_reads_the_same_however_it_is_framed_and_split(texts in prop::collection::vec("[a-zé\"\\\\\n]{1,8}", 1..8), ends in 0usize..3, seed: u64) {
        let end = ["\n", "\r\n", "\r"][ends];
        let mut random = fastrand::Rng::with_seed(seed);
        let mut body = String::new();
        for text in &texts {
            let object = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]});
            let between = if random.bool() { end.repeat(2) } else { end.to_owned() };
            let comment = if random.bool() { format!(": x{end}") } else { String::new() };
            body += &format!("{comment}data: {object}{between}");
        }
        body += &format!("data: [DONE]{}", if random.bool() { end } else { "" });
        let (mut rest, mut pieces) = (body.as_bytes(), Vec::new());
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(random.usize(1..=rest.len().min(30)));
            pieces.push(piece);
            rest = more;
        }
        let exchange = read(V1ChatCompletions, SSE, &pieces);
        prop_assert_eq!((exchange.outcome, exchange.parse_failures, exchange.generated_tokens), (Outcome::Success, 0, Some(texts.len() as u64)));
        prop_assert_eq!(exchange.response, texts.concat());
    }

    #[test]
    fn any_json_is_read_without_a_panic_and_counts_are_exact_or_unknown(number in any::<f64>(), text in any::<String>(), count in 0u64..1 << 53) {
        for value in [serde_json::json!(number), serde_json::json!(text), serde_json::json!([count]), serde_json::json!({"a": count}), serde_json::json!(null)] {
            let body = serde_json::json!({"message": value, "response": value, "done": true, "eval_count": value, "eval_duration": value, "model": value});
            let exchange = read(Chat, JSON, &[body.to_string().as_bytes()]);
            prop_assert_eq!(exchange.parse_failures, 0);
        }
        for written in [format!("{count}"), format!("\"{count}\""), format!("{count}.0")] {
            let exchange = read(Chat, JSON, &[format!("{{\"done\":true,\"eval_count\":{written}}}").as_bytes()]);
            prop_assert_eq!(exchange.generated_tokens, Some(count), "{}", written);
        }
    }
}
