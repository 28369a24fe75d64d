//! Errors of Ollama, in the shape of each dialect.

use serde_json::json;

use crate::http::route::Dialect;

/// The message of a model whose process died, as a line of a native stream or as a 500.
pub const CRASH: &str = "an error was encountered while running the model: unexpected EOF";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReply {
    pub status: u16,
    pub message: String,
}

impl ErrorReply {
    pub fn new(status: u16, message: impl Into<String>) -> ErrorReply {
        ErrorReply {
            status,
            message: message.into(),
        }
    }

    pub fn crash() -> ErrorReply {
        ErrorReply::new(500, CRASH)
    }

    /// Writes the body in this dialect.
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
