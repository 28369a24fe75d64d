//! The time since when Loki has entries, so that no query is about years without any. Loki runs a
//! query for every hour of them, while listing the streams of a month costs it next to nothing.

use std::time::{Duration, Instant};

use super::client::LokiClient;
use super::limits::{QueryLimits, RANGE_MIN};
use super::logql;
use super::pages::QueryRefusal;
use super::response::Labels;
use super::time::{DAY, HOUR, LOOK_BACK, Span, nanos};
use crate::history::store::{Result, StoreError};

/// The precision to which the oldest time is searched (nanoseconds).
const START_PRECISION: i64 = DAY;

/// Other taps may write entries that are older than their oldest so far by this (nanoseconds).
const BACKDATE_MAX: i64 = 2 * HOUR;

/// The time that a result is trusted: one with entries, and one without any.
const FOUND_TTL: Duration = Duration::from_secs(3600);
const EMPTY_TTL: Duration = Duration::from_secs(2);

/// The spans in which the history has entries (nanoseconds).
#[derive(Clone, Copy, Debug)]
pub struct LokiCoverage {
    found: Instant,
    /// The start of facts and texts.
    start: Option<i64>,
    /// The span of records of version 0.1.0.
    legacy: Option<Span>,
}

/// The formats that a span has entries of.
#[derive(Clone, Copy, Default)]
struct PresentFormats {
    current: bool,
    legacy: bool,
}

impl LokiCoverage {
    /// Searches month by month.
    pub fn find(client: &LokiClient, limits: &QueryLimits, now: f64) -> Result<LokiCoverage> {
        let mut coverage = LokiCoverage {
            found: Instant::now(),
            start: None,
            legacy: None,
        };
        let whole_span = Span {
            start: nanos(now) - LOOK_BACK,
            end: nanos(now) + RANGE_MIN,
        };
        let mut rest = whole_span;
        while !rest.is_empty() {
            let (month, formats) = formats_before(client, limits, rest)?;
            if formats.current {
                coverage.start = Some(month.start);
            }
            if formats.legacy {
                coverage.legacy = Some(Span {
                    start: month.start,
                    end: coverage.legacy.map_or(month.end, |legacy| legacy.end),
                });
            }
            rest.end = month.start;
        }
        coverage.start = coverage
            .start
            .map(|start| bisect_start(client, limits, start, |formats| formats.current))
            .transpose()?;
        if let Some(legacy) = &mut coverage.legacy {
            legacy.start = bisect_start(client, limits, legacy.start, |formats| formats.legacy)?;
        }
        Ok(coverage)
    }

    pub fn is_fresh(&self) -> bool {
        let time_to_live = if self.start.is_none() && self.legacy.is_none() {
            EMPTY_TTL
        } else {
            FOUND_TTL
        };
        self.found.elapsed() < time_to_live
    }

    /// Includes an entry of this time (nanoseconds), which this tap wrote.
    pub fn include(&mut self, time: i64) {
        self.start = Some(self.start.map_or(time, |start| start.min(time)));
    }

    /// Returns the part of `span` that may have facts and texts. Times older than those searched
    /// may have them, too.
    pub fn current(&self, span: Span, now: f64) -> Span {
        let start = self
            .start
            .map_or(span.end, |start| start.saturating_sub(BACKDATE_MAX));
        clip(span, start, span.end, now)
    }

    /// Returns the part of `span` that may have records of version 0.1.0.
    pub fn legacy(&self, span: Span, now: f64) -> Span {
        self.legacy.map_or(span.with_start(span.end), |legacy| {
            clip(span, legacy.start, span.end.min(legacy.end), now)
        })
    }
}

fn clip(span: Span, start: i64, end: i64, now: f64) -> Span {
    // Spans begin at whole hours.
    let is_beyond = span.start < nanos(now).saturating_sub(LOOK_BACK + RANGE_MIN);
    // A whole hour, so that the query is the same the next time.
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

/// Returns the last piece of a span that Loki can query at once, and the formats in it.
fn formats_before(
    client: &LokiClient,
    limits: &QueryLimits,
    span: Span,
) -> Result<(Span, PresentFormats)> {
    loop {
        let piece = span.with_start(span.start.max(span.end.saturating_sub(limits.range())));
        match client.series(&logql::all(), piece)? {
            Ok(streams) => return Ok((piece, formats(&streams))),
            Err(QueryRefusal { exceeded, .. }) if limits.learn(&exceeded) => {}
            Err(QueryRefusal { message, .. }) => return Err(StoreError::Failed(message)),
        }
    }
}

fn formats(streams: &[Labels]) -> PresentFormats {
    let is_ours = |labels: &Labels| labels.contains_key("part");
    PresentFormats {
        current: streams.iter().any(is_ours),
        legacy: streams.iter().any(|labels| !is_ours(labels)),
    }
}

/// Finds the start of a format in the piece that begins at `start`: by halving, to within a day
/// before it.
fn bisect_start(
    client: &LokiClient,
    limits: &QueryLimits,
    start: i64,
    is_there: fn(&PresentFormats) -> bool,
) -> Result<i64> {
    let mut span = Span {
        start,
        end: start.saturating_add(limits.range()),
    };
    while span.length() > START_PRECISION {
        let middle = span.start + span.length() / 2;
        let (_, formats) = formats_before(client, limits, span.with_end(middle))?;
        if is_there(&formats) {
            span.end = middle
        } else {
            span.start = middle
        }
    }
    Ok(span.start)
}
