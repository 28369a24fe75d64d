//! MEMO: what Loki answered a moment ago, so that a page that is open and asks every few seconds costs it next to nothing.
//!
//! What is new is kept for a moment, what is settled longer: other taps write into the same Loki. What we write ourselves is never
//! answered from here as it was before.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::time::{CLOSED, DAY, Span};
use crate::util::threads::lock;

/// How long answers are kept: for the newest time, for what is settled, for what has been so for a day, and for what is too old for
/// a Loki to take more of it.
const KEPT: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(30),
    Duration::from_secs(600),
    Duration::from_secs(3600),
];

/// The most bytes that are kept, all answers together.
const BYTES_MAX: usize = 8 << 20;

/// Answers by the question and its time.
pub struct Memo<T> {
    answers: Mutex<HashMap<Key, Answer<T>>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    query: String,
    start: i64,
    end: i64,
}

struct Answer<T> {
    until: Instant,
    bytes: usize,
    value: T,
}

impl<T> Default for Memo<T> {
    fn default() -> Memo<T> {
        Memo {
            answers: Mutex::default(),
        }
    }
}

impl<T: Clone> Memo<T> {
    pub fn get(&self, query: &str, span: Span) -> Option<T> {
        let answers = lock(&self.answers);
        let answer = answers
            .get(&key(query, span))
            .filter(|answer| Instant::now() < answer.until)?;
        Some(answer.value.clone())
    }

    /// Keeps an answer of so many bytes. `edge`: what is older is settled (nanoseconds).
    pub fn keep(&self, query: &str, span: Span, edge: i64, bytes: usize, value: &T) {
        let age = [edge, edge.saturating_sub(DAY), edge.saturating_sub(CLOSED)]
            .iter()
            .filter(|bound| span.end <= **bound)
            .count();
        let mut answers = lock(&self.answers);
        let now = Instant::now();
        answers.retain(|_, answer| now < answer.until);
        if answers.values().map(|answer| answer.bytes).sum::<usize>() + bytes <= BYTES_MAX {
            answers.insert(
                key(query, span),
                Answer {
                    until: now + KEPT[age],
                    bytes,
                    value: value.clone(),
                },
            );
        }
    }

    /// Something of this time or later is no longer as it was (nanoseconds).
    pub fn forget(&self, from: i64) {
        lock(&self.answers).retain(|key, _| key.end <= from);
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
        let memo = Memo::default();
        memo.keep("q", OLD, 100, 10, &1);
        memo.keep("q", NEW, 100, 10, &2);
        assert_eq!(
            (memo.get("q", OLD), memo.get("q", NEW), memo.get("p", NEW)),
            (Some(1), Some(2), None)
        );
        memo.forget(150);
        assert_eq!((memo.get("q", OLD), memo.get("q", NEW)), (Some(1), None));
        memo.forget(0);
        assert_eq!(memo.get("q", OLD), None);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let memo = Memo::default();
        memo.keep("large", OLD, 100, BYTES_MAX - 1, &1);
        memo.keep("small", OLD, 100, 2, &2);
        assert_eq!(
            (memo.get("large", OLD), memo.get("small", OLD)),
            (Some(1), None)
        );
    }
}
