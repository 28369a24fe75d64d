//! Lists by a number, the greatest first. No index has that order, so that every row that may match
//! is looked at, and only as many are kept as the list holds.

use std::collections::BTreeMap;

use rusqlite::{Row, params_from_iter};

use super::super::Query;
use super::columns;
use super::conditions::SqlConditions;
use super::find::{in_order, proposals};
use super::lookup::RowReader;
use super::schema::ReadConnection;
use crate::history::record::Position;
use crate::history::store::query::{Rank, Sort};

/// Selects the rows that come first in the list, all in one view of the database: after `before`,
/// where that is given.
pub fn ranked(
    reader: &ReadConnection,
    query: &Query,
    before: Option<&Rank>,
    lookup: &mut RowReader,
) -> rusqlite::Result<Vec<(i64, Position)>> {
    let view = reader.connection.unchecked_transaction()?;
    let mut best = Best {
        before,
        limit: query.limit,
        rows: BTreeMap::new(),
    };
    let conditions = SqlConditions::of(reader, query)?;
    if let Some(rows) = proposals(reader, query)? {
        for row in in_order(&view, rows, &conditions)? {
            best.offer(row, lookup)?;
        }
        return Ok(best.into_rows());
    }
    let number = match query.sort {
        Sort::Time => "0",
        Sort::Duration => "duration_seconds",
        Sort::Tokens => "generated_tokens",
    };
    let mut statement = view.prepare(&format!(
        "SELECT rowid, timestamp, {number} FROM interactions {}",
        conditions.sql
    ))?;
    let mut rows = statement.query(params_from_iter(&conditions.values))?;
    while let Some(row) = rows.next()? {
        let (number, timestamp) = numbers(row)?;
        if best.may_have(number, timestamp) {
            best.offer(row.get(0)?, lookup)?;
        }
    }
    Ok(best.into_rows())
}

/// Returns the number that is sorted by, and the time.
fn numbers(row: &Row) -> rusqlite::Result<(f64, f64)> {
    let number = |cell| row.get_ref(cell).map(columns::number);
    Ok((
        number(2)?.unwrap_or(f64::NEG_INFINITY),
        number(1)?.unwrap_or_default(),
    ))
}

/// The rows that come first so far.
struct Best<'a> {
    before: Option<&'a Rank>,
    limit: usize,
    rows: BTreeMap<Rank, i64>,
}

impl Best<'_> {
    /// Returns whether a row with this number and of this time may be one of them.
    fn may_have(&self, number: f64, timestamp: f64) -> bool {
        let worst = self.rows.first_key_value().map(|(worst, _)| worst);
        self.before
            .is_none_or(|before| before.cmp_numbers(number, timestamp).is_le())
            && (self.rows.len() < self.limit
                || worst.is_none_or(|worst| worst.cmp_numbers(number, timestamp).is_ge()))
    }

    fn offer(&mut self, row: i64, lookup: &mut RowReader) -> rusqlite::Result<()> {
        let rank = lookup.rank(row)?;
        if let Some(rank) = rank.filter(|rank| self.before.is_none_or(|before| rank < before)) {
            self.rows.insert(rank, row);
        }
        if self.rows.len() > self.limit {
            self.rows.pop_first();
        }
        Ok(())
    }

    fn into_rows(self) -> Vec<(i64, Position)> {
        let rows = self.rows.into_iter().rev();
        rows.map(|(rank, row)| (row, rank.position)).collect()
    }
}
