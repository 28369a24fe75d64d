//! Deleting: what is beyond the limits, and what a purge names. It is done in pieces, so that
//! writing goes on between them; each gives its free pages back to the disk, for SQLite looks
//! through all free pages for each page that it gives back.

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::super::{Detail, Engine, Limits, Query, Result, StoreError, TimeRange};
use super::find::visit_newest;
use super::schema::{self, ReadConnection, pragma};
use super::{Sqlite, index};
use crate::history::record::Record;

/// Rows that one transaction deletes.
pub const PIECE_ROWS: u64 = 500;

/// Free pages that one transaction gives back, where there were some before (4 KiB each).
const PIECE_PAGES: u32 = 250;

/// In SQLite, any number of pages.
const ALL_PAGES: u32 = 0;

/// Records that are held while a database is created anew take no more than this of it (bytes), and
/// this share of the limit.
const HELD_BYTES_MAX: u64 = 64 << 20;
const HELD_SHARE: f64 = 0.8;

/// The pause between two pieces, in which a waiting writer gets its turn.
pub const PIECE_PAUSE: Duration = Duration::from_millis(1);

/// The part of the file that is in use.
struct Size {
    rows: u64,
    bytes: u64,
}

impl Sqlite {
    pub(super) fn delete_beyond(&self, limits: &Limits) -> Result<u64> {
        let by_time = self.delete_by_time(limits);
        // Also where the disk was too full for that: this makes room.
        let by_size = limits
            .max_bytes
            .map_or(Ok(0), |max_bytes| self.delete_by_size(max_bytes));
        let removed = by_time? + by_size?;
        if removed > 0 {
            self.deleting(|transaction| {
                if index::is_stale(transaction)? {
                    index::clear(transaction)
                } else {
                    Ok(())
                }
            })?;
        }
        self.shrink()?;
        Ok(removed)
    }

    fn delete_by_time(&self, limits: &Limits) -> Result<u64> {
        let mut removed = 0;
        if limits.oldest.is_some() {
            removed += self.delete_oldest(limits.oldest, u64::MAX)?;
        }
        if let Some(span) = limits.future {
            removed += self.delete_future(span)?;
        }
        Ok(removed)
    }

    fn delete_by_size(&self, max_bytes: u64) -> Result<u64> {
        match self.delete_until_it_fits(max_bytes) {
            Err(StoreError::DiskFull(why)) => self.keep_newest_alone(max_bytes, &why),
            result => result,
        }
    }

    /// Purges: afterwards no file of the history has the text. What is left is indexed anew.
    pub(super) fn purge_records(&self, before: Option<f64>) -> Result<u64> {
        let removed = match before {
            Some(_) => self.delete_oldest(before, u64::MAX)?,
            None => {
                let rows = self.writing("measure", |connection| size(connection))?.rows;
                if self.begin_anew(|_| Ok(())).is_ok() {
                    return Ok(rows);
                }
                // Another program has it open, on a system that does not delete such a file.
                self.deleting(|transaction| {
                    transaction
                        .execute("DELETE FROM interactions", [])
                        .map(|rows| rows as u64)
                })?
            }
        };
        self.forget_texts(before.is_some())?;
        Ok(removed)
    }

    /// Removes the text of deleted records from the index, the free pages and the log.
    pub(super) fn forget_texts(&self, some_are_left: bool) -> Result<()> {
        self.writing("delete from", |connection| {
            connection.pragma_update(None, "secure_delete", true)
        })?;
        self.deleting(index::clear)?;
        self.writing("shrink", |connection| {
            match some_are_left && schema::shrinks(connection)? {
                true => Ok(()),
                false => connection.execute_batch("VACUUM"),
            }
        })?;
        self.writing("delete from", |connection| {
            connection.execute_batch("PRAGMA secure_delete = FAST")
        })?;
        self.shrink()
    }

    fn delete_future(&self, span: TimeRange) -> Result<u64> {
        const SQL: &str = "DELETE FROM interactions WHERE timestamp > ?1 AND timestamp <= ?2";
        self.deleting(|transaction| {
            transaction
                .execute(SQL, (span.after, span.until))
                .map(|rows| rows as u64)
        })
    }

    fn delete_until_it_fits(&self, max_bytes: u64) -> Result<u64> {
        let mut removed = 0;
        if self.bytes() > max_bytes {
            self.empty_log()?;
        }
        loop {
            let size = self.writing("measure", |connection| size(connection))?;
            let Some(rows) = surplus(&size, max_bytes) else {
                break;
            };
            removed += self.delete_oldest(None, rows)?;
        }
        if removed > 0 {
            log::info!(
                "history: deleted the {removed} oldest records, for it may have {max_bytes} bytes"
            );
        }
        Ok(removed)
    }

    /// Frees room on a full disk, where deleting rows would take some first: reads what may stay,
    /// creates a new database, and writes it there.
    fn keep_newest_alone(&self, max_bytes: u64, why: &str) -> Result<u64> {
        let size = self.writing("measure", |connection| size(connection))?;
        let share = max_bytes.min(HELD_BYTES_MAX) as f64 * HELD_SHARE / size.bytes.max(1) as f64;
        let limit = (size.rows as f64 * share.min(1.0)) as usize;
        log::warn!(
            "{why}; so the database is begun anew, with the {limit} newest of {} records",
            size.rows
        );
        let mut records = self.begin_anew(|reader| newest_records(reader, limit))?;
        while !records.is_empty() {
            // The newest first, in case the disk is full again.
            let mut piece = records
                .drain(..records.len().min(PIECE_ROWS as usize))
                .rev()
                .collect();
            self.write(&mut piece)?;
        }
        Ok(size.rows.saturating_sub(limit as u64))
    }

    /// Deletes the oldest, at most `rows` of them, and only those from before `before` where that
    /// is given.
    fn delete_oldest(&self, before: Option<f64>, rows: u64) -> Result<u64> {
        let mut removed = 0;
        while removed < rows {
            let piece = PIECE_ROWS.min(rows - removed);
            let deleted = self.deleting(|transaction| delete_piece(transaction, before, piece))?;
            removed += deleted;
            if deleted < piece {
                break;
            }
            thread::sleep(PIECE_PAUSE);
        }
        Ok(removed)
    }

    pub(super) fn deleting<T>(
        &self,
        work: impl FnOnce(&Transaction) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.writing("delete from", |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
    }

    /// Gives free pages back to the disk, and empties the log, which still has what was deleted.
    fn shrink(&self) -> Result<()> {
        while self.writing("shrink", |connection| {
            release_pages(connection, PIECE_PAGES)
        })? {
            thread::sleep(PIECE_PAUSE);
        }
        self.empty_log()
    }

    /// Moves the log into the database, and truncates it.
    fn empty_log(&self) -> Result<()> {
        let busy = self.writing("shrink", |connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, bool>(0)
            })
        })?;
        if busy {
            log::warn!(
                "history: {} keeps what was deleted until others have read it",
                self.file.display()
            );
        }
        Ok(())
    }
}

fn newest_records(reader: &ReadConnection, limit: usize) -> rusqlite::Result<Vec<Record>> {
    let query = Query {
        limit,
        ..Query::default()
    };
    let mut records = Vec::new();
    visit_newest(reader, &query, Detail::Whole, None, &mut |record| {
        records.push(record);
        ControlFlow::Continue(())
    })?;
    Ok(records)
}

fn delete_piece(
    transaction: &Transaction,
    before: Option<f64>,
    rows: u64,
) -> rusqlite::Result<u64> {
    let older = if before.is_some() {
        "timestamp < ?1"
    } else {
        "?1 IS NULL"
    };
    let sql = format!(
        "SELECT rowid FROM interactions WHERE {older} ORDER BY timestamp, interaction_id LIMIT ?2"
    );
    let mut oldest = transaction.prepare(&sql)?;
    let rows: Vec<i64> = oldest
        .query_map((before, rows as i64), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut deletion = transaction.prepare("DELETE FROM interactions WHERE rowid = ?1")?;
    for row in &rows {
        deletion.execute([row])?;
    }
    release_all_pages(transaction)?;
    Ok(rows.len() as u64)
}

pub fn release_all_pages(transaction: &Transaction) -> rusqlite::Result<()> {
    release_pages(transaction, ALL_PAGES).map(drop)
}

/// Returns how many rows to delete so that the rest fits into `max_bytes`, if all are of one size.
fn surplus(size: &Size, max_bytes: u64) -> Option<u64> {
    let excess = size
        .bytes
        .checked_sub(max_bytes)
        .filter(|excess| *excess > 0)?;
    let share = excess as f64 / size.bytes as f64;
    Some((size.rows as f64 * share).ceil() as u64).filter(|rows| *rows > 0)
}

fn size(connection: &Connection) -> rusqlite::Result<Size> {
    let pages = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
    let rows: i64 =
        connection.query_row("SELECT count(*) FROM interactions", [], |row| row.get(0))?;
    Ok(Size {
        rows: rows as u64,
        bytes: (pages * pragma(connection, "page_size")?) as u64,
    })
}

/// Gives at most `pages` free ones back; returns whether there are more.
fn release_pages(connection: &Connection, pages: u32) -> rusqlite::Result<bool> {
    let before = pragma(connection, "freelist_count")?;
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let after = pragma(connection, "freelist_count")?;
    Ok(after > 0 && after < before)
}
