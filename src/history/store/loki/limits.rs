//! What Loki allows, learnt from what it says when that was exceeded.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};

use super::time::{DAY, HOUR, SECOND};

/// The shortest time that is asked for at once (nanoseconds).
pub const RANGE_MIN: i64 = HOUR;

/// Bounds of one question.
pub struct QueryLimits {
    /// Entries of an answer: `max_entries_limit_per_query`.
    entries: AtomicUsize,
    /// Nanoseconds between its start and its end: `max_query_length`.
    range: AtomicI64,
}

impl Default for QueryLimits {
    /// Loki's own, 30 days and an hour of time rounded down.
    fn default() -> QueryLimits {
        QueryLimits {
            entries: AtomicUsize::new(5000),
            range: AtomicI64::new(30 * DAY),
        }
    }
}

/// Why Loki did not answer, as far as another question helps.
#[derive(Debug, PartialEq, Eq)]
pub enum Excess {
    /// At most so many entries.
    Entries(usize),
    /// At most so many nanoseconds.
    Range(i64),
    /// Less, of whatever it is: the answer, what has to be read for it, or the time that takes.
    Size,
}

impl QueryLimits {
    pub fn entries(&self) -> usize {
        self.entries.load(SeqCst)
    }

    pub fn range(&self) -> i64 {
        self.range.load(SeqCst)
    }

    /// Keeps to what Loki said. Whether that is less than before.
    pub fn learn(&self, excess: &Excess) -> bool {
        match excess {
            Excess::Entries(most) => self.entries.fetch_min((*most).max(2), SeqCst) > *most,
            Excess::Range(longest) => {
                self.range.fetch_min((*longest).max(RANGE_MIN), SeqCst) > *longest
            }
            Excess::Size => false,
        }
    }
}

/// Words of answers that were too large, or took too long. (`limits.go` of Loki's `queryrange` and `querier`, gRPC, gateways)
const TOO_MUCH: [&str; 9] = [
    "larger than max",
    "ResourceExhausted",
    "too many bytes",
    "query too large",
    "query is too large",
    "maximum number of series",
    "context deadline exceeded",
    "context canceled",
    "timeout",
];

/// What was too much of a question that was answered with this status and these words; `None` where it is something else.
pub fn excess(status: u16, words: &str) -> Option<Excess> {
    let behind = |mark: &str| words.split_once(mark).map(|(_, rest)| rest);
    let entries = behind("> max_entries_limit_per_query (")
        .and_then(|rest| rest.split_once("> ")?.1.split(')').next()?.parse().ok());
    let range = || {
        behind("query length: ").and_then(|rest| {
            duration(
                rest.split_once("limit: ")?
                    .1
                    .split([')', ' ', ','])
                    .next()?,
            )
        })
    };
    let is_size = matches!(status, 413 | 504) || TOO_MUCH.iter().any(|mark| words.contains(mark));
    entries
        .map(Excess::Entries)
        .or_else(|| range().map(Excess::Range))
        .or_else(|| is_size.then_some(Excess::Size))
}

/// Nanoseconds of a duration as Prometheus writes it, such as `30d1h` or `1w`.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut sum = 0i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |end| digits + end);
        let length = match &rest[digits..unit] {
            "y" => 365 * DAY,
            "w" => 7 * DAY,
            "d" => DAY,
            "h" => 3600 * SECOND,
            "m" => 60 * SECOND,
            "s" => SECOND,
            "ms" => SECOND / 1000,
            _ => return None,
        };
        sum = sum.checked_add(number.checked_mul(length)?)?;
        rest = &rest[unit..];
    }
    (sum > 0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_from_what_loki_says() {
        let entries = "max entries limit per query exceeded, limit > max_entries_limit_per_query (2000 > 1000)";
        assert_eq!(excess(400, entries), Some(Excess::Entries(1000)));
        let range = "the query time range exceeds the limit (query length: 720h0m0s, limit: 1w)";
        assert_eq!(excess(400, range), Some(Excess::Range(7 * DAY)));
        let grpc = "rpc error: code = ResourceExhausted desc = trying to send message larger than max (10196564 vs. 4194304)";
        for (status, words) in [
            (500, grpc),
            (413, ""),
            (504, "gateway"),
            (
                400,
                "maximum number of series (500) reached for a single query",
            ),
        ] {
            assert_eq!(excess(status, words), Some(Excess::Size), "{words}");
        }
        for (status, words) in [
            (400, "parse error at line 1, col 5"),
            (401, "no org id"),
            (503, ""),
            (400, "query length: x, limit: soon"),
        ] {
            assert_eq!(excess(status, words), None, "{words}");
        }
    }

    #[test]
    fn durations_are_read_as_prometheus_writes_them() {
        for (text, seconds) in [
            ("30d1h", 30 * 86_400 + 3600),
            ("1w", 604_800),
            ("90m", 5400),
            ("2h30s", 7230),
            ("1y", 31_536_000),
        ] {
            assert_eq!(duration(text), Some(seconds * SECOND), "{text}");
        }
        for bad in ["", "1", "h", "1x", "99999999999999999999y", "9999999999y"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_was_learnt_is_kept_to_and_never_given_up() {
        let limits = QueryLimits::default();
        assert!(
            limits.learn(&Excess::Entries(1000))
                && !limits.learn(&Excess::Entries(3000))
                && !limits.learn(&Excess::Size)
        );
        assert!(limits.learn(&Excess::Range(7 * DAY)) && !limits.learn(&Excess::Range(7 * DAY)));
        assert_eq!((limits.entries(), limits.range()), (1000, 7 * DAY));
    }
}
