//! Lookup of records by their ids: at the times they are known to have, or anywhere.

use std::collections::HashMap;

use super::Loki;
use super::entry;
use super::logql;
use super::pages::{ENTRIES_MIN, Entry};
use super::push::Part;
use super::time::{Order, Span, nanos};
use crate::history::record::{Position, Record};
use crate::history::store::{Detail, Query, Result, unknown_before};
use crate::util::threads::lock;

/// The most record times that are remembered, for requests of one record of a list or of the next
/// page.
const KNOWN_TIMES_MAX: usize = 10_000;

/// The longest id that is looked up (bytes).
const ID_MAX: usize = 256;

impl Loki {
    pub(super) fn remember_time(&self, record: &Record) {
        let mut known_times = lock(&self.known_times);
        if known_times.len() >= KNOWN_TIMES_MAX {
            known_times.clear();
        }
        known_times.insert(record.interaction_id.clone(), nanos(record.timestamp));
    }

    pub(super) fn resolve_before(&self, query: &Query) -> Result<Option<Position>> {
        let Some(id) = &query.before else {
            return Ok(None);
        };
        Ok(Some(
            self.find(id, Detail::Brief)?
                .ok_or_else(|| unknown_before(id))?
                .position(),
        ))
    }

    /// Finds the record with this id at the time it was last seen, or anywhere.
    pub(super) fn find(&self, id: &str, detail: Detail) -> Result<Option<Record>> {
        let known_time = lock(&self.known_times).get(id).copied();
        if let Some(time) = known_time
            && let Some(record) = self.find_in(id, detail, Span::at(time))?
        {
            return Ok(Some(record));
        }
        self.find_in(id, detail, self.whole_span())
    }

    /// Finds ids that begin with `prefix`, at most `limit` of them.
    pub(super) fn find_ids(&self, prefix: &str, limit: usize) -> Result<Vec<String>> {
        if prefix.len() > ID_MAX {
            return Ok(Vec::new());
        }
        let (coverage, now, whole) = (self.coverage()?, self.now(), self.whole_span());
        let mut ids = Vec::new();
        for (query, span) in [
            (
                logql::with_id_prefix(Part::Facts, prefix),
                coverage.current(whole, now),
            ),
            (
                logql::legacy_with_id_prefix(prefix),
                coverage.legacy(whole, now),
            ),
        ] {
            let mut entries = self.entries(query, (span, Order::NewestFirst), ENTRIES_MIN);
            while ids.len() < limit
                && let Some(entry) = entries.next()?
            {
                let id = entry::id(&entry.line).filter(|id| id.starts_with(prefix));
                ids.extend(id.filter(|id| !ids.contains(id)));
            }
        }
        Ok(ids)
    }

    /// Finds the records at these positions, at most `IDS_MAX`, and adds them by their ids.
    pub(super) fn find_all(
        &self,
        positions: &[Position],
        detail: Detail,
        found: &mut HashMap<String, Record>,
    ) -> Result<()> {
        let ids: Vec<String> = positions.iter().map(|one| one.id.clone()).collect();
        let times = || positions.iter().map(|one| nanos(one.timestamp));
        let span = Span {
            start: times().min().unwrap_or(0),
            end: times().max().unwrap_or(0).saturating_add(1),
        };
        let when = (span, Order::NewestFirst);
        let wanted = ids.len() + 1;
        let mut texts = HashMap::new();
        if detail == Detail::Whole {
            let mut lines = self.entries(logql::with_ids(Part::Text, &ids), when, wanted);
            while let Some(entry) = lines.next()? {
                texts.insert(entry::id(&entry.line).unwrap_or_default(), entry.line);
            }
        }
        let mut facts = self.summary_entries(logql::with_ids(Part::Facts, &ids), when, wanted);
        while let Some(Entry { line, .. }) = facts.next()? {
            let text = entry::id(&line).and_then(|id| texts.get(&id));
            let record = match detail {
                Detail::Brief => entry::parse(&line),
                Detail::Whole => entry::join(&line, text.map(String::as_str)),
            };
            found.extend(record.map(|record| (record.interaction_id.clone(), record)));
        }
        Ok(())
    }

    fn find_in(&self, id: &str, detail: Detail, span: Span) -> Result<Option<Record>> {
        if id.len() > ID_MAX {
            return Ok(None);
        }
        let (coverage, now, ids) = (self.coverage()?, self.now(), [id.to_owned()]);
        let when = |span| (span, Order::NewestFirst);
        let mut summaries = self.summary_entries(
            logql::with_ids(Part::Facts, &ids),
            when(coverage.current(span, now)),
            ENTRIES_MIN,
        );
        while let Some(entry) = summaries.next()? {
            let Some(record) =
                entry::parse(&entry.line).filter(|record| record.interaction_id == id)
            else {
                continue;
            };
            if detail == Detail::Brief {
                return Ok(Some(record));
            }
            let span = Span::at(entry.time);
            let text = self
                .entries(logql::with_ids(Part::Text, &ids), when(span), ENTRIES_MIN)
                .next()?;
            return Ok(entry::join(
                &entry.line,
                text.map(|text| text.line).as_deref(),
            ));
        }
        let mut legacy = self.entries(
            logql::legacy_with_id(id),
            when(coverage.legacy(span, now)),
            ENTRIES_MIN,
        );
        while let Some(entry) = legacy.next()? {
            if let Some(record) =
                entry::parse(&entry.line).filter(|record| record.interaction_id == id)
            {
                return Ok(Some(detail.of(record)));
            }
        }
        Ok(None)
    }
}
