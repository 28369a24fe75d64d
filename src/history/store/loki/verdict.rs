//! The interpretation of a response to a push: the next step for its records, the number of lost
//! ones, and a warning about them from time to time.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::response::PushResponse;
use super::time::nanos;
use crate::util::threads::lock;

/// A refusal within this time after one that was warned about is logged at debug level only; the
/// metrics count them all.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The result of a push for its records.
#[derive(Debug, PartialEq, Eq)]
pub enum PushVerdict {
    Stored,
    /// This many of them are refused for good; all others are stored.
    Refused(u64),
    /// They are too much for one push: for any, or for this moment.
    TooMuch {
        for_now: bool,
    },
    /// Those up to this time (nanoseconds) are too far behind their stream; all others are stored.
    Behind(i64),
    /// Structured metadata is not accepted.
    NoMetadata,
    /// None is stored, and the same push may be sent again.
    Wait,
}

/// Marks of messages about a push that is too large for Loki, for a part of it, or for a gateway.
const TOO_LARGE: [&str; 3] = ["larger than max", "ResourceExhausted", "body too large"];

/// Interprets the response to a push of `sent` entries. Only 400 and 422 are about the entries;
/// every other refusal may come from a gateway, or from settings that are about to be corrected.
pub fn verdict(response: &PushResponse, sent: usize) -> PushVerdict {
    let has = |mark: &str| response.message.contains(mark);
    match response.status {
        200..=299 => PushVerdict::Stored,
        413 => PushVerdict::TooMuch { for_now: false },
        _ if TOO_LARGE.iter().any(|mark| has(mark)) => PushVerdict::TooMuch { for_now: false },
        429 if has("rate limit") => PushVerdict::TooMuch { for_now: true },
        400 if has("structured metadata") => PushVerdict::NoMetadata,
        400 if has("too far behind") || has("out of order") => {
            PushVerdict::Behind(cutoff(&response.message))
        }
        400 | 422 => PushVerdict::Refused(count(response.status, &response.message, sent)),
        _ => PushVerdict::Wait,
    }
}

/// Returns the time up to which Loki refuses entries. It names the last one in whole seconds;
/// without any, all are refused.
fn cutoff(message: &str) -> i64 {
    let mark = "oldest acceptable timestamp is: ";
    let times = message.match_indices(mark).filter_map(|(at, _)| {
        let time = message[at + mark.len()..]
            .split(['\'', ',', ' ', '\n', ';'])
            .next()?;
        Some(chrono::DateTime::parse_from_rfc3339(time).ok()?.timestamp())
    });
    times
        .max()
        .map_or(i64::MAX, |seconds| nanos(seconds as f64 + 1.0))
}

/// The mark of each line that Loki names in an error.
const NAMED: &str = " for stream";

/// Returns the number of `sent` records that Loki refused. A 400 that names entries stored all
/// others; any other stored none.
fn count(status: u16, message: &str, sent: usize) -> u64 {
    let named: u64 = message
        .split("; ")
        .filter(|part| status == 400 && part.contains(NAMED))
        .map(entries)
        .sum();
    if named == 0 {
        sent as u64
    } else {
        named.min(sent as u64)
    }
}

/// Counts the entries of one error. Loki groups equal ones (`3 errors like: …`) and counts those of
/// a stream (`total ignored: 3 out of 5 …`).
fn entries(part: &str) -> u64 {
    let like = part
        .split_once(" errors like: ")
        .and_then(|(number, _)| number.rsplit(' ').next()?.parse().ok());
    let ignored = || {
        part.split_once("total ignored: ")?
            .1
            .split(' ')
            .next()?
            .parse()
            .ok()
    };
    like.or_else(ignored).unwrap_or(1)
}

/// Names the settings to check if Loki refuses everything.
pub fn way_out(status: u16) -> &'static str {
    match status {
        401 | 403 => "; check LOKI_TOKEN, or LOKI_USER and LOKI_PASSWORD, and LOKI_TENANT",
        404 | 405 => "; check --loki-url",
        _ => "",
    }
}

/// Logs refusals; holds the time of the last warning.
#[derive(Default)]
pub struct RefusalLog(Mutex<Option<Instant>>);

impl RefusalLog {
    /// Logs that `what` was refused for good.
    pub fn log(&self, base: &str, what: &str, response: &PushResponse) {
        let text = format!("loki at {base} refused {what} for good: {response}");
        let mut last = lock(&self.0);
        if last.is_some_and(|last| last.elapsed() < WARNING_INTERVAL) {
            log::debug!("{text}");
            return;
        }
        log::warn!("{text}");
        *last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "entry for stream '{job=\"ollama-tap\"}' has timestamp too old: 2026-11-13T09:17:03Z, oldest acceptable timestamp is: x";

    #[test]
    fn only_what_loki_names_is_lost_with_a_400() {
        assert_eq!(count(400, OLD, 500), 1);
        assert_eq!(count(400, &format!("3 errors like: {OLD}"), 500), 3);
        assert_eq!(
            count(
                400,
                &format!(
                    "3 errors like: {OLD}; 1 errors like: max entry size '262144' bytes exceeded for stream 'x'"
                ),
                500
            ),
            4
        );
        assert_eq!(
            count(
                400,
                "entry ignored, reason: 'too far behind', total ignored: 2 out of 7 for stream: {x}",
                500
            ),
            2
        );
        assert_eq!(
            count(400, &format!("900 errors like: {OLD}"), 500),
            500,
            "never more than were sent"
        );
    }

    #[test]
    fn a_request_that_is_refused_as_a_whole_is_lost_as_a_whole() {
        assert_eq!(count(400, "couldn't parse labels: 1:3: parse error", 7), 7);
        assert_eq!(count(422, "at least one valid stream is required", 7), 7);
    }

    #[test]
    fn an_answer_says_what_becomes_of_the_records() {
        let behind = "entry with timestamp 2026-11-29 10:00:00 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: \
            2026-11-29T10:00:00Z, oldest acceptable timestamp is: 2026-11-29T11:30:00Z',\nuser 'fake', total ignored: 1 out of 2 for stream: {}";
        let cutoff = 1_795_951_801_000_000_000;
        for (status, words, expected) in [
            (204, "", PushVerdict::Stored),
            (400, OLD, PushVerdict::Refused(1)),
            (
                422,
                "error at least one valid stream",
                PushVerdict::Refused(9),
            ),
            (413, "", PushVerdict::TooMuch { for_now: false }),
            (
                500,
                "rpc error: code = ResourceExhausted desc = grpc: received message larger than max",
                PushVerdict::TooMuch { for_now: false },
            ),
            (
                429,
                "ingestion rate limit exceeded for user fake",
                PushVerdict::TooMuch { for_now: true },
            ),
            (
                429,
                "Per stream rate limit exceeded (limit: 3MB/sec)",
                PushVerdict::TooMuch { for_now: true },
            ),
            (
                429,
                "maximum active stream limit exceeded when trying to create stream {}",
                PushVerdict::Wait,
            ),
            (
                400,
                "stream '{}' includes structured metadata, but this feature is disallowed",
                PushVerdict::NoMetadata,
            ),
            (400, behind, PushVerdict::Behind(cutoff)),
            (
                400,
                "entry out of order for stream",
                PushVerdict::Behind(i64::MAX),
            ),
        ] {
            assert_eq!(
                verdict(
                    &PushResponse {
                        status,
                        message: words.to_owned()
                    },
                    9
                ),
                expected,
                "{status} {words}"
            );
        }
        for status in [301, 401, 403, 404, 405, 408, 500, 502, 503] {
            assert_eq!(
                verdict(
                    &PushResponse {
                        status,
                        message: String::new()
                    },
                    9
                ),
                PushVerdict::Wait
            );
        }
    }
}
