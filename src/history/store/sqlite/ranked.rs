//! Lists by a number, the greatest first. No index has that order, so that every row that may match
//! is looked at, and only as many are kept as the list holds.

use rusqlite::{Row, params_from_iter};

use super::super::Query;
use super::columns;
use super::conditions::SqlConditions;
use super::find::{in_order, proposals};
use super::lookup::RowReader;
use super::schema::ReadConnection;
use crate::history::record::Position;
use crate::history::store::query::{Best, Rank, Sort};

/// Selects the rows that come first in the list, all in one view of the database: after `before`,
/// where that is given.
pub fn ranked(
    reader: &ReadConnection,
    query: &Query,
    before: Option<Rank>,
    lookup: &mut RowReader,
) -> rusqlite::Result<Vec<(i64, Position)>> {
    let view = reader.connection.unchecked_transaction()?;
    let mut best = Best::new(query.limit, before);
    let conditions = SqlConditions::of(reader, query)?;
    if let Some(proposed) = proposals(reader, query)? {
        for row in in_order(&view, proposed, &conditions)? {
            offer(&mut best, row, lookup)?;
        }
        return Ok(rows(best));
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
    let mut found = statement.query(params_from_iter(&conditions.values))?;
    while let Some(row) = found.next()? {
        let (number, timestamp) = numbers(row)?;
        if best.may_have(number, timestamp) {
            offer(&mut best, row.get(0)?, lookup)?;
        }
    }
    Ok(rows(best))
}

/// Returns the number that is sorted by, and the time.
fn numbers(row: &Row) -> rusqlite::Result<(f64, f64)> {
    let number = |cell| row.get_ref(cell).map(columns::number);
    Ok((
        number(2)?.unwrap_or(f64::NEG_INFINITY),
        number(1)?.unwrap_or_default(),
    ))
}

fn offer(best: &mut Best<i64>, row: i64, lookup: &mut RowReader) -> rusqlite::Result<()> {
    let rank = lookup.rank(row)?;
    if let Some(rank) = rank.filter(|rank| best.follows(rank)) {
        best.insert(rank, row);
    }
    Ok(())
}

fn rows(best: Best<i64>) -> Vec<(i64, Position)> {
    let ranked = best.into_ranked();
    ranked.map(|(rank, row)| (row, rank.position)).collect()
}
