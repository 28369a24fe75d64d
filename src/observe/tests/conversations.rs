//! What requests and replies say of their conversation.

use super::recorded::{TestObserver, both_versions};
use crate::diagnose::session::SessionHints;
use crate::diagnose::session::hints::response_hash;
use crate::http::route::Inference;
use crate::observe::{ExchangeEnd, RequestBody};

fn hints(endpoint: Inference, body: &str, header: Option<&str>) -> SessionHints {
    let mut test = TestObserver::with_session(endpoint, header);
    let request = RequestBody {
        bytes: body.as_bytes(),
        is_partial: false,
        encoding: None,
        content_type: None,
    };
    test.observer.request(request, body.len() as u64);
    test.finish(ExchangeEnd::Complete).evidence.session
}

#[test]
fn a_body_names_its_conversation_and_a_header_counts_more() {
    let claude = r#"{"messages":[],"metadata":{"user_id":"user_1_account__session_7f"}}"#;
    let json = r#"{"Metadata":{"other":{},"USER_ID":"{\"session_id\":\"7f\"}"}}"#;
    for (body, header, told) in [
        (claude, None, Some("7f")),
        (claude, Some("chat 1"), Some("chat 1")),
        (json, None, Some("7f")),
        (r#"{"metadata":{"user_id":"somebody"}}"#, None, None),
        (r#"{"metadata":["_session_7f"]}"#, None, None),
        (
            r#"{"metadata":{"user_id":7}}"#,
            Some("chat 1"),
            Some("chat 1"),
        ),
        ("no JSON", Some("chat 1"), Some("chat 1")),
        ("{}", None, None),
    ] {
        let found = hints(Inference::V1Messages, body, header);
        assert_eq!(found.told.as_deref(), told, "{body}");
    }
}

#[test]
fn a_response_names_the_one_before_it() {
    let body = r#"{"input":"hi","previous_response_id":"resp_1"}"#;
    let previous = |endpoint| hints(endpoint, body, None).previous_response;
    assert_eq!(previous(Inference::V1Responses), response_hash("resp_1"));
    assert_eq!(previous(Inference::V1ChatCompletions), None);
}

#[test]
fn the_id_of_a_response_is_known_whether_it_streams_or_not() {
    for name in ["v1-responses-block", "v1-responses-stream"] {
        for exchange in both_versions(name) {
            assert!(exchange.evidence.session.response.is_some(), "{name}");
        }
    }
    for exchange in both_versions("v1-chat-stream") {
        assert_eq!(exchange.evidence.session.response, None);
    }
}
