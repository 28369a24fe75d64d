//! Time as Loki counts it: whole nanoseconds, spans that include their start and exclude their end, and windows no longer than
//! Loki answers for.

use crate::store::Query;

const NANOS: f64 = 1e9;
const DAY: i64 = 86_400_000_000_000;

/// The longest time that one question asks for (nanoseconds). Loki refuses more than 30 days and one hour.
pub const WINDOW: i64 = 30 * DAY;

/// How far back is looked when no start is given (nanoseconds): every 30 days are one more question.
const LOOK_BACK: i64 = 400 * DAY;

/// Nothing is looked for before July 2023 (nanoseconds since 1970): there was no Ollama.
const FIRST: i64 = 1_688_169_600_000_000_000;

/// How far ahead of this machine's clock records may lie (nanoseconds): other machines write into the same Loki.
const AHEAD: i64 = DAY;

/// Which way time is read.
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
    /// The times that `query` asks for and that records can lie in. `now` in Unix seconds.
    pub fn of(query: &Query, now: f64) -> Span {
        let start = query.start_time.map_or_else(|| nanos(now) - LOOK_BACK, nanos);
        let end = query.end_time.map_or(i64::MAX, |end| nanos(end).saturating_add(1));
        Span { start: start.max(FIRST), end: end.min(nanos(now).saturating_add(AHEAD)) }
    }

    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// The span in pieces of at most `WINDOW`, in the order given.
    pub fn windows(mut self, order: Order) -> impl Iterator<Item = Span> {
        std::iter::from_fn(move || {
            if self.is_empty() {
                return None;
            }
            let window = match order {
                Order::OldestFirst => Span { start: self.start, end: self.end.min(self.start + WINDOW) },
                Order::NewestFirst => Span { start: self.start.max(self.end - WINDOW), end: self.end },
            };
            self = self.after(window, order);
            Some(window)
        })
    }

    /// What is left once `done` was read.
    pub fn after(self, done: Span, order: Order) -> Span {
        match order {
            Order::OldestFirst => Span { start: done.end, ..self },
            Order::NewestFirst => Span { end: done.start, ..self },
        }
    }
}

/// Unix seconds in nanoseconds: what lies later never becomes earlier, and no microsecond is lost.
pub fn nanos(seconds: f64) -> i64 {
    let whole = seconds.floor();
    // Both parts are exact, where their sum in nanoseconds would not be; `as` stops at the ends of an i64.
    ((whole as i64).saturating_mul(NANOS as i64)).saturating_add(((seconds - whole) * NANOS).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_795_262_400.0;

    fn query(start: Option<f64>, end: Option<f64>) -> Query {
        Query { start_time: start, end_time: end, ..Query::default() }
    }

    #[test]
    fn no_microsecond_is_lost_and_the_order_stays() {
        assert_eq!(nanos(1_795_262_400.123456) / 1000, 1_795_262_400_123_456);
        let mut times: Vec<f64> = (0..1000).map(|n| NOW + f64::from(n) * 0.000_000_3).collect();
        times.dedup();
        assert!(times.windows(2).all(|pair| nanos(pair[0]) < nanos(pair[1])));
    }

    #[test]
    fn no_number_is_too_much() {
        assert_eq!((nanos(f64::NAN), nanos(f64::INFINITY), nanos(f64::MIN)), (0, i64::MAX, i64::MIN));
        assert!(Span::of(&query(Some(1e300), Some(-1e300)), NOW).is_empty());
        assert!(Span::of(&query(Some(f64::MIN), Some(f64::MAX)), NOW).windows(Order::NewestFirst).count() < 60);
    }

    #[test]
    fn the_end_that_was_asked_for_is_included_and_the_future_is_not_searched() {
        let span = Span::of(&query(Some(NOW), Some(NOW)), NOW);
        assert_eq!((span.start, span.end), (nanos(NOW), nanos(NOW) + 1));
        assert_eq!(Span::of(&query(None, None), NOW).end, nanos(NOW) + AHEAD);
    }

    #[test]
    fn windows_cover_a_span_without_gaps_in_either_order() {
        let span = Span { start: 5, end: 5 + 2 * WINDOW + 7 };
        let forward: Vec<Span> = span.windows(Order::OldestFirst).collect();
        assert_eq!(forward.len(), 3);
        assert!(forward.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!((forward[0].start, forward[2].end), (span.start, span.end));
        let backward: Vec<Span> = span.windows(Order::NewestFirst).collect();
        assert!(backward.windows(2).all(|pair| pair[1].end == pair[0].start));
        assert_eq!((backward[0].end, backward[2].start), (span.end, span.start));
        assert!(forward.iter().chain(&backward).all(|window| window.end - window.start <= WINDOW));
    }
}
