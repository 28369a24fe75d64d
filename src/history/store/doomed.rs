//! The records that are to be deleted on request, and what goes with them.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::redaction::Redaction;
use super::{Engine, Query, Result, Selection};
use crate::history::record::Record;

/// Records to delete.
#[derive(Clone, Copy)]
pub enum DoomedRecords<'a> {
    /// All that arrived before this time (Unix seconds), or all.
    Before(Option<f64>),
    Selected(&'a Selection),
}

impl DoomedRecords<'_> {
    /// Deletes them; returns their number.
    pub fn delete(self, engine: &dyn Engine) -> Result<u64> {
        match self {
            DoomedRecords::Before(before) => engine.purge(before),
            DoomedRecords::Selected(which) => engine.delete(which),
        }
    }

    /// Returns what must be in no record that stays.
    pub fn redaction(self, engines: &[&dyn Engine]) -> Result<Redaction> {
        let mut redaction = Redaction::default();
        for engine in engines {
            engine.deletes()?;
        }
        match self {
            DoomedRecords::Before(None) => {}
            DoomedRecords::Before(Some(time)) => before(time, engines, &mut redaction)?,
            DoomedRecords::Selected(Selection::Matching(query)) => {
                for_each(engines, query, &mut |record| redaction.add(&record))?;
            }
            DoomedRecords::Selected(Selection::Ids(ids)) => named(ids, engines, &mut redaction)?,
        }
        Ok(redaction)
    }
}

/// Takes what deleted records said out of the others.
pub fn redact(redaction: &Redaction, engines: &[&dyn Engine]) -> Result<()> {
    if redaction.is_empty() {
        return Ok(());
    }
    for engine in engines {
        let changed = engine.redact(redaction)?;
        log::debug!("history: {changed} records had what deleted ones said");
    }
    Ok(())
}

/// Takes the records from before a time whose conversations go on after it.
fn before(time: f64, engines: &[&dyn Engine], redaction: &mut Redaction) -> Result<()> {
    let staying = Query {
        start_time: Some(time),
        ..Query::default()
    };
    let mut sessions = HashSet::new();
    for_each(engines, &staying, &mut |record| {
        if record.messages.is_some() {
            sessions.extend(record.session_id);
        }
    })?;
    if sessions.is_empty() {
        return Ok(());
    }
    let going = Query {
        end_time: Some(time.next_down()),
        ..Query::default()
    };
    for_each(engines, &going, &mut |record| {
        let session = record.session_id.as_ref();
        if session.is_some_and(|session| sessions.contains(session)) {
            redaction.add(&record);
        }
    })
}

fn named(ids: &[String], engines: &[&dyn Engine], redaction: &mut Redaction) -> Result<()> {
    for engine in engines {
        for id in ids {
            if let Some(record) = engine.get(id)? {
                redaction.add(&record);
            }
        }
    }
    Ok(())
}

fn for_each(engines: &[&dyn Engine], query: &Query, visit: &mut dyn FnMut(Record)) -> Result<()> {
    for engine in engines {
        engine.for_each(query, &mut |record| {
            visit(record);
            ControlFlow::Continue(())
        })?;
    }
    Ok(())
}
