//! The whole conversation of a record, whose parts are in the records that it goes on from.

use super::{Detail, Engine, Query, Result, Store};
use crate::history::record::{JOINED_RECORDS_MAX, Predecessors, Record};

/// How far back predecessors are looked for at first, and then (seconds); at last everywhere. Nearly
/// all are near, and a day file is read as far as it is looked into.
const LOOK_BACKS: [f64; 3] = [7200.0, 86_400.0, f64::INFINITY];

impl Store {
    /// Returns a record with all that its request said, as far as the history has it. It reads at
    /// most `JOINED_RECORDS_MAX` records in each of a few spans of time, and holds a few MiB.
    pub fn with_conversation(&self, record: Record) -> Result<Record> {
        match record.messages {
            Some(_) => with_conversation(&*self.engine, record),
            None => Ok(record),
        }
    }
}

/// Puts the conversation of a record together.
pub fn with_conversation(engine: &dyn Engine, record: Record) -> Result<Record> {
    let mut predecessors = Predecessors::of(&record);
    // One may have arrived later: it ended before this one did.
    let mut end = record.timestamp + record.duration_seconds.unwrap_or_default();
    for look_back in LOOK_BACKS {
        if predecessors.is_complete() {
            break;
        }
        let start = Some(record.timestamp - look_back).filter(|start| start.is_finite());
        let query = Query {
            session: record.session_id.clone(),
            start_time: start,
            end_time: Some(end),
            limit: JOINED_RECORDS_MAX,
            ..Query::default()
        };
        engine.for_each_newest(&query, Detail::Whole, &mut |record| {
            predecessors.visit(record)
        })?;
        end = record.timestamp - look_back;
    }
    Ok(predecessors.join(record))
}
