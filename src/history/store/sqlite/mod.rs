//! The history as a database, `ollama_analytics.db`, that any SQLite tool can read while we write.
//!
//! - `schema` opens it, migrates older ones, and configures connections;
//! - `connections` keeps them, and notices when the database was removed or replaced;
//! - `columns` is a record as a row, and back;
//! - `write`, `find` (by `conditions`, row by row: `lookup`; by a number: `ranked`), `delete`,
//!   `redact` and `retain` write, find and delete records;
//! - `index` is the full-text index: it is built behind the writing and proposes rows; the query
//!   decides.
//!
//! One connection writes, behind a lock; readers take theirs from a small pool. A connection that
//! met an error is given up and the next use opens a new one, so that any fault needs to be
//! repaired only on the disk. Lock order: `writer`; the locks of the directory, `readers` and
//! `opened` are innermost: no other lock is taken while one of them is held.

mod columns;
mod conditions;
mod connections;
mod delete;
mod find;
mod index;
mod lookup;
mod ranked;
mod redact;
mod retain;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::directory::Directory;
use super::redaction::Redaction;
use super::{Detail, Engine, Extent, Limits, Query, Result, Selection, StoreError, failed};
use crate::history::record::{Record, RecordSummary};
use crate::platform::files::Identity;
use connections::{DatabaseFiles, SHM_FILE, WAL_FILE};
use schema::ReadConnection;

/// Its name in `--analytics-backend`.
pub const NAME: &str = "sqlite";

const DATABASE_FILE: &str = "ollama_analytics.db";

/// The time that a connection waits for another program's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A database and its connections.
pub struct Sqlite {
    file: PathBuf,
    busy: Duration,
    /// `None` for reading only.
    directory: Option<Directory>,
    writer: Mutex<Option<Connection>>,
    /// The files that `writer` has open.
    opened: Mutex<Option<DatabaseFiles>>,
    readers: Mutex<Vec<(Identity, ReadConnection)>>,
    /// Held by all who read, and alone by who deletes the database.
    reads: RwLock<()>,
}

impl Sqlite {
    /// Opens the database in a locked directory, created or migrated where that is needed.
    pub fn writer(directory: Directory) -> Result<Sqlite> {
        Sqlite::with_timeout(directory, BUSY_TIMEOUT)
    }

    fn with_timeout(directory: Directory, busy: Duration) -> Result<Sqlite> {
        let sqlite = Sqlite::new(&directory.path.clone(), busy, Some(directory));
        sqlite.writing("open", |_| Ok(()))?;
        Ok(sqlite)
    }

    /// Opens the database that another tap writes, or wrote, in the directory `path`.
    pub fn reader(path: &Path) -> Result<Sqlite> {
        let sqlite = Sqlite::new(path, BUSY_TIMEOUT, None);
        match fs::metadata(&sqlite.file) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(sqlite.nothing()),
            Err(e) => return Err(failed(format!("open {}", sqlite.file.display()))(e)),
        }
        sqlite.reading(|_| Ok(()))?;
        Ok(sqlite)
    }

    /// Deletes the database in the directory `path`, which must be locked, with the files that
    /// SQLite keeps beside it. It must not be open.
    pub fn discard(path: &Path) -> Result<()> {
        // In this order: a log without a database is removed by the next one, and Windows does not
        // remove a file that is open.
        for name in [DATABASE_FILE, WAL_FILE, SHM_FILE] {
            match fs::remove_file(path.join(name)) {
                Err(cause) if cause.kind() != ErrorKind::NotFound => {
                    return Err(failed(format!("delete {}", path.join(name).display()))(
                        cause,
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns whether there is one in the directory `path`.
    pub fn is_in(path: &Path) -> Result<bool> {
        let file = path.join(DATABASE_FILE);
        file.try_exists()
            .map_err(failed(format!("read {}", file.display())))
    }

    fn new(path: &Path, busy: Duration, directory: Option<Directory>) -> Sqlite {
        Sqlite {
            file: path.join(DATABASE_FILE),
            busy,
            directory,
            writer: Mutex::new(None),
            opened: Mutex::new(None),
            readers: Mutex::new(Vec::new()),
            reads: RwLock::new(()),
        }
    }

    fn nothing(&self) -> StoreError {
        let directory = self.file.parent().unwrap_or(&self.file);
        StoreError::NotFound(format!(
            "there is no SQLite history in {}: it has no {DATABASE_FILE} with records",
            directory.display()
        ))
    }

    /// Returns the size of the database and its log.
    fn bytes(&self) -> u64 {
        let log = self.file.with_file_name(WAL_FILE);
        [&self.file, &log]
            .into_iter()
            .filter_map(|file| fs::metadata(file).ok())
            .map(|metadata| metadata.len())
            .sum()
    }
}

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        NAME
    }

    fn location(&self) -> String {
        self.file
            .parent()
            .unwrap_or(&self.file)
            .display()
            .to_string()
    }

    fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        self.writing("write to", |connection| write::write(connection, batch))?;
        batch.clear();
        Ok(0)
    }

    fn catch_up(&self) -> Result<bool> {
        self.writing("index", index::catch_up)
    }

    fn for_each_newest(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.find_newest(query, detail, visit)
    }

    fn for_each(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.find_each(query, visit)
    }

    fn for_each_summary(&self, query: &Query, visit: &mut dyn FnMut(&RecordSummary)) -> Result<()> {
        self.reading(|reader| find::for_each_summary(reader, query, visit))
    }

    fn get(&self, id: &str) -> Result<Option<Record>> {
        self.reading(|reader| find::get(reader, id))
    }

    fn ids(&self, prefix: &str, limit: usize) -> Result<Vec<String>> {
        self.reading(|reader| find::ids(reader, prefix, limit))
    }

    fn extent(&self, newest: f64) -> Result<Extent> {
        let extent = self.reading(|reader| find::extent(reader, newest))?;
        Ok(Extent {
            bytes: Some(self.bytes()),
            ..extent
        })
    }

    fn count(&self, from: f64, until: f64) -> Result<u64> {
        self.reading(|reader| find::count(reader, from, until))
    }

    fn retain(&self, limits: &Limits) -> Result<u64> {
        self.delete_beyond(limits)
    }

    fn redact(&self, redaction: &Redaction) -> Result<u64> {
        self.redact_conversations(redaction)
    }

    fn purge(&self, before: Option<f64>) -> Result<u64> {
        self.purge_records(before)
    }

    fn delete(&self, which: &Selection) -> Result<u64> {
        self.delete_selected(which)
    }
}

/// Makes an error of SQLite's message, with the way out if the user has one.
fn sqlite_error(operation: &str, cause: &rusqlite::Error) -> StoreError {
    if cause.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
        return StoreError::Unwanted;
    }
    let way_out = match cause.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "; another program holds it",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "; move the file away to begin a new one"
        }
        Some(ErrorCode::DiskFull) => "; make room, or lower --analytics-max-bytes",
        _ => "",
    };
    let text = format!("{operation}: {cause}{way_out}");
    if cause.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        StoreError::DiskFull(text)
    } else {
        StoreError::Failed(text)
    }
}
