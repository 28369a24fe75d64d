//! Deleting records: what is beyond the limits, and what people ask for. What statistics made of them
//! goes first.

use super::doomed::{DoomedRecords, redact};
use super::{Engine, Limits, PurgeReport, Result, Selection, Store, StoreError};
use crate::history::record::now;

impl Store {
    /// Deletes what is beyond the limits, oldest first. Returns the number of deleted records or
    /// whole files. What another backend left here is older, and gets the room that the limits
    /// leave.
    pub fn retain(&self, limits: &Limits) -> Result<u64> {
        if let Some(oldest) = limits.oldest
            && let Err(why) = self.rollups.prepare_expiry(&*self.engine, oldest, now())
        {
            log::warn!("{why}; so there will be nothing to compare with what expires");
        }
        let deleted = self.engine.retain(limits)?;
        if deleted > 0 {
            self.cache.forget();
            self.compared.forget();
            self.entered.note_deletion();
        }
        let left = self.engine.extent(f64::INFINITY)?;
        if let Some(oldest) = limits.oldest {
            // A day file stays as long as a part of its day does.
            let oldest = left.oldest.map_or(oldest, |left| left.min(oldest));
            self.rollups.expire(oldest)?;
        }
        let Some(previous) = self.left_behind()? else {
            return Ok(deleted);
        };
        let bytes = left.bytes.unwrap_or(0);
        let deleted_there = previous.retain(&Limits {
            max_bytes: limits.max_bytes.map(|max| max.saturating_sub(bytes)),
            ..*limits
        })?;
        if deleted_there > 0 {
            log::info!(
                "deleted {deleted_there} of the oldest in what the backend {} left in {}",
                previous.name(),
                previous.location()
            );
        }
        Ok(deleted + deleted_there)
    }

    /// Deletes every record that arrived before this time (Unix seconds), or all, also of what
    /// another backend left here.
    pub fn purge(&self, before: Option<f64>) -> Result<PurgeReport> {
        let forget = || self.rollups.forget_before(before.unwrap_or(f64::INFINITY));
        forget()?;
        let purged = self.delete_by(DoomedRecords::Before(before));
        forget()?; // one may have been made meanwhile
        purged
    }

    /// Deletes the selected records, also of what another backend left here.
    pub fn delete(&self, which: &Selection) -> Result<PurgeReport> {
        let spans = self.spans_of(which)?;
        self.rollups.forget_within(&spans)?;
        let deleted = self.delete_by(DoomedRecords::Selected(which));
        self.rollups.forget_within(&spans)?; // one may have been made meanwhile
        deleted
    }

    /// Returns times in which all of the selected records arrived (Unix seconds, inclusive).
    fn spans_of(&self, which: &Selection) -> Result<Vec<(f64, f64)>> {
        match which {
            Selection::Matching(query) => Ok(vec![(
                query.start_time.unwrap_or(f64::MIN),
                query.end_time.unwrap_or(f64::MAX),
            )]),
            Selection::Ids(ids) => {
                let time = |id: &String| Ok(self.engine.get(id)?.map(|record| record.timestamp));
                let times: Result<Vec<Option<f64>>> = ids.iter().map(time).collect();
                Ok(times?
                    .into_iter()
                    .flatten()
                    .map(|time| (time, time))
                    .collect())
            }
        }
    }

    fn delete_by(&self, doomed: DoomedRecords) -> Result<PurgeReport> {
        let mut purged = PurgeReport::default();
        let previous = self.left_behind()?;
        let engines = || std::iter::once(&self.engine).chain(&previous);
        let engines: Vec<&dyn Engine> = engines().map(|engine| &**engine).collect();
        let redaction = doomed.redaction(&engines)?;
        // First, for once the records are gone nobody knows what they said. But where the disk is
        // full, deleting makes the room.
        let redacted = match redact(&redaction, &engines) {
            Err(StoreError::DiskFull(_)) => false,
            redacted => redacted.map(|()| true)?,
        };
        for engine in &engines {
            let deleted = doomed.delete(*engine);
            // Also where it failed, for a part may be gone.
            self.cache.forget();
            self.compared.forget();
            self.entered.end_cursors();
            let deleted = deleted?;
            log::info!(
                "deleted {deleted} records of the backend {} in {} on request",
                engine.name(),
                engine.location()
            );
            purged.add(engine.name(), deleted);
        }
        if !redacted {
            redact(&redaction, &engines)?;
        }
        Ok(purged)
    }
}
