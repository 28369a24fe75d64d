//! Connections: one that writes, behind a lock, and a small pool of those that read; what becomes of them when somebody removes
//! or replaces the database under us.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::{Result, failed};
use super::schema::{self, Reader};
use super::{Sqlite, explained};
use crate::platform;
use crate::platform::files::Identity;
use crate::util::threads::lock;

/// SQLite's log of writes, which are moved from there into the database, and what its connections share.
pub const LOG: &str = "ollama_analytics.db-wal";
pub const SHARED: &str = "ollama_analytics.db-shm";

/// Connections for reading that are kept open: as many as the pages have workers, and two for what runs behind them.
const READERS: usize = 4;

/// Which files a database has: somebody may remove or replace them.
pub struct Files {
    database: Identity,
    /// What SQLite keeps beside it.
    beside: Vec<(PathBuf, Identity)>,
}

impl Sqlite {
    /// Does `work` with the connection that writes; `doing` is what it is called in an error.
    pub(super) fn writing<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let doing = format!("{doing} {}", self.file.display());
        let Some(directory) = &self.directory else {
            return Err(failed(doing)("it was opened to be read only"));
        };
        let mut slot = lock(&self.writer);
        directory.hold()?;
        if self.is_another() {
            slot.take();
            self.clear_away()?;
        }
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.open()?,
        };
        let done = work(&mut connection).map_err(|cause| explained(&doing, &cause))?;
        *slot = Some(connection);
        Ok(done)
    }

    /// Deletes the database, and makes an empty one in its place. That needs no room, which a full disk has not. Nobody writes from
    /// before `read` on, which says what to keep of it.
    pub(super) fn begin_anew<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        let doing = || format!("delete {}", self.file.display());
        let Some(directory) = &self.directory else {
            return Err(failed(doing())("it was opened to be read only"));
        };
        let mut slot = lock(&self.writer);
        directory.hold()?;
        let kept = read()?;
        slot.take();
        lock(&self.readers).clear();
        *lock(&self.opened) = None;
        Sqlite::discard(&directory.path)?;
        *slot = Some(self.open()?);
        Ok(kept)
    }

    fn open(&self) -> Result<Connection> {
        let connection = schema::open_writer(&self.file, self.busy)?;
        let beside = [LOG, SHARED]
            .map(|name| self.file.with_file_name(name))
            .into_iter();
        let beside = beside
            .filter_map(|path| identity(&path).map(|identity| (path, identity)))
            .collect();
        *lock(&self.opened) = identity(&self.file).map(|database| Files { database, beside });
        Ok(connection)
    }

    /// Whether the database that we write was removed or replaced.
    fn is_another(&self) -> bool {
        lock(&self.opened)
            .as_ref()
            .is_some_and(|opened| identity(&self.file) != Some(opened.database))
    }

    /// Removes what SQLite kept beside a database that is gone: it must not take that for the next one's.
    fn clear_away(&self) -> Result<()> {
        log::warn!(
            "history: {} was removed or replaced; what comes goes into what is there now",
            self.file.display()
        );
        lock(&self.readers).clear();
        let mut opened = lock(&self.opened);
        let beside = opened.iter().flat_map(|files| &files.beside);
        for (path, _) in beside.filter(|(path, was)| identity(path) == Some(*was)) {
            fs::remove_file(path).map_err(failed(format!("remove {}", path.display())))?;
        }
        *opened = None;
        Ok(())
    }

    pub(super) fn reading<T>(
        &self,
        work: impl FnOnce(&Reader) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let (identity, reader) = match self.pooled() {
            Some(pooled) => pooled,
            None => self.open_reader()?,
        };
        let done = work(&reader)
            .map_err(|cause| explained(&format!("read {}", self.file.display()), &cause))?;
        let mut pool = lock(&self.readers);
        if pool.len() < READERS {
            pool.push((identity, reader));
        }
        Ok(done)
    }

    /// A connection to the database that is there now.
    fn pooled(&self) -> Option<(Identity, Reader)> {
        let there = identity(&self.file);
        let mut pool = lock(&self.readers);
        pool.retain(|(identity, _)| Some(*identity) == there);
        pool.pop()
    }

    fn open_reader(&self) -> Result<(Identity, Reader)> {
        if self.is_another() {
            self.writing("open", |_| Ok(()))?; // which sees to it that it can be read
        }
        if let Some(reader) = self.reader_of_what_is_there()? {
            return Ok(reader);
        }
        if self.directory.is_some() {
            self.writing("open", |_| Ok(()))?; // it is being made anew, by whoever writes
        }
        self.reader_of_what_is_there()?
            .ok_or_else(|| self.nothing())
    }

    fn reader_of_what_is_there(&self) -> Result<Option<(Identity, Reader)>> {
        let Some(identity) = identity(&self.file) else {
            return Ok(None);
        };
        Ok(schema::open_reader(&self.file, self.busy)?.map(|reader| (identity, reader)))
    }
}

/// Of the file at `path`, where there is one.
fn identity(path: &Path) -> Option<Identity> {
    platform::files::identity(path).ok()
}
