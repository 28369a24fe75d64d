//! Connections: one that writes, behind a lock, and a small pool of those that read; and what
//! becomes of them when the database is removed or replaced while it is open.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLockWriteGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::{Result, StoreError, failed};
use super::schema::{self, ReadConnection};
use super::{Sqlite, sqlite_error};
use crate::platform;
use crate::platform::files::Identity;
use crate::util::threads::lock;

/// SQLite's write-ahead log, and the memory that its connections share.
pub const WAL_FILE: &str = "ollama_analytics.db-wal";
pub const SHM_FILE: &str = "ollama_analytics.db-shm";

/// Connections for reading that are kept open: as many as the pages have workers, and two for
/// background work.
const READERS_MAX: usize = 4;

/// Before a database is deleted, questions that read it get this long to end: until then a file keeps its room on the disk.
const READING_WAIT: Duration = Duration::from_secs(5);

/// The pause between two looks whether they have.
const READING_PAUSE: Duration = Duration::from_millis(5);

/// The identities of the files of a database, which may be removed or replaced.
pub struct DatabaseFiles {
    database: Identity,
    /// The files that SQLite keeps beside it.
    sidecars: Vec<(PathBuf, Identity)>,
}

impl Sqlite {
    /// Does `work` with the connection that writes; `operation` names it in an error.
    pub(super) fn writing<T>(
        &self,
        operation: &str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let operation = format!("{operation} {}", self.file.display());
        let Some(directory) = &self.directory else {
            return Err(failed(operation)("it was opened to be read only"));
        };
        let mut slot = lock(&self.writer);
        directory.ensure_held()?;
        if self.is_another() {
            slot.take();
            self.clear_away()?;
        }
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.open()?,
        };
        let done = work(&mut connection).map_err(|cause| sqlite_error(&operation, &cause))?;
        *slot = Some(connection);
        Ok(done)
    }

    /// Deletes the database, and creates an empty one in its place, which works on a full disk.
    /// Writing waits from before `read` on, which returns what to keep. It reads by a connection of
    /// its own: one of the pool may have to wait for writing.
    pub(super) fn begin_anew<T: Default>(
        &self,
        read: impl FnOnce(&ReadConnection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let operation = format!("delete {}", self.file.display());
        let Some(directory) = &self.directory else {
            return Err(failed(&operation)("it was opened to be read only"));
        };
        let _alone = self.end_of_reading(); // before the writer: who reads may wait for that one
        let mut slot = lock(&self.writer);
        directory.ensure_held()?;
        let retained = match self.reader_of_what_is_there()? {
            Some((_, reader)) => read(&reader).map_err(|cause| self.read_error(&cause))?,
            None => T::default(),
        };
        slot.take();
        lock(&self.readers).clear();
        *lock(&self.opened) = None;
        Sqlite::discard(&directory.path)?;
        *slot = Some(self.open()?);
        Ok(retained)
    }

    fn open(&self) -> Result<Connection> {
        let connection = schema::open_writer(&self.file, self.busy)?;
        let sidecars = [WAL_FILE, SHM_FILE]
            .map(|name| self.file.with_file_name(name))
            .into_iter();
        let sidecars = sidecars
            .filter_map(|path| identity(&path).map(|identity| (path, identity)))
            .collect();
        *lock(&self.opened) =
            identity(&self.file).map(|database| DatabaseFiles { database, sidecars });
        Ok(connection)
    }

    /// Returns whether the database that is open for writing was removed or replaced.
    fn is_another(&self) -> bool {
        lock(&self.opened)
            .as_ref()
            .is_some_and(|opened| identity(&self.file) != Some(opened.database))
    }

    /// Removes the files that SQLite kept beside a database that is gone: it must not take them for
    /// the next one's.
    fn clear_away(&self) -> Result<()> {
        log::warn!(
            "history: {} was removed or replaced; new records go to the file that is there now",
            self.file.display()
        );
        lock(&self.readers).clear();
        let mut opened = lock(&self.opened);
        let sidecars = opened.iter().flat_map(|files| &files.sidecars);
        for (path, _) in sidecars.filter(|(path, was)| identity(path) == Some(*was)) {
            fs::remove_file(path).map_err(failed(format!("remove {}", path.display())))?;
        }
        *opened = None;
        Ok(())
    }

    pub(super) fn reading<T>(
        &self,
        work: impl FnOnce(&ReadConnection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let _reading = self.reads.read().unwrap_or_else(PoisonError::into_inner);
        let (identity, reader) = match self.pooled() {
            Some(pooled) => pooled,
            None => self.open_reader()?,
        };
        let done = work(&reader).map_err(|cause| self.read_error(&cause))?;
        let mut pool = lock(&self.readers);
        if pool.len() < READERS_MAX {
            pool.push((identity, reader));
        }
        Ok(done)
    }

    /// Waits until nobody reads, and lets nobody begin. One who reads for longer is not waited for.
    fn end_of_reading(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        let begin = Instant::now();
        loop {
            match self.reads.try_write() {
                Ok(alone) => return Some(alone),
                Err(TryLockError::Poisoned(alone)) => return Some(alone.into_inner()),
                Err(TryLockError::WouldBlock) if begin.elapsed() >= READING_WAIT => return None,
                Err(TryLockError::WouldBlock) => thread::sleep(READING_PAUSE),
            }
        }
    }

    fn read_error(&self, cause: &rusqlite::Error) -> StoreError {
        sqlite_error(&format!("read {}", self.file.display()), cause)
    }

    /// Takes a pooled connection to the database that is there now.
    fn pooled(&self) -> Option<(Identity, ReadConnection)> {
        let there = identity(&self.file);
        let mut pool = lock(&self.readers);
        pool.retain(|(identity, _)| Some(*identity) == there);
        pool.pop()
    }

    fn open_reader(&self) -> Result<(Identity, ReadConnection)> {
        if self.is_another() {
            self.writing("open", |_| Ok(()))?; // so that it can be read
        }
        if let Some(reader) = self.reader_of_what_is_there()? {
            return Ok(reader);
        }
        if self.directory.is_some() {
            self.writing("open", |_| Ok(()))?; // it is being created anew by a writing thread
        }
        self.reader_of_what_is_there()?
            .ok_or_else(|| self.nothing())
    }

    fn reader_of_what_is_there(&self) -> Result<Option<(Identity, ReadConnection)>> {
        let Some(identity) = identity(&self.file) else {
            return Ok(None);
        };
        Ok(schema::open_reader(&self.file, self.busy)?.map(|reader| (identity, reader)))
    }
}

/// Returns the identity of the file at `path`, if there is one.
fn identity(path: &Path) -> Option<Identity> {
    platform::files::identity(path).ok()
}
