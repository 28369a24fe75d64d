//! LOOKUP: one record by its id, where a list showed it last, or anywhere.

use super::Loki;
use super::entry;
use super::logql;
use super::pages::ENTRIES_MIN;
use super::push::Part;
use super::time::{Order, Span, nanos};
use crate::history::record::{Position, Record};
use crate::history::store::{Detail, Query, Result, unknown_before};
use crate::util::threads::lock;

/// Places of records that are remembered, for who asks for one of a list or goes on from it.
const PLACES_MAX: usize = 10_000;

/// The longest id that is looked for (bytes).
const ID_MAX: usize = 256;

impl Loki {
    pub(super) fn note_place(&self, record: &Record) {
        let mut places = lock(&self.places);
        if places.len() >= PLACES_MAX {
            places.clear();
        }
        places.insert(record.interaction_id.clone(), nanos(record.timestamp));
    }

    pub(super) fn before(&self, query: &Query) -> Result<Option<Position>> {
        let Some(id) = &query.before else {
            return Ok(None);
        };
        Ok(Some(
            self.find(id, Detail::Brief)?
                .ok_or_else(|| unknown_before(id))?
                .position(),
        ))
    }

    /// The record with this id, where it was seen last, or anywhere.
    pub(super) fn find(&self, id: &str, detail: Detail) -> Result<Option<Record>> {
        let place = lock(&self.places).get(id).copied();
        if let Some(time) = place
            && let Some(record) = self.find_in(
                id,
                detail,
                Span {
                    start: time,
                    end: time.saturating_add(1),
                },
            )?
        {
            return Ok(Some(record));
        }
        self.find_in(id, detail, self.everywhen())
    }

    fn find_in(&self, id: &str, detail: Detail, span: Span) -> Result<Option<Record>> {
        if id.len() > ID_MAX {
            return Ok(None);
        }
        let (reach, now, ids) = (self.reach()?, self.now(), [id.to_owned()]);
        let when = |span| (span, Order::NewestFirst);
        let mut facts = self.facts(
            logql::with_ids(Part::Facts, &ids),
            when(reach.ours(span, now)),
            ENTRIES_MIN,
        );
        while let Some(entry) = facts.next()? {
            let Some(record) =
                entry::read(&entry.line).filter(|record| record.interaction_id == id)
            else {
                continue;
            };
            if detail == Detail::Brief {
                return Ok(Some(record));
            }
            let span = Span {
                start: entry.time,
                end: entry.time.saturating_add(1),
            };
            let text = self
                .lines(logql::with_ids(Part::Text, &ids), when(span), ENTRIES_MIN)
                .next()?;
            return Ok(entry::joined(
                &entry.line,
                text.map(|text| text.line).as_deref(),
            ));
        }
        let mut old = self.lines(
            logql::old_with_id(id),
            when(reach.old(span, now)),
            ENTRIES_MIN,
        );
        while let Some(entry) = old.next()? {
            if let Some(record) =
                entry::read(&entry.line).filter(|record| record.interaction_id == id)
            {
                return Ok(Some(detail.of(record)));
            }
        }
        Ok(None)
    }
}
