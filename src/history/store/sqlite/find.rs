//! Finding records. SQL puts rows in order and narrows them; `Query::matches` decides about each.

use std::ops::ControlFlow;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::super::engine::rank_before;
use super::super::{Detail, Extent, Query, Result, unknown_before};
use super::conditions::{RowPosition, SqlConditions, key};
use super::lookup::RowReader;
use super::ranked::ranked;
use super::schema::ReadConnection;
use super::{Sqlite, columns, index};
use crate::history::record::{Position, Record, RecordSummary};
use crate::history::store::query::Sort;

/// Rows that are listed at once when all are read: no view of the database lasts, so that the log
/// can be emptied.
const CHUNK_ROWS: usize = 1000;

const NEWEST_FIRST: &str = "ORDER BY timestamp DESC, interaction_id DESC";
const OLDEST_FIRST: &str = "ORDER BY timestamp, interaction_id";

impl Sqlite {
    /// Selects the rows in one view of the database; reads them one by one afterwards, without a
    /// view while `visit` runs.
    pub(super) fn find_newest(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        if query.sort != Sort::Time {
            return self.find_ranked(query, detail, visit);
        }
        let bound = match &query.before {
            Some(id) => Some(
                self.reading(|reader| key(&reader.connection, id))?
                    .ok_or_else(|| unknown_before(id))?,
            ),
            None => None,
        };
        self.reading(|reader| visit_newest(reader, query, detail, bound.as_ref(), visit))
    }

    /// The same, sorted by a number.
    fn find_ranked(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        let before = rank_before(self, query)?;
        self.reading(|reader| {
            let mut lookup = RowReader::new(reader, query, detail)?;
            let rows = ranked(reader, query, before.clone(), &mut lookup)?;
            visit_rows(rows, &mut lookup, visit)
        })
    }

    /// Holds no view of the database while `visit` runs.
    pub(super) fn find_each(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.reading(|reader| {
            let mut lookup = RowReader::new(reader, query, Detail::Whole)?;
            let conditions = SqlConditions::of(reader, query)?;
            let mut last = None;
            loop {
                let rows = chunk(&reader.connection, &conditions, &mut last)?;
                if rows.is_empty() {
                    return Ok(());
                }
                for row in rows {
                    if let Some(record) = lookup.matching(row)?
                        && visit(record).is_break()
                    {
                        return Ok(());
                    }
                }
            }
        })
    }
}

pub fn for_each_summary(
    reader: &ReadConnection,
    query: &Query,
    visit: &mut dyn FnMut(&RecordSummary),
) -> rusqlite::Result<()> {
    // Times alone, so that the covering index is read from end to end; the rest is decided here.
    let mut conditions = SqlConditions::default();
    conditions.and_times(query);
    let columns = columns::SUMMARY_COLUMNS
        .map(|field| reader.column(field))
        .join(", ");
    let mut statement = reader.connection.prepare(&format!(
        "SELECT {columns} FROM interactions {}",
        conditions.sql
    ))?;
    let mut rows = statement.query(params_from_iter(&conditions.values))?;
    while let Some(row) = rows.next()? {
        let summary = columns::summary(row)?;
        if query.matches_summary(&summary) {
            visit(&summary);
        }
    }
    Ok(())
}

pub fn get(reader: &ReadConnection, id: &str) -> rusqlite::Result<Option<Record>> {
    let sql = format!(
        "SELECT {} FROM interactions WHERE interaction_id = ?1",
        reader.columns.join(", ")
    );
    reader
        .connection
        .query_row(&sql, [id], columns::record)
        .optional()
}

/// Returns ids that begin with `prefix`, which the index of ids has together.
pub fn ids(reader: &ReadConnection, prefix: &str, limit: usize) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT interaction_id FROM interactions WHERE interaction_id >= ?1 ORDER BY interaction_id";
    let mut statement = reader.connection.prepare(sql)?;
    let mut rows = statement.query([prefix])?;
    let mut ids = Vec::new();
    while ids.len() < limit
        && let Some(row) = rows.next()?
    {
        let id = columns::text(row.get_ref(0)?).unwrap_or_default();
        if !id.starts_with(prefix) {
            break;
        }
        ids.push(id.into_owned());
    }
    Ok(ids)
}

/// Counts the records of a time; its end is no part of it.
pub fn count(reader: &ReadConnection, from: f64, until: f64) -> rusqlite::Result<u64> {
    const SQL: &str = "SELECT count(*) FROM interactions WHERE timestamp >= ?1 AND timestamp < ?2";
    // SQL has no infinity.
    let bounds = [from.max(f64::MIN), until.min(f64::MAX)];
    let count = |row: &rusqlite::Row| row.get::<_, i64>(0);
    let count = reader.connection.query_row(SQL, bounds, count)?;
    Ok(count as u64)
}

/// Measures the table, without its bytes. Records after `newest` do not count as its newest.
pub fn extent(reader: &ReadConnection, newest: f64) -> rusqlite::Result<Extent> {
    const SQL: &str = "SELECT (SELECT count(*) FROM interactions), (SELECT min(timestamp) FROM interactions),
        (SELECT max(timestamp) FROM interactions WHERE timestamp <= ?1), (SELECT max(timestamp) FROM interactions)";
    // SQL has no infinity.
    reader
        .connection
        .query_row(SQL, [newest.min(f64::MAX)], |row| {
            let time = |n| row.get_ref(n).map(|cell| cell.as_f64().ok());
            Ok(Extent {
                records: row.get::<_, i64>(0)? as u64,
                bytes: None,
                oldest: time(1)?,
                newest: time(2)?,
                latest: time(3)?,
            })
        })
}

/// Visits the records that match, the newest first, from `bound` on.
pub fn visit_newest(
    reader: &ReadConnection,
    query: &Query,
    detail: Detail,
    bound: Option<&RowPosition>,
    visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    let mut lookup = RowReader::new(reader, query, detail)?;
    let rows = newest(reader, query, bound, &mut lookup)?;
    visit_rows(rows, &mut lookup, visit)
}

/// Visits the records of these rows, unless they were replaced meanwhile.
fn visit_rows(
    rows: Vec<(i64, Position)>,
    lookup: &mut RowReader,
    visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    for (row, position) in rows {
        if let Some(record) = lookup
            .record(row)?
            .filter(|record| record.position() == position)
            && visit(record).is_break()
        {
            break;
        }
    }
    Ok(())
}

/// Selects the newest matching rows, all in one view of the database: of those that the index
/// proposes, or else one after the other.
fn newest(
    reader: &ReadConnection,
    query: &Query,
    bound: Option<&RowPosition>,
    lookup: &mut RowReader,
) -> rusqlite::Result<Vec<(i64, Position)>> {
    let view = reader.connection.unchecked_transaction()?;
    let mut conditions = SqlConditions::of(reader, query)?;
    conditions.and_key("<", bound);
    let mut found = Vec::new();
    match proposals(reader, query)? {
        Some(rows) => {
            let mut rows = in_order(&view, rows, &conditions)?.into_iter();
            while found.len() < query.limit
                && let Some(row) = rows.next()
            {
                found.extend(lookup.place(row)?.map(|position| (row, position)));
            }
        }
        None => {
            let mut statement = view.prepare(&format!(
                "SELECT rowid FROM interactions {} {NEWEST_FIRST}",
                conditions.sql
            ))?;
            let mut rows = statement.query(params_from_iter(&conditions.values))?;
            while found.len() < query.limit
                && let Some(row) = rows.next()?
            {
                let row = row.get(0)?;
                found.extend(lookup.place(row)?.map(|position| (row, position)));
            }
        }
    }
    Ok(found)
}

/// Returns the rows that the index proposes; `None` where every row may match.
pub fn proposals(reader: &ReadConnection, query: &Query) -> rusqlite::Result<Option<Vec<i64>>> {
    match &query.prompt_search {
        Some(needle) if reader.indexed => index::proposals(&reader.connection, needle),
        _ => Ok(None),
    }
}

/// Returns those of `rows` that meet `conditions`, newest first.
pub fn in_order(
    connection: &Connection,
    rows: Vec<i64>,
    conditions: &SqlConditions,
) -> rusqlite::Result<Vec<i64>> {
    let sql = format!(
        "SELECT timestamp, interaction_id FROM interactions {} AND rowid = ?",
        conditions.sql
    );
    let mut statement = connection.prepare(&sql)?;
    let mut placed = Vec::with_capacity(rows.len());
    for row in rows {
        let values = conditions
            .values
            .iter()
            .cloned()
            .chain([Value::Integer(row)]);
        let position = statement.query_row(params_from_iter(values), |row| {
            let id = columns::text(row.get_ref(1)?)
                .unwrap_or_default()
                .into_owned();
            Ok(Position {
                timestamp: row.get_ref(0)?.as_f64().unwrap_or_default(),
                id,
            })
        });
        placed.extend(position.optional()?.map(|position| (position, row)));
    }
    placed.sort_unstable_by(|a, b| b.cmp(a));
    Ok(placed.into_iter().map(|(_, row)| row).collect())
}

/// Selects the next rows, oldest first, after `last`, which moves on.
fn chunk(
    connection: &Connection,
    conditions: &SqlConditions,
    last: &mut Option<RowPosition>,
) -> rusqlite::Result<Vec<i64>> {
    let mut conditions = conditions.clone();
    conditions.and_key(">", last.as_ref());
    let sql = format!(
        "SELECT timestamp, interaction_id, rowid FROM interactions {} {OLDEST_FIRST} LIMIT {CHUNK_ROWS}",
        conditions.sql
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(&conditions.values))?;
    let mut chunk = Vec::with_capacity(CHUNK_ROWS);
    while let Some(row) = rows.next()? {
        chunk.push(row.get(2)?);
        *last = Some(RowPosition::of(row)?);
    }
    Ok(chunk)
}
