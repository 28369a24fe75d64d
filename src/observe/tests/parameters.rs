//! What a request set beside its texts, and that no text of the user is among it.

use serde_json::{Value, json};

use super::recorded::TestObserver;
use super::requests::exchange_of;
use crate::http::route::Inference::{self, *};
use crate::observe::request::parameters::{MAX_TOOLS, bytes};
use crate::observe::{ExchangeEnd, RequestBody};

fn parameters_of(endpoint: Inference, body: &Value) -> Value {
    let exchange = exchange_of(endpoint, body.to_string().as_bytes(), false);
    json!(exchange.parameters)
}

#[test]
fn each_dialect_tells_its_parameters_under_the_names_that_were_sent() {
    let definition = json!({"name": "f", "description": "d", "parameters": {"type": "object"}});
    let tool = json!({"type": "function", "function": definition});
    let rows = [
        (
            Generate,
            json!({"prompt": "p", "options": {"temperature": 0.2, "num_ctx": 8192, "use_mmap": false, "top_p": null}, "Think": "low",
                "keep_alive": "1h30m", "raw": true, "stream": true}),
            json!({"temperature": 0.2, "num_ctx": 8192, "use_mmap": false, "think": "low", "keep_alive": "1h30m", "raw": true}),
        ),
        (
            Chat,
            json!({"messages": [], "tools": [tool], "think": true, "keep_alive": -1, "options": {"seed": -3}, "temperature": 1}),
            json!({"tools": ["f"], "think": true, "keep_alive": -1, "seed": -3}),
        ),
        (
            Embed,
            json!({"input": "p", "truncate": false, "dimensions": 64, "options": {}}),
            json!({"truncate": false, "dimensions": 64}),
        ),
        (
            V1ChatCompletions,
            json!({"messages": [], "temperature": 0.5, "max_tokens": 10, "reasoning_effort": "high", "tools": [tool], "options": {"num_ctx": 4096},
                "tool_choice": {"type": "function", "function": {"name": "f"}}, "response_format": {"type": "json_object"}}),
            json!({"temperature": 0.5, "max_tokens": 10, "reasoning_effort": "high", "tools": ["f"], "options": {"num_ctx": 4096},
                "tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ),
        (
            V1Completions,
            json!({"prompt": "p", "n": 2, "best_of": 3, "echo": true, "suffix": "s"}),
            json!({"n": 2, "best_of": 3, "echo": true}),
        ),
        (
            V1Embeddings,
            json!({"input": "p", "encoding_format": "base64"}),
            json!({"encoding_format": "base64"}),
        ),
        (
            V1Responses,
            json!({"input": "p", "max_output_tokens": 9, "reasoning": {"effort": "low", "summary": "auto"}, "tools": [definition, {"type": "web_search"}],
                "text": {"format": {"type": "text"}}, "truncation": "auto"}),
            json!({"max_output_tokens": 9, "reasoning": {"effort": "low", "summary": "auto"}, "tools": ["f", "web_search"], "truncation": "auto"}),
        ),
        (
            V1Messages,
            json!({"messages": [], "max_tokens": 9, "thinking": {"type": "enabled", "budget_tokens": 1024}, "tools": [definition],
                "tool_choice": {"type": "tool", "name": "f"}, "stop_sequences": ["x"], "metadata": {"user_id": "u"}}),
            json!({"max_tokens": 9, "thinking": {"type": "enabled", "budget_tokens": 1024}, "tools": ["f"], "tool_choice": {"type": "tool", "name": "f"}}),
        ),
        (
            V1ImageGenerations,
            json!({"prompt": "p", "size": "1024x768", "n": 1, "steps": 4}),
            json!({"size": "1024x768", "n": 1, "steps": 4}),
        ),
        (Chat, json!({"messages": []}), json!({})),
    ];
    for (endpoint, body, expected) in rows {
        assert_eq!(parameters_of(endpoint, &body), expected, "{body}");
    }
}

#[test]
fn no_text_of_the_user_is_among_the_parameters() {
    const SECRET: &str = "a secret";
    let names = [
        "secret",
        "suffix",
        "template",
        "system",
        "stop",
        "format",
        "grammar",
        "user",
        "metadata",
        "logit_bias",
        "seed",
        "think",
        "keep_alive",
        "reasoning",
        "reasoning_effort",
        "tool_choice",
        "size",
        "options",
        "thinking",
        "function",
        "name",
        "type",
        "num_ctx",
    ];
    let texts: Value = names.iter().map(|name| (*name, SECRET)).collect();
    let nested: Value = names.iter().map(|name| (*name, texts.clone())).collect();
    let lists: Value = names.iter().map(|name| (*name, [SECRET])).collect();
    let tools = json!({"tools": [{"name": SECRET}, {"function": {"name": "b", "description": SECRET}}], "options": nested});
    for endpoint in Inference::ALL {
        for body in [&texts, &nested, &lists, &tools] {
            let told = parameters_of(endpoint, body).to_string();
            assert!(!told.contains("secret"), "{endpoint:?} {body}: {told}");
        }
    }
}

#[test]
fn what_is_kept_has_a_bound_whatever_is_sent() {
    let many: Value = (0..200_000).map(|n| (format!("k{n}"), json!(n))).collect();
    let mut options = many.clone();
    options["num_ctx"] = json!(u64::MAX);
    options["temperature"] = json!(f64::MAX);
    options["seed"] = json!("9".repeat(1000));
    let tools = vec![json!({"name": "t".repeat(64)}); 3 * MAX_TOOLS];
    let body =
        json!({"options": options, "thinking": many, "tools": tools, "size": "x".repeat(1 << 20)});
    for endpoint in [Chat, V1ChatCompletions] {
        let exchange = exchange_of(endpoint, body.to_string().as_bytes(), false);
        let parameters = exchange.parameters.unwrap();
        assert_eq!(
            parameters["tools"].as_array().map(Vec::len),
            Some(MAX_TOOLS)
        );
        assert!(bytes(&parameters) < 20_000, "{}", bytes(&parameters));
        assert!(json!(parameters).to_string().len() < 20_000);
    }
    let deep = format!("{}1{}", r#"{"function":"#.repeat(100), "}".repeat(100));
    let body = format!(r#"{{"tool_choice":{deep},"options":{deep},"top_k":5}}"#);
    let exchange = exchange_of(V1ChatCompletions, body.as_bytes(), false);
    assert_eq!(json!(exchange.parameters), json!({"top_k": 5}));
}

#[test]
fn of_a_body_that_is_not_whole_the_beginning_counts() {
    let cut = |body: &str| json!(exchange_of(Chat, body.as_bytes(), true).parameters);
    let told = cut(r#"{"options":{"num_ctx":4096,"top_k":3,"te"#);
    assert_eq!(told, json!({"num_ctx": 4096, "top_k": 3}));
    let told = cut(r#"{"options":{"num_ctx":4096,"top_k":3"#);
    assert_eq!(told, json!({"num_ctx": 4096}), "it may have been 30");
    assert_eq!(cut(r#"{"messages":[{"role":"user","cont"#), Value::Null);
    let unread = exchange_of(Chat, b"no JSON", false).parameters;
    assert_eq!(unread, None);
}

#[test]
fn a_form_tells_its_parameters_too() {
    let form = "--x\r\ncontent-disposition: form-data; name=temperature\r\n\r\n0.5\r\n\
        --x\r\ncontent-disposition: form-data; name=size\r\n\r\n64x64\r\n\
        --x\r\ncontent-disposition: form-data; name=quality\r\n\r\na secret\r\n\
        --x\r\ncontent-disposition: form-data; name=language\r\n\r\na secret\r\n--x--\r\n";
    let told = |form: &str| {
        let mut test = TestObserver::new(V1ImageEdits);
        let body = RequestBody {
            bytes: form.as_bytes(),
            is_partial: !form.ends_with("--x--\r\n"),
            encoding: None,
            content_type: Some("multipart/form-data; boundary=x"),
        };
        test.observer.request(body, form.len() as u64);
        json!(test.finish(ExchangeEnd::Complete).parameters)
    };
    let expected = json!({"temperature": 0.5, "size": "64x64", "quality": "other"});
    assert_eq!(told(form), expected);
    let cut = form.split_once("x64").expect("a size").0;
    assert_eq!(told(cut), json!({"temperature": 0.5}), "of 64x64, 64");
}
