//! ANSWER: what Loki says, as JSON that we read, or as words that people do.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Read};

use serde::Deserialize;
use ureq::{Body, Error};

use crate::util::sanitize::summarize_page;

/// How much of an error of Loki's is read (bytes), which may name hundreds of lines, and how much is shown (characters).
const WORDS_READ: u64 = 256 * 1024;
const WORDS_SHOWN: usize = 400;

/// Labels of a stream.
pub type Labels = BTreeMap<String, String>;

/// What Loki answered to a push. The words are Loki's, or a gateway's, as they came.
#[derive(Debug, PartialEq, Eq)]
pub struct Pushed {
    pub status: u16,
    pub words: String,
}

/// The status, and what was said, on one line.
impl fmt::Display for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&answered(self.status, &self.words))
    }
}

#[derive(Deserialize)]
pub struct Answer<T> {
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

/// Whether the answer may have been too long, for us or for who sends it, or too much work.
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

/// What Loki says of an error.
pub fn words(body: &mut Body) -> String {
    let mut words = Vec::new();
    // As much as comes: the status alone says enough.
    let _ = body.as_reader().take(WORDS_READ).read_to_end(&mut words);
    String::from_utf8_lossy(&words).into_owned()
}

/// Pages of gateways say the status once more.
pub fn answered(status: u16, words: &str) -> String {
    let (status, words) = (status.to_string(), summarize_page(words, WORDS_SHOWN));
    let words = words.strip_prefix(&status).unwrap_or(&words).trim_start();
    format!("{status} {words}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_one_short_line() {
        for (status, words, shown) in [
            (401, "no org id\n", "401 no org id"),
            (
                502,
                "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n</body>\r\n</html>\r\n",
                "502 Bad Gateway",
            ),
            (503, "", "503"),
        ] {
            assert_eq!(
                Pushed {
                    status,
                    words: words.to_owned()
                }
                .to_string(),
                shown
            );
        }
        assert_eq!(
            answered(500, &"é".repeat(500)),
            format!("500 {}…", "é".repeat(WORDS_SHOWN))
        );
    }
}
