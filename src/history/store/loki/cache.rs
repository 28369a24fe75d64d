//! A cache of recent responses, so that an open page that asks every few seconds costs Loki next to
//! nothing.
//!
//! New responses live for a moment, stable ones longer: other taps write to the same Loki. What
//! this tap writes itself invalidates the responses of its time.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::time::{ACCEPTED_AGE_MAX, DAY, Span};
use crate::util::threads::lock;

/// The time that responses live: the newest, stable ones, those stable for a day, and those too old
/// for a Loki to take more entries of their time.
const TIMES_TO_LIVE: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(30),
    Duration::from_secs(600),
    Duration::from_secs(3600),
];

/// The most bytes of all cached responses together.
const BYTES_MAX: usize = 8 << 20;

/// Responses by query and span.
pub struct ResponseCache<T> {
    responses: Mutex<HashMap<Key, CachedResponse<T>>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    query: String,
    start: i64,
    end: i64,
}

struct CachedResponse<T> {
    until: Instant,
    bytes: usize,
    value: T,
}

impl<T> Default for ResponseCache<T> {
    fn default() -> ResponseCache<T> {
        ResponseCache {
            responses: Mutex::default(),
        }
    }
}

impl<T: Clone> ResponseCache<T> {
    pub fn get(&self, query: &str, span: Span) -> Option<T> {
        let responses = lock(&self.responses);
        let response = responses
            .get(&key(query, span))
            .filter(|response| Instant::now() < response.until)?;
        Some(response.value.clone())
    }

    /// Caches a response of this size (bytes). Data from before `stable_until` (nanoseconds) is
    /// stable.
    pub fn insert(&self, query: &str, span: Span, stable_until: i64, bytes: usize, value: &T) {
        let age = [
            stable_until,
            stable_until.saturating_sub(DAY),
            stable_until.saturating_sub(ACCEPTED_AGE_MAX),
        ]
        .iter()
        .filter(|bound| span.end <= **bound)
        .count();
        let mut responses = lock(&self.responses);
        let now = Instant::now();
        responses.retain(|_, response| now < response.until);
        if responses
            .values()
            .map(|response| response.bytes)
            .sum::<usize>()
            + bytes
            <= BYTES_MAX
        {
            responses.insert(
                key(query, span),
                CachedResponse {
                    until: now + TIMES_TO_LIVE[age],
                    bytes,
                    value: value.clone(),
                },
            );
        }
    }

    /// Drops the responses about this time (nanoseconds) or later.
    pub fn invalidate_from(&self, from: i64) {
        lock(&self.responses).retain(|key, _| key.end <= from);
    }
}

fn key(query: &str, span: Span) -> Key {
    Key {
        query: query.to_owned(),
        start: span.start,
        end: span.end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Span = Span { start: 0, end: 100 };
    const NEW: Span = Span {
        start: 100,
        end: 200,
    };

    #[test]
    fn an_answer_is_kept_until_something_of_its_time_is_written() {
        let memo = ResponseCache::default();
        memo.insert("q", OLD, 100, 10, &1);
        memo.insert("q", NEW, 100, 10, &2);
        assert_eq!(
            (memo.get("q", OLD), memo.get("q", NEW), memo.get("p", NEW)),
            (Some(1), Some(2), None)
        );
        memo.invalidate_from(150);
        assert_eq!((memo.get("q", OLD), memo.get("q", NEW)), (Some(1), None));
        memo.invalidate_from(0);
        assert_eq!(memo.get("q", OLD), None);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let memo = ResponseCache::default();
        memo.insert("large", OLD, 100, BYTES_MAX - 1, &1);
        memo.insert("small", OLD, 100, 2, &2);
        assert_eq!(
            (memo.get("large", OLD), memo.get("small", OLD)),
            (Some(1), None)
        );
    }
}
