//! What Loki refuses for good: how many records that are, and one warning of it from time to time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ask::printable;

/// A refusal within this time after one that was warned of is told at debug level only; the metrics count them all.
const QUIET: Duration = Duration::from_secs(60);

/// What each line that Loki names in an error has.
const NAMED: &str = " for stream";

/// How many of `sent` records Loki refused. A 400 that names entries stored all others; any other 4xx stored none.
pub fn count(status: u16, words: &str, sent: usize) -> u64 {
    let named: u64 = words.split("; ").filter(|part| status == 400 && part.contains(NAMED)).map(entries).sum();
    if named == 0 { sent as u64 } else { named.min(sent as u64) }
}

/// Loki puts equal errors together (`3 errors like: …`) and counts those of a stream (`total ignored: 3 out of 5 …`).
fn entries(part: &str) -> u64 {
    let like = part.split_once(" errors like: ").and_then(|(number, _)| number.rsplit(' ').next()?.parse().ok());
    let ignored = || part.split_once("total ignored: ")?.1.split(' ').next()?.parse().ok();
    like.or_else(ignored).unwrap_or(1)
}

/// Where to look when Loki refuses everything.
fn way_out(status: u16) -> &'static str {
    match status {
        401 | 403 => "; check LOKI_TOKEN, or LOKI_USER and LOKI_PASSWORD, and LOKI_TENANT",
        404 | 405 => "; check --loki-url",
        _ => "",
    }
}

/// When it was last said aloud.
#[derive(Default)]
pub struct Complaint(Mutex<Option<Instant>>);

impl Complaint {
    pub fn log(&self, base: &str, status: u16, words: &str, refused: u64) {
        let text = format!("loki at {base} refused {refused} records for good: {status} {}{}", printable(words), way_out(status));
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < QUIET) {
            log::debug!("{text}");
            return;
        }
        log::warn!("{text}");
        *last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::count;

    const OLD: &str =
        "entry for stream '{job=\"ollama-tap\"}' has timestamp too old: 2026-11-13T09:17:03Z, oldest acceptable timestamp is: x";

    #[test]
    fn only_what_loki_names_is_lost_with_a_400() {
        assert_eq!(count(400, OLD, 500), 1);
        assert_eq!(count(400, &format!("3 errors like: {OLD}"), 500), 3);
        assert_eq!(
            count(400, &format!("3 errors like: {OLD}; 1 errors like: max entry size '262144' bytes exceeded for stream 'x'"), 500),
            4
        );
        assert_eq!(count(400, "entry ignored, reason: 'too far behind', total ignored: 2 out of 7 for stream: {x}", 500), 2);
        assert_eq!(count(400, &format!("900 errors like: {OLD}"), 500), 500, "never more than were sent");
    }

    #[test]
    fn a_request_that_is_refused_as_a_whole_is_lost_as_a_whole() {
        assert_eq!(count(400, "couldn't parse labels: 1:3: parse error", 7), 7);
        assert_eq!(count(401, "no org id", 7), 7);
        assert_eq!(count(413, "", 7), 7);
    }
}
