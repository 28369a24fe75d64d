//! The limits of Loki, learnt from its messages when they were exceeded.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};

use super::time::{DAY, HOUR, SECOND};

/// The shortest range of one query (nanoseconds).
pub const RANGE_MIN: i64 = HOUR;

/// Limits of one query.
pub struct QueryLimits {
    /// Entries of a response: `max_entries_limit_per_query`.
    entries: AtomicUsize,
    /// Nanoseconds between its start and its end: `max_query_length`.
    range: AtomicI64,
}

impl Default for QueryLimits {
    /// The defaults of Loki, its range (30 days and an hour) rounded down.
    fn default() -> QueryLimits {
        QueryLimits {
            entries: AtomicUsize::new(5000),
            range: AtomicI64::new(30 * DAY),
        }
    }
}

/// The limit that a query exceeded, if a smaller query may help.
#[derive(Debug, PartialEq, Eq)]
pub enum ExceededLimit {
    /// The most entries of a response.
    Entries(usize),
    /// The longest range (nanoseconds).
    Range(i64),
    /// The size of the response, of the data to read for it, or the time that takes; Loki names no
    /// number.
    Size,
}

impl QueryLimits {
    pub fn entries(&self) -> usize {
        self.entries.load(SeqCst)
    }

    pub fn range(&self) -> i64 {
        self.range.load(SeqCst)
    }

    /// Adopts a limit; returns whether it is lower than the one before.
    pub fn learn(&self, exceeded: &ExceededLimit) -> bool {
        match exceeded {
            ExceededLimit::Entries(most) => self.entries.fetch_min((*most).max(2), SeqCst) > *most,
            ExceededLimit::Range(longest) => {
                self.range.fetch_min((*longest).max(RANGE_MIN), SeqCst) > *longest
            }
            ExceededLimit::Size => false,
        }
    }
}

/// Marks of messages about responses that were too large or took too long. (`limits.go` of Loki's
/// `queryrange` and `querier`, gRPC, gateways)
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

/// Returns the limit that a message of this status is about; `None` if it is about something else.
pub fn exceeded_limit(status: u16, message: &str) -> Option<ExceededLimit> {
    let behind = |mark: &str| message.split_once(mark).map(|(_, rest)| rest);
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
    let is_size = matches!(status, 413 | 504) || TOO_MUCH.iter().any(|mark| message.contains(mark));
    entries
        .map(ExceededLimit::Entries)
        .or_else(|| range().map(ExceededLimit::Range))
        .or_else(|| is_size.then_some(ExceededLimit::Size))
}

/// Parses a duration as Prometheus writes it, such as `30d1h` or `1w`, to nanoseconds.
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
        assert_eq!(
            exceeded_limit(400, entries),
            Some(ExceededLimit::Entries(1000))
        );
        let range = "the query time range exceeds the limit (query length: 720h0m0s, limit: 1w)";
        assert_eq!(
            exceeded_limit(400, range),
            Some(ExceededLimit::Range(7 * DAY))
        );
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
            assert_eq!(
                exceeded_limit(status, words),
                Some(ExceededLimit::Size),
                "{words}"
            );
        }
        for (status, words) in [
            (400, "parse error at line 1, col 5"),
            (401, "no org id"),
            (503, ""),
            (400, "query length: x, limit: soon"),
        ] {
            assert_eq!(exceeded_limit(status, words), None, "{words}");
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
            limits.learn(&ExceededLimit::Entries(1000))
                && !limits.learn(&ExceededLimit::Entries(3000))
                && !limits.learn(&ExceededLimit::Size)
        );
        assert!(
            limits.learn(&ExceededLimit::Range(7 * DAY))
                && !limits.learn(&ExceededLimit::Range(7 * DAY))
        );
        assert_eq!((limits.entries(), limits.range()), (1000, 7 * DAY));
    }
}
