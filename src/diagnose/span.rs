//! SPAN: a stretch of time, and how much of it others cover.

use std::time::{Duration, SystemTime};

/// A stretch of time; empty where `to` is not after `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSpan {
    pub from: SystemTime,
    pub to: SystemTime,
}

impl TimeSpan {
    /// The stretch of this length that begins at `from`.
    pub fn starting(from: SystemTime, length: Duration) -> TimeSpan {
        TimeSpan {
            from,
            to: from + length,
        }
    }

    /// The stretch of this length that ends at `to`.
    pub fn ending(to: SystemTime, length: Duration) -> TimeSpan {
        TimeSpan {
            from: to.checked_sub(length).unwrap_or(to),
            to,
        }
    }

    pub fn length(self) -> Duration {
        since(self.to, self.from)
    }

    /// What both have in common.
    pub fn overlap(self, other: TimeSpan) -> TimeSpan {
        TimeSpan {
            from: self.from.max(other.from),
            to: self.to.min(other.to),
        }
    }

    /// How much of it is in at least one of `others`.
    pub fn covered(self, others: impl IntoIterator<Item = TimeSpan>) -> Duration {
        let mut overlaps = Vec::new();
        for overlap in others.into_iter().map(|other| self.overlap(other)) {
            if overlap == self {
                return self.length();
            }
            if overlap.from < overlap.to {
                overlaps.push(overlap);
            }
        }
        overlaps.sort_by_key(|span| span.from);
        let mut end = self.from;
        let mut covered = Duration::ZERO;
        for span in overlaps {
            covered += since(span.to, span.from.max(end));
            end = end.max(span.to);
        }
        covered
    }
}

/// The time from `earlier` to `later`, none where the clock was set back in between.
pub fn since(later: SystemTime, earlier: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn span(from: u64, to: u64) -> TimeSpan {
        TimeSpan {
            from: at(from),
            to: at(to),
        }
    }

    proptest! {
        #[test]
        fn what_others_cover_is_the_number_of_seconds_in_any_of_them(
            others in prop::collection::vec((0u64..40, 0u64..40), 0..8),
        ) {
            let own = span(10, 30);
            let seconds = (10..30)
                .filter(|second| others.iter().any(|(from, to)| from <= second && second < to))
                .count();
            let covered = own.covered(others.iter().map(|(from, to)| span(*from, *to)));
            prop_assert_eq!(covered.as_secs(), seconds as u64);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_time() {
        assert_eq!(since(at(3), at(5)), Duration::ZERO);
        assert_eq!(span(5, 3).length(), Duration::ZERO);
    }
}
