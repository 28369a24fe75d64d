//! The records that are to be deleted on request, and what goes with them.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::redaction::Redaction;
use super::{Engine, Query, Result, Selection};
use crate::history::record::Record;

/// Records to delete.
#[derive(Clone, Copy)]
pub enum Doomed<'a> {
    /// All that arrived before this time (Unix seconds), or all.
    Before(Option<f64>),
    Selected(&'a Selection),
}

impl Doomed<'_> {
    /// Deletes them; returns their number.
    pub fn delete(self, engine: &dyn Engine) -> Result<u64> {
        match self {
            Doomed::Before(before) => engine.purge(before),
            Doomed::Selected(which) => engine.delete(which),
        }
    }

    /// Takes what they said out of the records that stay.
    pub fn redact(self, engines: &[&dyn Engine]) -> Result<()> {
        let mut redaction = Redaction::default();
        for engine in engines {
            engine.deletes()?;
        }
        match self {
            Doomed::Before(None) => return Ok(()),
            Doomed::Before(Some(time)) => before(time, engines, &mut redaction)?,
            Doomed::Selected(Selection::Matching(query)) => {
                for_each(engines, query, &mut |record| redaction.add(&record))?;
            }
            Doomed::Selected(Selection::Ids(ids)) => named(ids, engines, &mut redaction)?,
        }
        if redaction.is_empty() {
            return Ok(());
        }
        for engine in engines {
            let changed = engine.redact(&redaction)?;
            log::debug!("history: {changed} records had what deleted ones said");
        }
        Ok(())
    }
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
