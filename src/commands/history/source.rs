//! The history that a question is put to, wherever it is; the same questions for all.

use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;

use super::detect::detect_backend;
use super::stats::StatsRequest;
use super::tap_client::TapClient;
use super::usual::{kind, usual_store};
use crate::commands::discovery;
use crate::config::{Backend, HistoryConfig, HistoryLocation, QueryConfig};
use crate::error::{Error, Result};
use crate::history::record::{Record, now};
use crate::history::store::{
    EnhancedStats, Extent, Hidden, HideReport, MatchCount, PurgeReport, Query, Selection,
    StatsQuestion, Store, StoreError, Why, ids,
};
use crate::util::sanitize::escape_control_chars;

/// A history that can be asked.
pub enum HistorySource {
    Tap(TapClient),
    Store(Box<Store>),
}

/// Where a history was found.
pub enum Located {
    Tap(TapClient),
    Store(HistoryConfig),
}

/// The place that answers came from.
#[derive(Debug, PartialEq, Serialize)]
pub struct SourceInfo {
    /// The address of the tap that was asked; `None` where the store was read itself.
    pub tap: Option<String>,
    pub backend: String,
    /// Directory or address of the store.
    pub data_dir: Option<String>,
}

impl fmt::Display for SourceInfo {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let place = escape_control_chars(self.data_dir.as_deref().unwrap_or("its history"));
        let backend = escape_control_chars(&self.backend);
        match &self.tap {
            Some(tap) => write!(f, "{place} ({backend}), through the tap at {tap}"),
            None => write!(f, "{place} ({backend})"),
        }
    }
}

impl HistorySource {
    /// Finds the history and opens it to read.
    pub fn open(config: &QueryConfig) -> Result<HistorySource> {
        match HistorySource::locate(config)? {
            Located::Tap(tap) => Ok(HistorySource::Tap(tap)),
            Located::Store(history) => HistorySource::reader(&history),
        }
    }

    /// Finds the history.
    pub fn locate(config: &QueryConfig) -> Result<Located> {
        match config.location {
            HistoryLocation::Store => named_store(config).map(Located::Store),
            HistoryLocation::Tap => discovery::find(config)
                .map(Located::Tap)
                .ok_or_else(|| Error::Failed(discovery::nothing_found(config))),
            HistoryLocation::Anywhere => match discovery::find(config) {
                Some(tap) => Ok(Located::Tap(tap)),
                None => usual_store(config).map(Located::Store),
            },
        }
    }

    /// Opens a history to read, which changes nothing where it is.
    pub fn reader(history: &HistoryConfig) -> Result<HistorySource> {
        HistorySource::of(Store::open_for_reading(history).map_err(failed)?)
    }

    /// Opens a history to delete some of it.
    pub fn writer(history: &HistoryConfig) -> Result<HistorySource> {
        let holder = format!("ollama-tap purge (pid {})", std::process::id());
        let opened = Store::open_for_writing(history, &holder).map_err(|e| {
            Error::Failed(format!(
                "{e} (a running tap deletes from its own history where neither --analytics-dir nor ANALYTICS_DIR names one)"
            ))
        });
        HistorySource::of(opened?)
    }

    fn of(store: Option<Store>) -> Result<HistorySource> {
        let nothing = "nothing to read: the backend none keeps no history";
        let store = store.ok_or_else(|| Error::Failed(nothing.to_owned()))?;
        Ok(HistorySource::Store(Box::new(store)))
    }

    /// Returns whether a reader sees all of it: not what a kill left half written.
    pub fn is_whole(&self) -> Result<bool> {
        match self {
            HistorySource::Tap(_) => Ok(true),
            HistorySource::Store(store) => store.is_whole().map_err(failed),
        }
    }

    pub fn origin(&self) -> Result<SourceInfo> {
        match self {
            HistorySource::Tap(tap) => {
                let about = tap.about()?;
                Ok(SourceInfo {
                    tap: Some(tap.address().to_owned()),
                    backend: about.backend,
                    data_dir: about.data_dir,
                })
            }
            HistorySource::Store(store) => Ok(SourceInfo {
                tap: None,
                backend: store.backend().to_owned(),
                data_dir: Some(store.location()),
            }),
        }
    }

    pub fn extent(&self) -> Result<Extent> {
        match self {
            HistorySource::Tap(tap) => tap.extent(),
            HistorySource::Store(store) => store.extent().map_err(failed),
        }
    }

    /// Measures what there is; an error where there is nothing to read.
    pub fn expect_records(&self) -> Result<Extent> {
        let extent = self.extent()?;
        if extent.records > 0 {
            Ok(extent)
        } else {
            Err(no_records(&self.origin()?))
        }
    }

    pub fn enhanced(&self, request: &StatsRequest) -> Result<EnhancedStats> {
        let asked = request.parameters();
        match self {
            HistorySource::Tap(tap) => tap.enhanced(asked),
            HistorySource::Store(store) => {
                let pairs = asked.iter().map(|(name, value)| (*name, value.as_str()));
                let question =
                    StatsQuestion::parse(pairs, now()).map_err(StoreError::InvalidParameter);
                question
                    .and_then(|question| store.enhanced(&question))
                    .map_err(failed)
            }
        }
    }

    /// What went wrong with the records that are meant.
    pub fn why(&self, query: &Query, hidden: Hidden) -> Result<Why> {
        match self {
            HistorySource::Tap(tap) => tap.why(query, hidden),
            HistorySource::Store(store) => store.why(query, hidden, now()).map_err(failed),
        }
    }

    /// Hides the findings with this key for so many days, or shows them again: `days` is 0.
    pub fn hide_findings(&self, key: &str, days: u32) -> Result<HideReport> {
        match self {
            HistorySource::Tap(tap) => tap.hide_findings(key, days),
            HistorySource::Store(store) => store.hide_findings(key, days, now()).map_err(failed),
        }
    }

    /// The record with this id, or the one whose id begins so, if there is one.
    pub fn get(&self, id: &str) -> Result<Option<Record>> {
        match self {
            HistorySource::Tap(tap) => tap.get(id),
            HistorySource::Store(store) => store.find(id).map_err(failed),
        }
    }

    /// The record with this id, or the one whose id begins so, with its conversation; an error with a hint where there is none.
    pub fn one(&self, id: &str, hint: &str) -> Result<Record> {
        let found = match self {
            _ if id.is_empty() => None,
            HistorySource::Tap(tap) => tap.get(id)?,
            HistorySource::Store(store) => {
                let found = store.find(id).map_err(failed)?;
                let whole = found.map(|record| store.with_conversation(record));
                whole.transpose().map_err(failed)?
            }
        };
        match found {
            Some(record) => Ok(record),
            None => Err(Error::Failed(format!(
                "no record has the id {}, or one that begins so ({} characters at least), in {}; {hint}",
                escape_control_chars(id),
                ids::PREFIX_MIN,
                self.origin()?
            ))),
        }
    }

    /// Returns the query with a whole id where the beginning of one was given.
    pub fn with_whole_ids(&self, query: Query) -> Result<Query> {
        let is_cut = |id: &&String| (ids::PREFIX_MIN..ids::LENGTH).contains(&id.chars().count());
        let Some(id) = query.before.as_ref().filter(is_cut) else {
            return Ok(query);
        };
        let before = self.one(id, "`ollama-tap search` shows the ids")?;
        Ok(Query {
            before: Some(before.interaction_id),
            ..query
        })
    }

    pub fn newest(&self, query: &Query) -> Result<Vec<Record>> {
        match self {
            HistorySource::Tap(tap) => tap.newest(query),
            HistorySource::Store(store) => store.newest(query).map_err(failed),
        }
    }

    /// Shows every record that is meant, oldest first.
    pub fn for_each(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        match self {
            HistorySource::Tap(tap) => tap.for_each(query, visit),
            HistorySource::Store(store) => store.for_each(query, visit).map_err(failed),
        }
    }

    /// Returns the number of records that are meant.
    pub fn count(&self, query: &Query) -> Result<MatchCount> {
        match self {
            HistorySource::Tap(tap) => tap.count(query),
            HistorySource::Store(store) => store.count_matches(query).map_err(failed),
        }
    }

    /// Deletes the records that are selected, of every backend there.
    pub fn delete(&self, which: &Selection) -> Result<PurgeReport> {
        match self {
            HistorySource::Tap(tap) => tap.delete(which),
            HistorySource::Store(store) => store.delete(which).map_err(failed),
        }
    }

    /// Deletes what arrived before this time (Unix seconds), or all, of every backend there.
    pub fn purge(&self, before: Option<f64>) -> Result<PurgeReport> {
        match self {
            HistorySource::Tap(tap) => tap.purge(before),
            HistorySource::Store(store) => store.purge(before).map_err(failed),
        }
    }
}

pub fn no_records(origin: &SourceInfo) -> Error {
    Error::Failed(format!("nothing to read: there are no records in {origin}"))
}

fn failed(error: StoreError) -> Error {
    Error::Failed(error.to_string())
}

fn named_store(config: &QueryConfig) -> Result<HistoryConfig> {
    let history = &config.history;
    let backend = match config.backend {
        Some(backend @ (Backend::Loki | Backend::None)) => Some(backend),
        named => detect_backend(&history.dir, named)?,
    };
    let nothing = || {
        Error::Failed(format!(
            "nothing to read: {} holds no {}history",
            history.dir.display(),
            kind(config.backend)
        ))
    };
    Ok(HistoryConfig {
        backend: backend.ok_or_else(nothing)?,
        ..history.clone()
    })
}
