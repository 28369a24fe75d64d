//! A history that could not be opened when the tap started: made by a newer tap, damaged, or on a
//! full disk. Requests are forwarded all the same: queries return the cause, records are refused
//! and counted, and opening it is tried again.

use std::ops::ControlFlow;
use std::sync::{Mutex, OnceLock};

use super::redaction::Redaction;
use super::{Detail, Engine, Extent, Limits, Query, Result, Selection, StoreError};
use crate::history::record::{Position, Record, RecordSummary};
use crate::util::threads::lock;

type Open = dyn Fn() -> Result<Box<dyn Engine>> + Send + Sync;
type Discard = dyn Fn() -> Result<()> + Send + Sync;

/// An engine that is not open yet.
pub struct PendingEngine {
    name: &'static str,
    place: String,
    open: Box<Open>,
    discard: Box<Discard>,
    opened: OnceLock<Box<dyn Engine>>,
    /// The cause of the last failure. Locked during an attempt.
    why: Mutex<String>,
}

impl PendingEngine {
    /// `why` is the first failure; `open` tries again, and `discard` deletes all of it unread.
    pub fn new(
        name: &'static str,
        place: String,
        why: &StoreError,
        open: Box<Open>,
        discard: Box<Discard>,
    ) -> PendingEngine {
        log::error!(
            "{why}; requests are forwarded but not recorded, and opening it is tried again each minute"
        );
        PendingEngine {
            name,
            place,
            open,
            discard,
            opened: OnceLock::new(),
            why: Mutex::new(why.to_string()),
        }
    }

    fn opened(&self) -> Result<&dyn Engine> {
        match self.opened.get() {
            Some(engine) => Ok(&**engine),
            None => Err(StoreError::Failed(lock(&self.why).clone())),
        }
    }
}

impl Engine for PendingEngine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn location(&self) -> String {
        self.place.clone()
    }

    fn readiness(&self) -> Result<()> {
        self.opened().map(drop)
    }

    fn reopen(&self) -> Result<()> {
        let mut why = lock(&self.why);
        if self.opened.get().is_some() {
            return Ok(());
        }
        match (self.open)() {
            Ok(engine) => {
                _ = self.opened.set(engine); // nobody else does
                log::info!(
                    "the history in {} is open; records are kept from now on",
                    self.place
                );
                Ok(())
            }
            Err(now) => {
                if now.to_string() != *why {
                    log::error!("{now}");
                    *why = now.to_string();
                }
                Err(now)
            }
        }
    }

    /// Refuses records at once: the history may stay closed until another version is installed.
    fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        match self.opened() {
            Ok(engine) => engine.write(batch),
            Err(_) => Ok(batch.drain(..).count() as u64),
        }
    }

    fn catch_up(&self) -> Result<bool> {
        self.opened().map_or(Ok(false), Engine::catch_up)
    }

    fn for_each_newest(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.opened()?.for_each_newest(query, detail, visit)
    }

    fn for_each(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.opened()?.for_each(query, visit)
    }

    fn for_each_unordered(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.opened()?.for_each_unordered(query, visit)
    }

    fn for_each_summary(&self, query: &Query, visit: &mut dyn FnMut(&RecordSummary)) -> Result<()> {
        self.opened()?.for_each_summary(query, visit)
    }

    fn get(&self, id: &str) -> Result<Option<Record>> {
        self.opened()?.get(id)
    }

    fn ids(&self, prefix: &str, limit: usize) -> Result<Vec<String>> {
        self.opened()?.ids(prefix, limit)
    }

    fn get_all(&self, positions: &[Position], detail: Detail) -> Result<Vec<Option<Record>>> {
        self.opened()?.get_all(positions, detail)
    }

    fn extent(&self, newest: f64) -> Result<Extent> {
        self.opened()?.extent(newest)
    }

    fn is_whole(&self) -> Result<bool> {
        self.opened()?.is_whole()
    }

    fn count(&self, from: f64, until: f64) -> Result<u64> {
        self.opened()?.count(from, until)
    }

    fn retain(&self, limits: &Limits) -> Result<u64> {
        self.opened()?.retain(limits)
    }

    fn deletes(&self) -> Result<()> {
        self.opened().map_or(Ok(()), Engine::deletes)
    }

    fn redact(&self, redaction: &Redaction) -> Result<u64> {
        self.opened()?.redact(redaction)
    }

    fn delete(&self, which: &Selection) -> Result<u64> {
        self.opened()?.delete(which)
    }

    /// Deletes all of it, whether it can be read or not; the number of records is unknown then.
    fn purge(&self, before: Option<f64>) -> Result<u64> {
        if let (Err(_), None) = (self.opened(), before) {
            (self.discard)()?;
            self.reopen()?;
        }
        self.opened()?.purge(before)
    }
}
