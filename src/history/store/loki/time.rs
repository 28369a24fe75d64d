//! Time as Loki counts it: whole nanoseconds, spans that include their start and exclude their end,
//! and windows no longer than a query may cover.

use crate::history::store::Query;

const NANOS: f64 = 1e9;

/// Spans of time in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// The time before now that is searched without a given start (nanoseconds).
pub const LOOK_BACK: i64 = 400 * DAY;

/// The earliest time that is searched, July 2023 (nanoseconds since 1970): there was no Ollama
/// before.
const EARLIEST: i64 = 1_688_169_600_000_000_000;

/// The most that records may be ahead of this machine's clock (nanoseconds): other machines write
/// to the same Loki, which takes no more than this.
const CLOCK_AHEAD_MAX: i64 = HOUR;

/// Data older than this hardly changes (nanoseconds): such a record comes late, or from a tap that
/// could not write for a while.
const SETTLING_TIME: i64 = 2 * HOUR;

/// The age beyond which a default Loki takes no entries (nanoseconds).
pub const ACCEPTED_AGE_MAX: i64 = 8 * DAY;

/// The direction in which time is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// From `start` to before `end`, nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: i64,
    pub end: i64,
}

impl Span {
    /// Returns the times that `query` asks for and that records can have. The ends are rounded
    /// outwards, so that the same query a moment later is the same one to Loki. `now` is in Unix
    /// seconds.
    pub fn of(query: &Query, now: f64) -> Span {
        let start = query
            .start_time
            .map_or_else(|| nanos(now) - LOOK_BACK, nanos)
            .max(EARLIEST);
        let end = query
            .end_time
            .map_or(i64::MAX, |end| nanos(end).saturating_add(1));
        let ahead = (nanos(now).saturating_add(CLOCK_AHEAD_MAX) / MINUTE)
            .saturating_add(1)
            .saturating_mul(MINUTE);
        Span {
            start: start - start.rem_euclid(HOUR),
            end: end.min(ahead),
        }
    }

    /// Makes the span of one nanosecond.
    pub fn at(time: i64) -> Span {
        Span {
            start: time,
            end: time.saturating_add(1),
        }
    }

    pub fn with_start(self, start: i64) -> Span {
        Span { start, ..self }
    }

    pub fn with_end(self, end: i64) -> Span {
        Span { end, ..self }
    }

    pub fn contains(&self, time: i64) -> bool {
        (self.start..self.end).contains(&time)
    }

    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// Returns the first piece of the span in this order that is no longer than `longest` and on
    /// one side of `edge`.
    pub fn first(self, order: Order, longest: i64, edge: i64) -> Span {
        let is_between = self.start < edge && edge < self.end;
        match order {
            Order::OldestFirst => {
                let end = if is_between { edge } else { self.end };
                self.with_end(end.min(self.start.saturating_add(longest)))
            }
            Order::NewestFirst => {
                let start = if is_between { edge } else { self.start };
                self.with_start(start.max(self.end.saturating_sub(longest)))
            }
        }
    }

    /// Returns the first piece to count, the oldest: whole days where data is stable, and pieces as
    /// long as possible where it is too old for a Loki to take more, so that the same pieces are
    /// counted tomorrow.
    pub fn first_counted(self, longest: i64, edge: i64) -> Span {
        let closed = edge.saturating_sub(ACCEPTED_AGE_MAX);
        let unit = if self.start < closed - closed.rem_euclid(DAY) {
            longest - longest % DAY
        } else {
            DAY
        };
        let unit = unit.clamp(HOUR, longest);
        let next = self
            .start
            .saturating_add(unit - self.start.rem_euclid(unit));
        let bounds = [next, closed - closed.rem_euclid(DAY), edge]
            .into_iter()
            .filter(|bound| *bound > self.start && self.start < edge);
        self.with_end(bounds.fold(self.end.min(self.start.saturating_add(longest)), i64::min))
    }

    /// Returns the length in nanoseconds.
    pub fn length(&self) -> i64 {
        self.end.saturating_sub(self.start)
    }

    /// Returns the rest of the span after `done` was read.
    pub fn after(self, done: Span, order: Order) -> Span {
        match order {
            Order::OldestFirst => self.with_start(done.end),
            Order::NewestFirst => self.with_end(done.start),
        }
    }
}

/// Returns the time before which data is stable: a whole hour, so that a query up to it stays the
/// same for that long.
pub fn stable_until(now: f64) -> i64 {
    let edge = nanos(now).saturating_sub(SETTLING_TIME);
    edge - edge.rem_euclid(HOUR)
}

/// Converts Unix seconds to nanoseconds: keeps the order, and loses no microsecond.
pub fn nanos(seconds: f64) -> i64 {
    let whole = seconds.floor();
    // Both parts are exact, where their sum in nanoseconds would not be; `as` stops at the ends of
    // an i64.
    ((whole as i64).saturating_mul(NANOS as i64))
        .saturating_add(((seconds - whole) * NANOS).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_795_262_400.0;

    fn query(start: Option<f64>, end: Option<f64>) -> Query {
        Query {
            start_time: start,
            end_time: end,
            ..Query::default()
        }
    }

    #[test]
    fn no_microsecond_is_lost_and_the_order_stays() {
        assert_eq!(nanos(1_795_262_400.123456) / 1000, 1_795_262_400_123_456);
        let mut times: Vec<f64> = (0..1000)
            .map(|n| NOW + f64::from(n) * 0.000_000_3)
            .collect();
        times.dedup();
        assert!(times.windows(2).all(|pair| nanos(pair[0]) < nanos(pair[1])));
    }

    #[test]
    fn no_number_is_too_much() {
        assert_eq!(
            (nanos(f64::NAN), nanos(f64::INFINITY), nanos(f64::MIN)),
            (0, i64::MAX, i64::MIN)
        );
        assert!(Span::of(&query(Some(1e300), Some(-1e300)), NOW).is_empty());
        assert!(Span::of(&query(Some(f64::MIN), Some(f64::MAX)), NOW).length() < 60 * 30 * DAY);
    }

    #[test]
    fn the_end_that_was_asked_for_is_included_and_the_future_is_not_searched() {
        let span = Span::of(&query(Some(NOW), Some(NOW)), NOW);
        assert_eq!(
            (span.start, span.end),
            (nanos(NOW), nanos(NOW) + 1),
            "noon is a whole hour"
        );
        let ahead = Span::of(&query(None, None), NOW).end - nanos(NOW);
        assert!((CLOCK_AHEAD_MAX..=CLOCK_AHEAD_MAX + MINUTE).contains(&ahead));
        assert_eq!(
            Span::of(&query(None, None), NOW + 1.0),
            Span::of(&query(None, None), NOW + 50.0)
        );
    }

    #[test]
    fn pieces_cover_a_span_without_gaps_in_either_order() {
        const LONGEST: i64 = 30 * DAY;
        let span = Span {
            start: 5,
            end: 5 + 2 * LONGEST + 7,
        };
        for (order, edge) in [
            (Order::OldestFirst, LONGEST / 2),
            (Order::NewestFirst, LONGEST / 2),
            (Order::NewestFirst, 5),
            (Order::OldestFirst, -1),
        ] {
            let (mut rest, mut length, mut pieces) = (span, 0, 0);
            while !rest.is_empty() {
                let piece = rest.first(order, LONGEST, edge);
                assert!(
                    !piece.is_empty()
                        && piece.length() <= LONGEST
                        && !(piece.start < edge && edge < piece.end)
                );
                (rest, length, pieces) = (
                    rest.after(piece, order),
                    length + piece.length(),
                    pieces + 1,
                );
            }
            assert!(length == span.length() && pieces <= 4, "{order:?} {edge}");
        }
    }

    #[test]
    fn what_is_counted_is_counted_in_the_same_pieces_tomorrow() {
        let edge = 5 * HOUR + 400 * DAY;
        for longest in [30 * DAY, 7 * DAY, 36 * HOUR, HOUR] {
            let pieces = |mut rest: Span, edge: i64| {
                let mut pieces = Vec::new();
                while !rest.is_empty() {
                    let piece = rest.first_counted(longest, edge);
                    assert!(
                        !piece.is_empty()
                            && piece.length() <= longest
                            && (piece.end <= edge || edge <= piece.start)
                    );
                    assert_eq!(piece.start, rest.start);
                    pieces.push((piece.start, piece.end));
                    rest.start = piece.end;
                }
                pieces
            };
            let today = pieces(
                Span {
                    start: 300 * DAY,
                    end: edge + 3 * HOUR,
                },
                edge,
            );
            let tomorrow = pieces(
                Span {
                    start: 300 * DAY,
                    end: edge + 27 * HOUR,
                },
                edge + DAY,
            );
            let new = tomorrow
                .iter()
                .filter(|piece| !today.contains(piece))
                .count();
            assert!(
                new <= 4.max((2 * DAY / longest) as usize),
                "{longest}: {new} of {}",
                tomorrow.len()
            );
        }
    }
}
