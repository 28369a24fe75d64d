//! Opening a history: for the one tap that records, for a command that writes, or for reading.

use std::path::{Path, PathBuf};

use super::directory::Directory;
use super::error::failed;
use super::hidden::HiddenFindings;
use super::jsonl::Jsonl;
use super::loki::Loki;
use super::pending::PendingEngine;
use super::slower::ComparisonCache;
use super::sqlite::Sqlite;
use super::statistics::Rollups;
use super::summary_cache::SummaryCache;
use super::{Engine, Result, Store, StoreError, jsonl, sqlite};
use crate::config::{Backend, HistoryConfig};
use crate::history::record::TapIdentity;
use crate::http::agent::Target;
use crate::platform;

/// Opens a history in a directory that this process writes.
type Open = Box<dyn Fn() -> Result<Box<dyn Engine>> + Send + Sync>;

impl Store {
    /// Opens the history for the one tap that writes it; `None` where none is kept. `holder`
    /// describes this tap to a second one, `writer` is in every record. Where the history in the
    /// directory cannot be opened, every question to the store returns the cause, and `reopen`
    /// tries again.
    pub fn open_for_recording(
        history: &HistoryConfig,
        holder: &str,
        writer: &TapIdentity,
    ) -> Result<Option<Store>> {
        Store::open(history, holder, Some(writer), |open, why| {
            let dir = history.dir.clone();
            let (name, discard): (_, fn(&Path) -> Result<()>) = match history.backend {
                Backend::Sqlite => (sqlite::NAME, Sqlite::discard),
                _ => (jsonl::NAME, Jsonl::discard),
            };
            Ok(Box::new(PendingEngine::new(
                name,
                dir.display().to_string(),
                &why,
                open,
                Box::new(move || discard(&dir)),
            )))
        })
    }

    /// Opens the history for a command that writes now or fails; `None` where none is kept.
    pub fn open_for_writing(history: &HistoryConfig, holder: &str) -> Result<Option<Store>> {
        Store::open(history, holder, None, |_, why| Err(why))
    }

    fn open(
        history: &HistoryConfig,
        holder: &str,
        writer: Option<&TapIdentity>,
        or: impl FnOnce(Open, StoreError) -> Result<Box<dyn Engine>>,
    ) -> Result<Option<Store>> {
        let engine: Box<dyn Engine> = match history.backend {
            Backend::Jsonl | Backend::Sqlite => return Store::local(history, holder, or).map(Some),
            Backend::Loki => Box::new(loki(history, writer)?),
            Backend::None => return Ok(None),
        };
        Ok(Some(Store::of(
            engine,
            None,
            side_directory(history).as_deref(),
        )))
    }

    fn local(
        history: &HistoryConfig,
        holder: &str,
        or: impl FnOnce(Open, StoreError) -> Result<Box<dyn Engine>>,
    ) -> Result<Store> {
        let directory = Directory::lock(&history.dir, holder)?;
        let (backend, place) = (history.backend, directory.clone());
        let open: Open = Box::new(move || {
            Ok(match backend {
                Backend::Sqlite => Box::new(Sqlite::writer(place.clone())?),
                _ => Box::new(Jsonl::writer(place.clone())?),
            })
        });
        let engine = open().or_else(|why| or(open, why))?;
        Ok(Store::of(engine, Some(directory), Some(&history.dir)))
    }

    /// Opens a history to read, whether a tap writes it or not; changes nothing. `None` where none
    /// is kept.
    pub fn open_for_reading(history: &HistoryConfig) -> Result<Option<Store>> {
        let engine: Box<dyn Engine> = match history.backend {
            Backend::Jsonl => Box::new(Jsonl::reader(&history.dir)?),
            Backend::Sqlite => Box::new(Sqlite::reader(&history.dir)?),
            Backend::Loki => Box::new(loki(history, None)?),
            Backend::None => return Ok(None),
        };
        Ok(Some(Store::of(
            engine,
            None,
            side_directory(history).as_deref(),
        )))
    }

    /// `hidden` is the directory of the file that says which findings are hidden.
    fn of(engine: Box<dyn Engine>, directory: Option<Directory>, hidden: Option<&Path>) -> Store {
        Store {
            engine,
            rollups: Rollups::open(directory.as_ref().map(|directory| &*directory.path)),
            directory,
            hidden: HiddenFindings::new(hidden),
            entered: Default::default(),
            cache: SummaryCache::default(),
            compared: ComparisonCache::default(),
        }
    }

    #[cfg(test)]
    pub fn of_others(engine: Box<dyn Engine>) -> Store {
        Store::of(engine, None, None)
    }

    /// Opens the history that the other backend of this machine left in the directory.
    pub(super) fn left_behind(&self) -> Result<Option<Box<dyn Engine>>> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        Ok(match self.engine.name() {
            sqlite::NAME if Jsonl::is_in(&directory.path)? => {
                Some(Box::new(Jsonl::writer(directory.clone())?))
            }
            jsonl::NAME if Sqlite::is_in(&directory.path)? => {
                Some(Box::new(Sqlite::writer(directory.clone())?))
            }
            _ => None,
        })
    }
}

/// Opens a Loki, to write as this tap or only to read.
fn loki(history: &HistoryConfig, writer: Option<&TapIdentity>) -> Result<Loki> {
    let operation = "open the history in loki";
    let settings = history.loki.as_ref().ok_or_else(|| {
        StoreError::Failed(format!(
            "{operation}: no address was given; name it with --loki-url"
        ))
    })?;
    let roots = Target::of(&settings.url).map_err(failed(operation))?.roots;
    let Some(writer) = writer else {
        return Ok(Loki::reader(settings, roots));
    };
    let dir = loki_directory(history);
    Ok(Loki::writer(settings, roots, dir.as_deref(), writer))
}

/// Returns the directory for what a tap with a Loki keeps itself.
fn loki_directory(history: &HistoryConfig) -> Option<PathBuf> {
    if history.dir_is_given {
        Some(history.dir.clone())
    } else {
        platform::folders::state_directory()
    }
}

/// Returns the directory of the small files that go with a history, whatever its backend.
pub fn side_directory(history: &HistoryConfig) -> Option<PathBuf> {
    match history.backend {
        Backend::Jsonl | Backend::Sqlite | Backend::None => Some(history.dir.clone()),
        Backend::Loki => loki_directory(history),
    }
}
