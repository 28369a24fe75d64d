//! Deleting records by what they are.

use std::thread;

use rusqlite::{OptionalExtension, Transaction, params_from_iter};

use super::super::{Detail, Query, Result, Selection};
use super::Sqlite;
use super::conditions::SqlConditions;
use super::lookup::RowReader;
use super::retain::{PIECE_PAUSE, PIECE_ROWS, release_all_pages};
use super::schema::ReadConnection;

/// A row, and the id of its record: a row's number may be given to another.
type NamedRow = (i64, String);

impl Sqlite {
    /// Deletes the selected records; afterwards no file of the history has their text. Returns
    /// their number.
    pub(super) fn delete_selected(&self, which: &Selection) -> Result<u64> {
        let rows = self.reading(|reader| match which {
            Selection::Matching(query) => matching(reader, query),
            Selection::Ids(ids) => named(reader, ids),
        })?;
        let mut removed = 0;
        for piece in rows.chunks(PIECE_ROWS as usize) {
            removed += self.deleting(|transaction| delete(transaction, piece))?;
            thread::sleep(PIECE_PAUSE);
        }
        if removed > 0 {
            self.forget_texts(true)?;
        }
        Ok(removed)
    }
}

fn matching(reader: &ReadConnection, query: &Query) -> rusqlite::Result<Vec<NamedRow>> {
    let view = reader.connection.unchecked_transaction()?;
    let mut lookup = RowReader::new(reader, query, Detail::Brief)?;
    let conditions = SqlConditions::of(reader, query)?;
    let mut statement = view.prepare(&format!(
        "SELECT rowid FROM interactions {}",
        conditions.sql
    ))?;
    let mut rows = statement.query(params_from_iter(&conditions.values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let row = row.get(0)?;
        found.extend(lookup.place(row)?.map(|position| (row, position.id)));
    }
    Ok(found)
}

fn named(reader: &ReadConnection, ids: &[String]) -> rusqlite::Result<Vec<NamedRow>> {
    let sql = "SELECT rowid FROM interactions WHERE interaction_id = ?1";
    let mut statement = reader.connection.prepare(sql)?;
    let mut found = Vec::new();
    for id in ids {
        let row = statement.query_row([id], |row| row.get(0)).optional()?;
        found.extend(row.map(|row| (row, id.clone())));
    }
    Ok(found)
}

fn delete(transaction: &Transaction, rows: &[NamedRow]) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM interactions WHERE rowid = ?1 AND interaction_id = ?2";
    let mut deletion = transaction.prepare(sql)?;
    let mut deleted = 0;
    for (row, id) in rows {
        deleted += deletion.execute((row, id))? as u64;
    }
    release_all_pages(transaction)?;
    Ok(deleted)
}
