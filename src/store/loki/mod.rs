//! The history in Loki: many taps, one store, kept as long as Loki keeps it.
//!
//! - `push` makes bodies of records, `cut` lines of records that would be too long;
//! - `logql` says which lines may be meant, `time` when, `pages` reads them in order and in flat memory;
//! - `ask` is the HTTP beneath both, `refused` what became of records that Loki will not have.
//!
//! A line holds the whole record, so that labels are only ways to find it, and `Query::matches` decides.

mod ask;
mod cut;
mod logql;
mod pages;
mod push;
mod refused;
#[cfg(test)]
mod tests;
mod time;

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::tls::Certificate;

use super::{Detail, Extent, Flow, Keeper, Limits, Query, Result, StoreError, unknown_before};
use crate::config::LokiSettings;
use crate::platform;
use crate::record::{self, Facts, Position, Record};
use ask::{Client, Pushed};
use pages::{ENTRIES_MIN, Entry};
use push::Models;
use refused::Complaint;
use time::{Order, Span, nanos};

/// Entries in the first page of an answer that is read to its end.
const FIRST_PAGE: usize = 500;

const SECOND: i64 = 1_000_000_000;

/// A history in Loki.
pub struct Loki {
    client: Client,
    host: String,
    models: Mutex<Models>,
    /// Refused for good by a `write` that then failed, and told by the next that does not.
    refused: AtomicU64,
    complaint: Complaint,
    clock: fn() -> f64,
}

impl Loki {
    /// Nothing is asked yet. `roots`: the certificates that prove an https Loki, where they are not the public ones alone.
    pub fn new(settings: &LokiSettings, roots: Option<Arc<Vec<Certificate<'static>>>>) -> Loki {
        Loki {
            client: Client::new(settings, roots),
            host: platform::host_name().filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned()),
            models: Mutex::default(),
            refused: AtomicU64::new(0),
            complaint: Complaint::default(),
            clock: record::now,
        }
    }

    /// Gives `visit` what `selector` finds, in order, until it has enough. `first` is the size of the first page.
    fn read(&self, selector: &str, span: Span, order: Order, first: usize, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<()> {
        pages::read(span, order, first, &mut |span, limit| self.client.lines(selector, span, order, limit), visit)
    }

    fn everywhen(&self) -> Span {
        Span::of(&Query::default(), (self.clock)())
    }

    /// The time of the first record in this order (Unix seconds).
    fn first(&self, order: Order) -> Result<Option<f64>> {
        let mut found = None;
        let visit = &mut |entry: Entry| {
            found = record(&entry).map(|record| record.timestamp);
            if found.is_some() { Flow::Stop } else { Flow::GoOn }
        };
        self.read(&logql::streams(&Query::default()), self.everywhen(), order, ENTRIES_MIN, visit)?;
        Ok(found)
    }

    /// How many records lie between two times (Unix seconds, both included).
    fn count(&self, oldest: f64, newest: f64) -> Result<u64> {
        // Whole seconds, since LogQL knows no smaller range; unlike elsewhere a range excludes its start and includes its end.
        let span = Span { start: nanos(oldest.floor()) - SECOND, end: nanos(newest.floor()) + SECOND };
        let streams = logql::streams(&Query::default());
        let count = |window: Span| {
            let seconds = (window.end - window.start) / SECOND;
            self.client.number(&format!("sum(count_over_time({streams}[{seconds}s]))"), window.end)
        };
        span.windows(Order::NewestFirst).map(count).sum::<Result<f64>>().map(|count| count as u64)
    }

    fn before(&self, query: &Query) -> Result<Option<Position>> {
        let Some(id) = &query.before else { return Ok(None) };
        Ok(Some(self.get(id)?.ok_or_else(|| unknown_before(id))?.position()))
    }
}

impl Keeper for Loki {
    fn name(&self) -> &'static str {
        "loki"
    }

    fn place(&self) -> String {
        self.client.base().to_owned()
    }

    fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        while !batch.is_empty() {
            let request = push::request(batch, &mut self.models.lock().unwrap_or_else(PoisonError::into_inner), &self.host);
            if let Pushed::Refused { status, words } = self.client.push(&request.body)? {
                let refused = refused::count(status, &words, request.records);
                self.refused.fetch_add(refused, SeqCst);
                self.complaint.log(self.client.base(), status, &words, refused);
            }
            batch.drain(..request.records);
        }
        Ok(self.refused.swap(0, SeqCst))
    }

    fn catch_up(&self) -> Result<bool> {
        Ok(false)
    }

    fn each_newest(&self, query: &Query, detail: Detail, visit: &mut dyn FnMut(Record) -> Flow) -> Result<()> {
        let before = self.before(query)?;
        let mut span = Span::of(query, (self.clock)());
        if let Some(before) = &before {
            span.end = span.end.min(nanos(before.timestamp).saturating_add(1));
        }
        let mut found = 0;
        let visit = &mut |entry: Entry| {
            let meant = |record: &Record| query.matches(record) && Query::is_before(record, before.as_ref());
            let Some(record) = record(&entry).filter(meant) else { return Flow::GoOn };
            found += 1;
            let flow = visit(detail.of(record));
            if found < query.limit { flow } else { Flow::Stop }
        };
        // One more than is wanted, since the last moment of a full page is left to the next.
        self.read(&logql::lines(query), span, Order::NewestFirst, query.limit + 1, visit)
    }

    fn each(&self, query: &Query, visit: &mut dyn FnMut(Record) -> Flow) -> Result<()> {
        let visit = &mut |entry: Entry| match record(&entry).filter(|record| query.matches(record)) {
            Some(record) => visit(record),
            None => Flow::GoOn,
        };
        self.read(&logql::lines(query), Span::of(query, (self.clock)()), Order::OldestFirst, FIRST_PAGE, visit)
    }

    fn each_facts(&self, query: &Query, visit: &mut dyn FnMut(&Facts)) -> Result<()> {
        let visit = &mut |entry: Entry| {
            if let Ok(facts) = serde_json::from_str::<Facts>(&entry.line)
                && query.matches_facts(&facts)
            {
                visit(&facts);
            }
            Flow::GoOn
        };
        self.read(&logql::streams(query), Span::of(query, (self.clock)()), Order::NewestFirst, FIRST_PAGE, visit)
    }

    fn get(&self, id: &str) -> Result<Option<Record>> {
        let Some(selector) = logql::with_id(id) else { return Ok(None) };
        let mut found = None;
        let visit = &mut |entry: Entry| {
            found = record(&entry).filter(|record| record.interaction_id == id);
            if found.is_some() { Flow::Stop } else { Flow::GoOn }
        };
        self.read(&selector, self.everywhen(), Order::NewestFirst, ENTRIES_MIN, visit)?;
        Ok(found)
    }

    /// Records of the future are asked for by nobody (`time::AHEAD`).
    fn extent(&self, _: f64) -> Result<Extent> {
        let (Some(newest), Some(oldest)) = (self.first(Order::NewestFirst)?, self.first(Order::OldestFirst)?) else {
            return Ok(Extent::default());
        };
        let records = self.count(oldest, newest)?;
        Ok(Extent { records, bytes: None, oldest: Some(oldest), newest: Some(newest), latest: Some(newest) })
    }

    /// Retention is Loki's own.
    fn retain(&self, _: &Limits) -> Result<u64> {
        Ok(0)
    }

    fn purge(&self, _: Option<f64>) -> Result<u64> {
        let way_out = "deleting there is loki's own business; set its retention_period, or use its delete API";
        Err(StoreError::Failed(format!("purge the history in loki at {}: {way_out}", self.client.base())))
    }
}

/// The record in a line; `None` for a line that is none of ours.
fn record(entry: &Entry) -> Option<Record> {
    serde_json::from_str::<Record>(&entry.line).ok().filter(|record| !record.interaction_id.is_empty())
}
