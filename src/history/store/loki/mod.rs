//! The history in Loki: many taps, one store, kept as long as Loki keeps it.
//!
//! - `entry` makes two entries of a record, facts and text, and `truncate` shortens those that are
//!   too long; `push` makes bodies of them;
//! - `write` sends them by `sender`, `verdict` interprets the responses, `spool` stores what could
//!   not be sent until the next start;
//! - `coverage` finds the time since when there are entries, `time` the spans to query, `logql` and
//!   `search` the queries, `quoting` the texts in them;
//! - `pages` reads in order and in flat memory within Loki's limits (`limits`), `read` makes
//!   records of entries, `cache` caches responses;
//! - `summaries` visits the summaries for statistics, as `summary_line` reads them, and
//!   `cached_summaries` caches the stable ones;
//! - `lookup` finds one record, `extent` counts them all;
//! - `client` is the HTTP client, whose waits are `interruptible`, `response` the formats of responses.
//!
//! Labels are few, and only of machines. Loki only proposes: `Query::matches` decides.

mod cache;
mod cached_summaries;
mod client;
mod coverage;
mod entry;
mod extent;
mod interruptible;
mod limits;
mod logql;
mod lookup;
mod pages;
mod push;
mod quoting;
mod read;
mod response;
mod search;
mod sender;
mod spool;
mod summaries;
mod summary_line;
#[cfg(test)]
mod tests;
mod time;
mod truncate;
mod verdict;
mod write;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ureq::tls::Certificate;

use super::query::Sort;
use super::redaction::Redaction;
use super::{
    BadParameter, Detail, Engine, Extent, Limits, Query, Refused, Result, Selection, StoreError,
};
use crate::config::LokiSettings;
use crate::history::record::{self, Position, Record, RecordSummary, TapIdentity};
use crate::util::threads::lock;
use cache::ResponseCache;
use cached_summaries::CachedSummaries;
use client::LokiClient;
use coverage::LokiCoverage;
use limits::QueryLimits;
use pages::{EntryPage, QueryRefusal};
use read::{FIRST_PAGE_ENTRIES, IDS_MAX};
use spool::Spool;
use time::{Order, Span, nanos};
use write::Pusher;

/// A history in Loki.
pub struct Loki {
    client: Arc<LokiClient>,
    pusher: Pusher,
    limits: QueryLimits,
    coverage: Mutex<Option<LokiCoverage>>,
    pages: ResponseCache<EntryPage>,
    numbers: ResponseCache<f64>,
    /// One for each `RecordFormat`.
    cached_summaries: [Mutex<Option<CachedSummaries>>; 2],
    /// Times of records that a list showed, by id (nanoseconds).
    known_times: Mutex<HashMap<String, i64>>,
    clock: fn() -> f64,
}

impl Loki {
    /// Makes a store for reading; nothing is queried yet. `roots` are the certificates that prove
    /// an https Loki, if they are not the public ones alone.
    pub fn reader(settings: &LokiSettings, roots: Option<Arc<Vec<Certificate<'static>>>>) -> Loki {
        Loki::new(settings, roots, None)
    }

    /// Makes a store for writing as well. Records that cannot be sent before the end stay in `dir`,
    /// if given.
    pub fn writer(
        settings: &LokiSettings,
        roots: Option<Arc<Vec<Certificate<'static>>>>,
        dir: Option<&Path>,
        writer: &TapIdentity,
    ) -> Loki {
        let spool = dir.map(|dir| Spool::new(dir, writer));
        match spool.as_ref().map(|spool| (spool, spool.check())) {
            Some((_, Ok(()))) => {}
            Some((spool, Err(cause))) => {
                log::warn!(
                    "records that loki does not take before the tap ends will be lost: write {}: {cause}",
                    spool.path().display()
                );
            }
            None => log::warn!(
                "records that loki does not take before the tap ends will be lost; \
                 name a directory for them with --analytics-dir"
            ),
        }
        Loki::new(settings, roots, spool)
    }

    fn new(
        settings: &LokiSettings,
        roots: Option<Arc<Vec<Certificate<'static>>>>,
        spool: Option<Spool>,
    ) -> Loki {
        let client = Arc::new(LokiClient::new(settings, roots));
        Loki {
            pusher: Pusher::new(client.clone(), spool),
            client,
            limits: QueryLimits::default(),
            coverage: Mutex::default(),
            pages: ResponseCache::default(),
            numbers: ResponseCache::default(),
            cached_summaries: Default::default(),
            known_times: Mutex::default(),
            clock: record::now,
        }
    }

    fn now(&self) -> f64 {
        (self.clock)()
    }

    fn coverage(&self) -> Result<LokiCoverage> {
        let mut coverage = lock(&self.coverage);
        match &*coverage {
            Some(known) if known.is_fresh() => Ok(*known),
            _ => Ok(*coverage.insert(LokiCoverage::find(&self.client, &self.limits, self.now())?)),
        }
    }

    /// Returns a cached response, or queries Loki.
    fn cached_query(
        &self,
        query: &str,
        span: Span,
        order: Order,
        stable_until: i64,
        limit: usize,
    ) -> Result<Result<EntryPage, QueryRefusal>> {
        let key = format!("{order:?} {query}");
        if let Some(page) = self
            .pages
            .get(&key, span)
            .filter(|page| !page.is_full || page.entries.len() >= limit)
        {
            return Ok(Ok(page));
        }
        let response = self
            .client
            .query_range(query, span, order, limit, &|_, line| line)?;
        if let Ok(page) = &response {
            self.pages
                .insert(&key, span, stable_until, page.bytes, page);
        }
        Ok(response)
    }

    /// Drops what was cached about these times, since entries of them were written.
    fn note_written(&self, times: &[i64]) {
        let Some(oldest) = times.iter().min() else {
            return;
        };
        self.pages.invalidate_from(*oldest);
        self.numbers.invalidate_from(*oldest);
        if let Some(coverage) = &mut *lock(&self.coverage) {
            coverage.include(*oldest);
        }
    }
}

impl Engine for Loki {
    fn name(&self) -> &'static str {
        "loki"
    }

    fn location(&self) -> String {
        self.client.base().to_owned()
    }

    fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        let times: Vec<i64> = batch.iter().map(|record| nanos(record.timestamp)).collect();
        let written = self.pusher.write(batch);
        self.note_written(&times);
        written
    }

    fn take_refused(&self) -> Refused {
        self.pusher.take_refused()
    }

    fn catch_up(&self) -> Result<bool> {
        self.pusher.send_spooled()?;
        Ok(false)
    }

    fn set_deadline(&self, deadline: Instant) {
        self.pusher.set_deadline(deadline);
    }

    fn save_unwritten(&self, records: &[Record]) -> Result<bool> {
        self.pusher.save_unwritten(records)
    }

    fn for_each_newest(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        if query.sort != Sort::Time {
            return Err(StoreError::InvalidParameter(BadParameter::new(
                "sort",
                query.sort.as_str(),
                "time alone, for loki has no other order",
            )));
        }
        let before = self.resolve_before(query)?;
        let mut span = Span::of(query, self.now());
        if let Some(before) = &before {
            span.end = span.end.min(nanos(before.timestamp).saturating_add(1));
        }
        let required = self.required_detail(query, detail);
        let mut found = 0;
        let visit = &mut |record: Record| {
            let is_match = if required == Detail::Whole {
                query.matches(&record)
            } else {
                query.matches_facts(&record)
            };
            if !is_match || !Query::is_before(&record, before.as_ref()) {
                return ControlFlow::Continue(());
            }
            self.remember_time(&record);
            found += 1;
            let flow = visit(detail.of(record));
            if found < query.limit {
                flow
            } else {
                ControlFlow::Break(())
            }
        };
        // One more than required, since the last moment of a full page is left to the next.
        self.read(
            query,
            detail,
            (span, Order::NewestFirst),
            query.limit + 1,
            visit,
        )
    }

    fn for_each(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        let visit = &mut |record: Record| {
            if query.matches(&record) {
                visit(record)
            } else {
                ControlFlow::Continue(())
            }
        };
        self.read(
            query,
            Detail::Whole,
            (Span::of(query, self.now()), Order::OldestFirst),
            FIRST_PAGE_ENTRIES,
            visit,
        )
    }

    fn for_each_summary(&self, query: &Query, visit: &mut dyn FnMut(&RecordSummary)) -> Result<()> {
        self.visit_summaries(query, visit)
    }

    fn get(&self, id: &str) -> Result<Option<Record>> {
        self.find(id, Detail::Whole)
    }

    fn ids(&self, prefix: &str, limit: usize) -> Result<Vec<String>> {
        self.find_ids(prefix, limit)
    }

    fn get_all(&self, positions: &[Position], detail: Detail) -> Result<Vec<Option<Record>>> {
        let mut found = HashMap::new();
        for piece in positions.chunks(IDS_MAX) {
            self.find_all(piece, detail, &mut found)?;
        }
        let taken = positions.iter().map(|position| found.remove(&position.id));
        Ok(taken.collect())
    }

    /// Ignores the time: records of the future are never queried (`time::CLOCK_AHEAD_MAX`).
    fn extent(&self, _: f64) -> Result<Extent> {
        self.record_extent()
    }

    /// Does nothing: retention is configured in Loki.
    fn retain(&self, _: &Limits) -> Result<u64> {
        Ok(0)
    }

    fn deletes(&self) -> Result<()> {
        self.purge(None).map(drop)
    }

    fn redact(&self, _: &Redaction) -> Result<u64> {
        self.purge(None)
    }

    fn delete(&self, _: &Selection) -> Result<u64> {
        self.purge(None)
    }

    fn purge(&self, _: Option<f64>) -> Result<u64> {
        let way_out = "deleting there is loki's own business; set its retention_period, or use its delete API";
        Err(StoreError::Unsupported(format!(
            "purge the history in loki at {}: {way_out}",
            self.client.base()
        )))
    }
}
