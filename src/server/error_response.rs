//! Our own responses to requests that Ollama cannot answer, in the dialect of the route.

use serde_json::json;

use crate::http::route::Dialect;
use crate::observe::CANCELLED_THROUGH_TAP;
use crate::server::Refusal;

/// A refusal or failure, as it is sent to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    pub status: u16,
    /// Lower case: operation, object, cause.
    pub message: String,
    /// Seconds after which to try again.
    pub retry_after: Option<u32>,
    /// Nobody wants it again; the libraries of OpenAI and Anthropic would try twice more.
    pub is_final: bool,
}

/// Ollama's own words when its queue is full (server/sched.go; both spaces are its own).
pub const BUSY: &str = "server busy, please try again.  maximum pending requests exceeded";

/// Seconds to wait while Ollama starts: a start without a GPU takes about one, and many times that with one.
const STARTING_RETRY: u32 = 2;

impl ErrorResponse {
    pub fn new(status: u16, message: impl Into<String>) -> ErrorResponse {
        ErrorResponse {
            status,
            message: message.into(),
            retry_after: None,
            is_final: false,
        }
    }

    /// The response to a refused request.
    pub fn of(refusal: &Refusal) -> ErrorResponse {
        let retry_after = (refusal.status == 503).then_some(1);
        ErrorResponse {
            retry_after,
            ..ErrorResponse::new(refusal.status, refusal.message.clone())
        }
    }

    /// `serve` is still starting Ollama, or starting it again.
    pub fn starting() -> ErrorResponse {
        ErrorResponse {
            retry_after: Some(STARTING_RETRY),
            ..ErrorResponse::new(
                503,
                "ask ollama: it is being started; try again in a moment",
            )
        }
    }

    /// Somebody cancelled the request through the tap.
    pub fn cancelled() -> ErrorResponse {
        ErrorResponse {
            is_final: true,
            ..ErrorResponse::new(503, CANCELLED_THROUGH_TAP)
        }
    }

    /// Renders the head (without the hop-by-hop headers and the empty line) and the body.
    pub fn render(&self, version: &str, dialect: Dialect) -> (Vec<u8>, Vec<u8>) {
        let body = body(dialect, self.status, &self.message);
        let mut head = response_head(
            version,
            self.status,
            "application/json; charset=utf-8",
            Some(body.len()),
        );
        if let Some(seconds) = self.retry_after {
            head.extend_from_slice(format!("Retry-After: {seconds}\r\n").as_bytes());
        }
        if self.is_final {
            head.extend_from_slice(b"X-Should-Retry: false\r\n");
        }
        (head, body)
    }
}

/// Renders the head of a response of ours, without the hop-by-hop headers and the empty line.
pub fn response_head(
    version: &str,
    status: u16,
    content_type: &str,
    length: Option<usize>,
) -> Vec<u8> {
    let length = length
        .map(|length| format!("Content-Length: {length}\r\n"))
        .unwrap_or_default();
    format!(
        "{version} {status} {}\r\nContent-Type: {content_type}\r\n{length}",
        reason(status)
    )
    .into_bytes()
}

/// The reason phrase of a status.
pub fn reason(status: u16) -> &'static str {
    ureq::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown")
}

fn body(dialect: Dialect, status: u16, message: &str) -> Vec<u8> {
    let kind = if status < 500 {
        "invalid_request_error"
    } else {
        "api_error"
    };
    match dialect {
        Dialect::Native => json!({ "error": message }),
        Dialect::OpenAi | Dialect::Responses => {
            json!({ "error": { "message": message, "type": kind, "param": null, "code": null } })
        }
        Dialect::Anthropic => {
            json!({ "type": "error", "error": { "type": kind, "message": message } })
        }
    }
    .to_string()
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Reason;

    fn text(dialect: Dialect) -> String {
        String::from_utf8(body(dialect, 502, "no \"ollama\"")).unwrap()
    }

    #[test]
    fn each_dialect_has_its_own_shape() {
        assert_eq!(text(Dialect::Native), r#"{"error":"no \"ollama\""}"#);
        assert!(
            text(Dialect::OpenAi).starts_with(r#"{"error":{"#)
                && text(Dialect::OpenAi).contains(r#""message":"no \"ollama\"""#)
        );
        assert!(
            text(Dialect::Anthropic).contains(r#""type":"error""#)
                && text(Dialect::Anthropic).contains(r#""type":"api_error""#)
        );
    }

    #[test]
    fn a_busy_response_has_retry_after() {
        let refusal = Refusal {
            reason: Reason::Busy,
            status: 503,
            message: BUSY.to_owned(),
        };
        let (head, body) = ErrorResponse::of(&refusal).render("HTTP/1.1", Dialect::Native);
        let head = String::from_utf8(head).unwrap();
        assert!(
            head.starts_with("HTTP/1.1 503 Service Unavailable\r\n")
                && head.contains("Retry-After: 1\r\n")
        );
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }

    #[test]
    fn a_cancelled_request_is_not_to_be_sent_again() {
        let (head, _) = ErrorResponse::cancelled().render("HTTP/1.1", Dialect::OpenAi);
        let head = String::from_utf8(head).unwrap();
        assert!(head.contains("X-Should-Retry: false\r\n") && !head.contains("Retry-After"));
        let (other, _) = ErrorResponse::new(503, BUSY).render("HTTP/1.1", Dialect::OpenAi);
        assert!(!String::from_utf8(other).unwrap().contains("X-Should-Retry"));
    }
}
