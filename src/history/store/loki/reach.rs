//! REACH: from when on there is anything, so that no question is about years in which there was nothing. Loki makes a query of every
//! hour of them, where asking for the streams of a month costs it next to nothing.

use std::time::{Duration, Instant};

use super::answer::Labels;
use super::ask::LokiClient;
use super::limits::{QueryLimits, RANGE_MIN};
use super::logql;
use super::pages::QueryRefusal;
use super::time::{DAY, HOUR, LOOK_BACK, Span, nanos};
use crate::history::store::{Result, StoreError};

/// How exactly the oldest time is looked for (nanoseconds).
const EXACT: i64 = DAY;

/// Other taps may write what is older than what they have written so far by this (nanoseconds).
const BEHIND: i64 = 2 * HOUR;

/// How long what was found is believed, and that there is nothing.
const KEPT: Duration = Duration::from_secs(3600);
const NOTHING_KEPT: Duration = Duration::from_secs(2);

/// Where the entries of the history lie, in time (nanoseconds).
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    found: Instant,
    /// Facts and texts begin here.
    start: Option<i64>,
    /// Records as version 0.1.0 wrote them lie in here.
    old: Option<Span>,
}

/// What a span has of either kind.
#[derive(Clone, Copy, Default)]
struct Kinds {
    ours: bool,
    old: bool,
}

impl Reach {
    /// Looks for it, month by month.
    pub fn find(client: &LokiClient, limits: &QueryLimits, now: f64) -> Result<Reach> {
        let mut reach = Reach {
            found: Instant::now(),
            start: None,
            old: None,
        };
        let everywhen = Span {
            start: nanos(now) - LOOK_BACK,
            end: nanos(now) + RANGE_MIN,
        };
        let mut rest = everywhen;
        while !rest.is_empty() {
            let (month, kinds) = kinds_before(client, limits, rest)?;
            if kinds.ours {
                reach.start = Some(month.start);
            }
            if kinds.old {
                reach.old = Some(Span {
                    start: month.start,
                    end: reach.old.map_or(month.end, |old| old.end),
                });
            }
            rest.end = month.start;
        }
        reach.start = reach
            .start
            .map(|start| first(client, limits, start, |kinds| kinds.ours))
            .transpose()?;
        if let Some(old) = &mut reach.old {
            old.start = first(client, limits, old.start, |kinds| kinds.old)?;
        }
        Ok(reach)
    }

    pub fn is_believed(&self) -> bool {
        let kept = if self.start.is_none() && self.old.is_none() {
            NOTHING_KEPT
        } else {
            KEPT
        };
        self.found.elapsed() < kept
    }

    /// We wrote something of this time (nanoseconds).
    pub fn note(&mut self, time: i64) {
        self.start = Some(self.start.map_or(time, |start| start.min(time)));
    }

    /// What of `span` may have facts and texts. What is older than was looked at may have them, too.
    pub fn ours(&self, span: Span, now: f64) -> Span {
        let start = self
            .start
            .map_or(span.end, |start| start.saturating_sub(BEHIND));
        clipped(span, start, span.end, now)
    }

    /// What of `span` may have records of version 0.1.0.
    pub fn old(&self, span: Span, now: f64) -> Span {
        self.old.map_or(
            Span {
                start: span.end,
                ..span
            },
            |old| clipped(span, old.start, span.end.min(old.end), now),
        )
    }
}

fn clipped(span: Span, start: i64, end: i64, now: f64) -> Span {
    // Spans begin at whole hours.
    let is_beyond = span.start < nanos(now).saturating_sub(LOOK_BACK + RANGE_MIN);
    // A whole hour, so that the question is the same the next time.
    let start = start - start.rem_euclid(RANGE_MIN);
    Span {
        start: if is_beyond {
            span.start
        } else {
            span.start.max(start)
        },
        end,
    }
}

/// The last piece of a span that Loki answers for, and what it has.
fn kinds_before(client: &LokiClient, limits: &QueryLimits, span: Span) -> Result<(Span, Kinds)> {
    loop {
        let piece = Span {
            start: span.start.max(span.end.saturating_sub(limits.range())),
            ..span
        };
        match client.streams(&logql::all(), piece)? {
            Ok(streams) => return Ok((piece, kinds(&streams))),
            Err(QueryRefusal { excess, .. }) if limits.learn(&excess) => {}
            Err(QueryRefusal { words, .. }) => return Err(StoreError::Failed(words)),
        }
    }
}

fn kinds(streams: &[Labels]) -> Kinds {
    let is_ours = |labels: &Labels| labels.contains_key("part");
    Kinds {
        ours: streams.iter().any(is_ours),
        old: streams.iter().any(|labels| !is_ours(labels)),
    }
}

/// When the first of a kind lies, in the piece that begins at `start`: halving, to within a day before it.
fn first(
    client: &LokiClient,
    limits: &QueryLimits,
    start: i64,
    is_there: fn(&Kinds) -> bool,
) -> Result<i64> {
    let mut span = Span {
        start,
        end: start.saturating_add(limits.range()),
    };
    while span.length() > EXACT {
        let middle = span.start + span.length() / 2;
        let (_, kinds) = kinds_before(
            client,
            limits,
            Span {
                end: middle,
                ..span
            },
        )?;
        if is_there(&kinds) {
            span.end = middle
        } else {
            span.start = middle
        }
    }
    Ok(span.start)
}
