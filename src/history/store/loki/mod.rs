//! The history in Loki: many taps, one store, kept as long as Loki keeps it.
//!
//! - `entry` makes two entries of a record, facts and text, and `cut` lines of what would be too long; `push` makes bodies of them;
//! - `write` sends them by `sender`, `refused` says what an answer means, `unsent` keeps what could not be sent until the next start;
//! - `reach` knows since when there is anything, `time` what is asked of it, `logql` and `search` in which words;
//! - `pages` reads in order and in flat memory within what Loki allows (`limits`), `read` makes records of it, `memo` remembers it;
//! - `facts` shows what statistics need, in `compact` lines, and keeps what is `settled`;
//! - `lookup` finds one record, `extent` counts them all;
//! - `ask` is the HTTP beneath all, `answer` what comes back.
//!
//! Labels are few, and of machines alone. What Loki finds is only proposed: `Query::matches` decides.

mod answer;
mod ask;
mod compact;
mod cut;
mod entry;
mod extent;
mod facts;
mod limits;
mod logql;
mod lookup;
mod memo;
mod pages;
mod push;
mod quoting;
mod reach;
mod read;
mod refused;
mod search;
mod sender;
mod settled;
#[cfg(test)]
mod tests;
mod time;
mod unsent;
mod write;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ureq::tls::Certificate;

use super::{Detail, Engine, Extent, Limits, Query, Refused, Result, StoreError};
use crate::config::LokiSettings;
use crate::history::record::{self, Record, RecordSummary, TapIdentity};
use crate::util::threads::lock;
use ask::LokiClient;
use limits::QueryLimits;
use memo::Memo;
use pages::{EntryPage, QueryRefusal};
use reach::Reach;
use read::FACTS_FIRST;
use settled::Settled;
use time::{Order, Span, nanos};
use unsent::Unsent;
use write::Pusher;

/// A history in Loki.
pub struct Loki {
    client: Arc<LokiClient>,
    pusher: Pusher,
    limits: QueryLimits,
    reach: Mutex<Option<Reach>>,
    pages: Memo<EntryPage>,
    numbers: Memo<f64>,
    /// By `Kind`.
    settled: [Mutex<Option<Settled>>; 2],
    /// When records were that somebody saw in a list (nanoseconds).
    places: Mutex<HashMap<String, i64>>,
    clock: fn() -> f64,
}

impl Loki {
    /// To read. Nothing is asked yet. `roots`: the certificates that prove an https Loki, where they are not the public ones alone.
    pub fn reader(settings: &LokiSettings, roots: Option<Arc<Vec<Certificate<'static>>>>) -> Loki {
        Loki::new(settings, roots, None)
    }

    /// To write as well. What cannot be sent before the end stays in `dir`, where there is one.
    pub fn writer(
        settings: &LokiSettings,
        roots: Option<Arc<Vec<Certificate<'static>>>>,
        dir: Option<&Path>,
        writer: &TapIdentity,
    ) -> Loki {
        let unsent = dir.map(|dir| Unsent::new(dir, writer));
        match unsent.as_ref().map(|unsent| (unsent, unsent.check())) {
            Some((_, Ok(()))) => {}
            Some((unsent, Err(cause))) => {
                log::warn!(
                    "what loki does not take before the tap ends will be lost: write {}: {cause}",
                    unsent.path().display()
                );
            }
            None => log::warn!(
                "what loki does not take before the tap ends will be lost: name a place for it with --analytics-dir"
            ),
        }
        Loki::new(settings, roots, unsent)
    }

    fn new(
        settings: &LokiSettings,
        roots: Option<Arc<Vec<Certificate<'static>>>>,
        unsent: Option<Unsent>,
    ) -> Loki {
        let client = Arc::new(LokiClient::new(settings, roots));
        Loki {
            pusher: Pusher::new(client.clone(), unsent),
            client,
            limits: QueryLimits::default(),
            reach: Mutex::default(),
            pages: Memo::default(),
            numbers: Memo::default(),
            settled: Default::default(),
            places: Mutex::default(),
            clock: record::now,
        }
    }

    fn now(&self) -> f64 {
        (self.clock)()
    }

    fn reach(&self) -> Result<Reach> {
        let mut reach = lock(&self.reach);
        match &*reach {
            Some(known) if known.is_believed() => Ok(*known),
            _ => Ok(*reach.insert(Reach::find(&self.client, &self.limits, self.now())?)),
        }
    }

    /// An answer that was given a moment ago, or Loki's.
    fn remembered(
        &self,
        query: &str,
        span: Span,
        order: Order,
        edge: i64,
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
        let answer = self
            .client
            .lines(query, span, order, limit, &|_, line| line)?;
        if let Ok(page) = &answer {
            self.pages.keep(&key, span, edge, page.bytes, page);
        }
        Ok(answer)
    }

    /// Something of these times was written: nothing that was known of them holds any more.
    fn note_written(&self, times: &[i64]) {
        let Some(oldest) = times.iter().min() else {
            return;
        };
        self.pages.forget(*oldest);
        self.numbers.forget(*oldest);
        if let Some(reach) = &mut *lock(&self.reach) {
            reach.note(*oldest);
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
        self.pusher.send_unsent()?;
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
        let before = self.before(query)?;
        let mut span = Span::of(query, self.now());
        if let Some(before) = &before {
            span.end = span.end.min(nanos(before.timestamp).saturating_add(1));
        }
        let needed = self.needed(query, detail);
        let mut found = 0;
        let visit = &mut |record: Record| {
            let is_meant = if needed == Detail::Whole {
                query.matches(&record)
            } else {
                query.matches_summary(&record.summary())
            };
            if !is_meant || !Query::is_before(&record, before.as_ref()) {
                return ControlFlow::Continue(());
            }
            self.note_place(&record);
            found += 1;
            let flow = visit(detail.of(record));
            if found < query.limit {
                flow
            } else {
                ControlFlow::Break(())
            }
        };
        // One more than is wanted, since the last moment of a full page is left to the next.
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
            FACTS_FIRST,
            visit,
        )
    }

    fn for_each_summary(&self, query: &Query, visit: &mut dyn FnMut(&RecordSummary)) -> Result<()> {
        self.show_facts(query, visit)
    }

    fn get(&self, id: &str) -> Result<Option<Record>> {
        self.find(id, Detail::Whole)
    }

    /// Records of the future are asked for by nobody (`time::AHEAD`).
    fn extent(&self, _: f64) -> Result<Extent> {
        self.whole_extent()
    }

    /// Retention is Loki's own.
    fn retain(&self, _: &Limits) -> Result<u64> {
        Ok(0)
    }

    fn purge(&self, _: Option<f64>) -> Result<u64> {
        let way_out = "deleting there is loki's own business; set its retention_period, or use its delete API";
        Err(StoreError::Failed(format!(
            "purge the history in loki at {}: {way_out}",
            self.client.base()
        )))
    }
}
