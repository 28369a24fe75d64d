//! Requests whose body is cut, damaged or unlike that of any client.

use proptest::prelude::*;

use super::recorded::*;
use super::requests::{both, exchange_of, model_and_prompt};
use crate::http::route::Inference;
use crate::observe::{ExchangeEnd, RequestBody};

#[test]
fn values_of_the_wrong_type_lose_only_themselves() {
    let odd = ["7", "-7", "1.5", "true", "null", "[1,{}]", "{\"a\":[1]}"];
    for value in odd {
        let exchange = exchange_of(
            Inference::Generate,
            format!(r#"{{"model":{value},"prompt":"p"}}"#).as_bytes(),
            false,
        );
        assert_eq!(
            (exchange.model.as_deref(), exchange.prompt.as_deref()),
            (Some("replied"), Some("p")),
            "{value}"
        );
        let body = format!(
            r#"{{"messages":[{value},{{"role":{value},"content":{value}}},{{"role":"user","content":[{value}]}}],"model":"m"}}"#
        );
        assert_eq!(
            model_and_prompt(Inference::Chat, &body),
            both("m", ""),
            "{value}"
        );
    }
}

#[test]
fn text_that_is_not_readable_does_not_lose_the_rest() {
    let rows: [(&[u8], &str); 5] = [
        (br#"{"prompt":"a\ud800b","model":"m"}"#, "a\u{fffd}b"),
        (
            b"{\"prompt\":\"a\xff\xfeb\",\"model\":\"m\"}",
            "a\u{fffd}\u{fffd}b",
        ),
        (b"{\"prompt\":\"a\0b\",\"model\":\"m\"}", "a\0b"),
        (br#"{"prompt":"a\u0000b","model":"m"}"#, "a\0b"),
        (
            br#"{"prompt":"\ud83d\ude42\ude42","model":"m"}"#,
            "🙂\u{fffd}",
        ),
    ];
    for (body, prompt) in rows {
        let exchange = exchange_of(Inference::Generate, body, false);
        assert_eq!(
            (exchange.model.as_deref(), exchange.prompt.as_deref()),
            (Some("m"), Some(prompt))
        );
        assert_eq!(exchange.parse_failures, 0);
    }
}

#[test]
fn a_body_that_cannot_be_read_counts_only_if_ollama_took_it() {
    let body = b"{\"model\":\"m\",\"prompt\":\"p\",,}";
    let exchange = exchange_of(Inference::Generate, body, false);
    assert_eq!(
        (
            exchange.model.as_deref(),
            exchange.prompt.as_deref(),
            exchange.parse_failures
        ),
        (Some("m"), Some("p"), 1)
    );
    let mut test = TestObserver::new(Inference::Generate);
    test.observer.request(
        RequestBody {
            bytes: body,
            is_partial: false,
            encoding: None,
            content_type: None,
        },
        4,
    );
    test.observer.head(400, Some("application/json"), None);
    test.observer.body(b"{\"error\":\"bad\"}", test.started);
    assert_eq!(test.finish(ExchangeEnd::Complete).parse_failures, 0);
}

#[test]
fn the_replys_model_is_used_only_if_the_request_cannot_be_read() {
    assert_eq!(
        exchange_of(Inference::Generate, b"{\"model\":\"m\"}", false)
            .model
            .as_deref(),
        Some("m")
    );
    assert_eq!(
        exchange_of(Inference::Generate, b"\x1f\x8b", false)
            .model
            .as_deref(),
        Some("replied")
    );
}

#[test]
fn a_body_that_is_cut_anywhere_gives_all_that_it_holds() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a\né🙂\u00e9 end"},{"role":"assistant","content":"x"}],"stream":true}"#;
    let text = "a\né🙂é end";
    let written = body.find("end\"").unwrap() + 4;
    for end in 0..body.len() {
        let exchange = exchange_of(Inference::Chat, &body.as_bytes()[..end], true);
        let model = if end >= r#"{"model":"m""#.len() {
            "m"
        } else {
            exchange.model.as_deref().unwrap()
        };
        assert_eq!(exchange.model.as_deref(), Some(model));
        assert_eq!(exchange.parse_failures, 0, "cut at {end}");
        let prompt = exchange.prompt.unwrap_or_default();
        assert!(text.starts_with(&prompt), "cut at {end}: {prompt:?}");
        assert_eq!(prompt == text, end >= written - 1, "cut at {end}");
        let stream = body.find("],\"stream").unwrap() + 3;
        assert!(exchange.truncated || end >= stream, "cut at {end}");
    }
}

#[test]
fn deep_nesting_is_skipped() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!(r#"{{"model":"m","format":{deep},"prompt":"p"}}"#);
    assert_eq!(model_and_prompt(Inference::Generate, &body), both("m", "p"));
    let body = format!(r#"{{"model":"m","prompt":{deep}}}"#);
    assert_eq!(
        model_and_prompt(Inference::Generate, &body),
        (Some("m".into()), None)
    );
}

proptest! {
    #![proptest_config(cases(256, 20_000))]

    #[test]
    fn any_body_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut: bool, zstd: bool) {
        for endpoint in Inference::ALL {
            let mut test = TestObserver::new(endpoint);
            let encoding = zstd.then_some("zstd");
            test.observer.request(RequestBody { bytes: &bytes, is_partial: cut, encoding, content_type: Some("multipart/form-data; boundary=a") }, 1);
            test.finish(ExchangeEnd::ClientGone);
        }
    }
}
