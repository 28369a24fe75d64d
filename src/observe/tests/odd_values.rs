//! Values and lines that no client expects lose only themselves.

use proptest::prelude::*;

use super::recorded::*;
use super::written::*;
use crate::http::route::Inference::*;
use crate::observe::{ExchangeEnd, Outcome};

#[test]
fn unexpected_values_lose_only_themselves() {
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
            assert_eq!(
                (exchange.outcome, exchange.parse_failures),
                (Outcome::Success, 0),
                "{body:.200}"
            );
            assert_eq!(
                (exchange.generated_tokens, exchange.prompt_tokens),
                (Some(7), None),
                "{body:.200}"
            );
            assert!(
                exchange
                    .tool_calls
                    .iter()
                    .all(|call| call.arguments == deep),
                "{body:.200}"
            );
        }
    }
}

#[test]
fn an_unknown_content_type_is_one_parse_failure_and_not_an_error() {
    let exchange = timed(
        Chat,
        "text/html",
        &["<html>", "</html>"],
        ExchangeEnd::Complete,
    );
    assert_eq!(
        (exchange.outcome, exchange.parse_failures),
        (Outcome::Success, 1)
    );
}

#[test]
fn a_line_that_cannot_be_read_is_one_parse_failure_and_loses_only_itself() {
    let exchange = timed(
        Chat,
        NDJSON,
        &[ONE, "{broken\n", "[]\n", TWO, DONE],
        ExchangeEnd::Complete,
    );
    assert_eq!(
        (exchange.outcome, exchange.parse_failures),
        (Outcome::Success, 1)
    );
    assert_eq!(exchange.response, "one two");
}

proptest! {
    #![proptest_config(cases(64, 5_000))]

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
