//! Where a purge deletes: what is there is counted before anything is changed.

use super::Meant;
use crate::commands::history::source::{HistorySource, Located};
use crate::commands::history::stats::StatsRequest;
use crate::config::{Backend, HistoryConfig};
use crate::error::Result;
use crate::history::on_disk;
use crate::history::store::{MatchCount, PurgeReport, Query, Selection};

/// The history that is meant. One on disk is opened to read until something is deleted: asking, and what
/// matches nothing, change nothing in its directory.
pub struct PurgeTarget {
    pub source: HistorySource,
    /// What another backend left there.
    beside: Option<HistorySource>,
    /// `None` where a tap or a Loki deletes.
    pub history: Option<HistoryConfig>,
}

impl PurgeTarget {
    pub fn of(located: Located) -> Result<PurgeTarget> {
        let history = match located {
            Located::Tap(tap) => return Ok(PurgeTarget::elsewhere(HistorySource::Tap(tap))),
            Located::Store(history) => history,
        };
        if history.backend == Backend::Loki {
            return HistorySource::writer(&history).map(PurgeTarget::elsewhere);
        }
        let beside = on_disk::left_behind(&history);
        let beside = beside.map(|beside| HistorySource::reader(&beside));
        Ok(PurgeTarget {
            source: HistorySource::reader(&history)?,
            beside: beside.transpose()?,
            history: Some(history),
        })
    }

    fn elsewhere(source: HistorySource) -> PurgeTarget {
        PurgeTarget {
            source,
            beside: None,
            history: None,
        }
    }

    fn sources(&self) -> impl Iterator<Item = &HistorySource> {
        [&self.source].into_iter().chain(&self.beside)
    }

    /// Returns how many records would go.
    pub fn count(&self, meant: &Meant) -> Result<MatchCount> {
        if let Meant::Selected(Selection::Ids(ids)) = meant {
            return Ok(MatchCount::Exact(ids.len() as u64));
        }
        let mut all = MatchCount::Exact(0);
        for source in self.sources() {
            all = all.and(count(source, meant)?);
        }
        Ok(all)
    }

    /// Returns whether what was counted is all that there is: not where a kill left something half
    /// written, nor where others delete.
    pub fn shows_all(&self) -> Result<bool> {
        for source in self.sources() {
            if self.history.is_none() || !source.is_whole()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub fn delete(self, meant: &Meant) -> Result<PurgeReport> {
        let PurgeTarget {
            source,
            beside,
            history,
        } = self;
        drop(beside);
        let source = match history {
            Some(history) => {
                drop(source); // not every system deletes a file that is open
                HistorySource::writer(&history)?
            }
            None => source,
        };
        match meant {
            Meant::All => source.purge(None),
            Meant::Before(time) => source.purge(Some(*time)),
            Meant::Selected(which) => source.delete(which),
        }
    }
}

/// Returns how many records of one backend would go.
fn count(source: &HistorySource, meant: &Meant) -> Result<MatchCount> {
    match meant {
        Meant::Selected(Selection::Matching(query)) => source.count(query),
        Meant::Before(time) => number(source, Some(*time)).map(MatchCount::Exact),
        Meant::All | Meant::Selected(_) => number(source, None).map(MatchCount::Exact),
    }
}

/// Returns how many records would go: all, without those that statistics count from that time on.
fn number(source: &HistorySource, before: Option<f64>) -> Result<u64> {
    let extent = source.extent()?;
    let (Some(before), Some(oldest), Some(newest)) = (before, extent.oldest, extent.newest) else {
        return Ok(extent.records);
    };
    if oldest >= before {
        return Ok(0);
    }
    if newest < before {
        return Ok(extent.records);
    }
    let later = StatsRequest {
        query: Query {
            start_time: Some(before),
            ..Query::default()
        },
        ..StatsRequest::default()
    };
    let later = source.enhanced(&later)?.totals.requests;
    Ok(extent.records.saturating_sub(later))
}
