//! LAST MINUTE: what ended in the last sixty seconds, second by second.

use std::time::Instant;

use serde::Serialize;

/// The seconds that are counted, with the one that runs.
const SECONDS: usize = 60;

/// Counts of the last minute.
pub struct LastMinute {
    began: Instant,
    /// Second `n` since `began` is at `n % SECONDS`, until the next one takes its place.
    seconds: [(u64, MinuteTotals); SECONDS],
}

/// Requests that have ended, and their tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MinuteTotals {
    pub requests: u64,
    pub error: u64,
    pub generated_tokens: u64,
}

impl Default for LastMinute {
    fn default() -> LastMinute {
        LastMinute {
            began: Instant::now(),
            seconds: [(0, MinuteTotals::default()); SECONDS],
        }
    }
}

impl LastMinute {
    pub fn add(&mut self, more: MinuteTotals) {
        self.add_at(self.began.elapsed().as_secs(), more);
    }

    pub fn totals(&self) -> MinuteTotals {
        self.totals_at(self.began.elapsed().as_secs())
    }

    fn add_at(&mut self, now: u64, more: MinuteTotals) {
        let (second, totals) = &mut self.seconds[(now % SECONDS as u64) as usize];
        if *second != now {
            (*second, *totals) = (now, MinuteTotals::default());
        }
        totals.extend(more);
    }

    fn totals_at(&self, now: u64) -> MinuteTotals {
        let is_recent = |second: u64| second + (SECONDS as u64) > now;
        let mut sum = MinuteTotals::default();
        for (_, totals) in self.seconds.iter().filter(|(second, _)| is_recent(*second)) {
            sum.extend(*totals);
        }
        sum
    }
}

impl MinuteTotals {
    fn extend(&mut self, more: MinuteTotals) {
        self.requests += more.requests;
        self.error += more.error;
        self.generated_tokens = self.generated_tokens.saturating_add(more.generated_tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(generated_tokens: u64) -> MinuteTotals {
        MinuteTotals {
            requests: 1,
            error: 0,
            generated_tokens,
        }
    }

    #[test]
    fn a_second_counts_for_a_minute_and_gives_its_place_to_a_later_one() {
        let mut minute = LastMinute::default();
        for (now, tokens) in [(0, 1), (0, 2), (59, 4), (61, 8)] {
            minute.add_at(now, request(tokens));
        }
        let tokens_at = |now| minute.totals_at(now).generated_tokens;
        assert_eq!([59, 60, 61, 119].map(tokens_at), [7 + 8, 12, 12, 8]);
        assert_eq!(minute.totals_at(121), MinuteTotals::default());
    }

    #[test]
    fn seconds_without_requests_take_nothing_with_them() {
        let mut minute = LastMinute::default();
        minute.add_at(5, request(3));
        minute.add_at(65, request(4));
        assert_eq!(minute.totals_at(65), request(4));
        assert_eq!(minute.totals_at(5 + 24 * 3600), MinuteTotals::default());
    }
}
