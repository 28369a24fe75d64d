//! The responses of Loki: JSON that is read, and messages for people.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Read};

use serde::Deserialize;
use ureq::{Body, Error};

use crate::util::sanitize::summarize_page;

/// The bytes of an error message that are read, which may name hundreds of lines, and the
/// characters that are shown.
const MESSAGE_READ_MAX: u64 = 256 * 1024;
const MESSAGE_SHOWN_MAX: usize = 400;

/// Labels of a stream.
pub type Labels = BTreeMap<String, String>;

/// The response of Loki, or of a gateway before it, to a push; the message is as it came.
#[derive(Debug, PartialEq, Eq)]
pub struct PushResponse {
    pub status: u16,
    pub message: String,
}

/// Shows the status and the message on one line.
impl fmt::Display for PushResponse {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&describe(self.status, &self.message))
    }
}

#[derive(Deserialize)]
pub struct ApiResponse<T> {
    pub data: T,
}

#[derive(Deserialize)]
pub struct Data<T> {
    pub result: Vec<T>,
}

#[derive(Deserialize)]
pub struct StreamEntries {
    pub stream: Labels,
    pub values: Vec<(String, String)>,
}

#[derive(Deserialize)]
pub struct VectorSample {
    pub value: (f64, String),
}

/// Returns whether the response may have been too long, for us or for its sender, or too much work.
pub fn is_too_much(cause: &Error) -> bool {
    match cause {
        Error::Timeout(_) | Error::BodyExceedsLimit(_) => true,
        Error::Io(cause) => {
            matches!(
                cause.kind(),
                ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::BrokenPipe
            )
        }
        _ => false,
    }
}

/// Reads the message of an error response.
pub fn error_message(body: &mut Body) -> String {
    let mut message = Vec::new();
    // What arrives before a failure is enough: the status alone says what to do.
    let _ = body
        .as_reader()
        .take(MESSAGE_READ_MAX)
        .read_to_end(&mut message);
    String::from_utf8_lossy(&message).into_owned()
}

/// Joins status and message; pages of gateways repeat the status, which is shown once.
pub fn describe(status: u16, message: &str) -> String {
    let (status, message) = (
        status.to_string(),
        summarize_page(message, MESSAGE_SHOWN_MAX),
    );
    let message = message
        .strip_prefix(&status)
        .unwrap_or(&message)
        .trim_start();
    format!("{status} {message}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_one_short_line() {
        for (status, message, shown) in [
            (401, "no org id\n", "401 no org id"),
            (
                502,
                "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n</body>\r\n</html>\r\n",
                "502 Bad Gateway",
            ),
            (503, "", "503"),
        ] {
            assert_eq!(
                PushResponse {
                    status,
                    message: message.to_owned()
                }
                .to_string(),
                shown
            );
        }
        assert_eq!(
            describe(500, &"é".repeat(500)),
            format!("500 {}…", "é".repeat(MESSAGE_SHOWN_MAX))
        );
    }
}
