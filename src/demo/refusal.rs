//! What Ollama says instead of an answer, in the shape that each route's API has for it.

use serde_json::json;

use crate::http::route::Dialect;

/// What a client is told when the model's process dies, as a line of a native stream or as a 500.
pub const CRASH: &str = "an error was encountered while running the model: unexpected EOF";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
}

impl Refusal {
    pub fn new(status: u16, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            message: message.into(),
        }
    }

    pub fn crash() -> Refusal {
        Refusal::new(500, CRASH)
    }

    /// The body, in this dialect.
    pub fn body(&self, dialect: Dialect) -> String {
        let (message, kind) = (&self.message, self.kind());
        match dialect {
            Dialect::Native => json!({ "error": message }),
            Dialect::OpenAi | Dialect::Responses => json!({ "error": { "message": message, "type": kind, "param": null, "code": null } }),
            Dialect::Anthropic => {
                let id = format!("req_{:024x}", fastrand::u128(..) >> 32);
                json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": id })
            }
        }
        .to_string()
    }

    fn kind(&self) -> &'static str {
        match self.status {
            400 => "invalid_request_error",
            404 => "not_found_error",
            _ => "api_error",
        }
    }
}
