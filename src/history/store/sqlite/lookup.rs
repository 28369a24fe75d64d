//! One row: whether it matches, its position, and its record.

use rusqlite::{OptionalExtension, Row, Statement};

use super::super::{Detail, Query};
use super::columns;
use super::schema::ReadConnection;
use crate::history::record::{Position, Record};

/// Reads rows, and of most only the searched text.
pub struct RowReader<'a> {
    query: &'a Query,
    detail: Detail,
    searchable: Statement<'a>,
    findings: Statement<'a>,
    summary: Statement<'a>,
    record: Statement<'a>,
}

impl<'a> RowReader<'a> {
    pub fn new(
        reader: &'a ReadConnection,
        query: &'a Query,
        detail: Detail,
    ) -> rusqlite::Result<RowReader<'a>> {
        let select = |columns: &str| {
            reader.connection.prepare(&format!(
                "SELECT {columns} FROM interactions WHERE rowid = ?1"
            ))
        };
        let searchable = format!(
            "coalesce({}, {})",
            reader.column("prompt_full"),
            reader.column("prompt_preview")
        );
        let summary = columns::SUMMARY_COLUMNS
            .iter()
            .chain(&["interaction_id"])
            .map(|field| reader.column(field));
        let summary = summary.collect::<Vec<_>>().join(", ");
        let record = match detail {
            Detail::Whole => reader.columns.join(", "),
            Detail::Brief => columns::brief(reader).join(", "),
        };
        Ok(RowReader {
            query,
            detail,
            searchable: select(&searchable)?,
            findings: select(reader.column("findings"))?,
            summary: select(&summary)?,
            record: select(&record)?,
        })
    }

    /// Returns the record of `row`, if it is there and matches.
    pub fn matching(&mut self, row: i64) -> rusqlite::Result<Option<Record>> {
        if !self.has(row)? {
            return Ok(None);
        }
        Ok(self
            .record(row)?
            .filter(|record| self.query.matches(record)))
    }

    /// Returns the position of the record of `row`, if it is there and matches.
    pub fn place(&mut self, row: i64) -> rusqlite::Result<Option<Position>> {
        if !self.has(row)? {
            return Ok(None);
        }
        let position = |row: &Row| {
            let summary = columns::summary(row)?;
            let id = columns::text(row.get_ref(columns::SUMMARY_COLUMNS.len())?)
                .unwrap_or_default()
                .into_owned();
            Ok(self.query.matches_summary(&summary).then_some(Position {
                timestamp: summary.timestamp,
                id,
            }))
        };
        Ok(self
            .summary
            .query_row([row], position)
            .optional()?
            .flatten())
    }

    /// Returns the record of `row`, as much of it as is wanted.
    pub fn record(&mut self, row: i64) -> rusqlite::Result<Option<Record>> {
        let record = self.record.query_row([row], columns::record).optional()?;
        Ok(record.map(|record| self.detail.of(record)))
    }

    /// Returns whether `row` has the finding and the text that are asked for, if any.
    fn has(&mut self, row: i64) -> rusqlite::Result<bool> {
        Ok(self.has_finding(row)? && self.has_text(row)?)
    }

    fn has_finding(&mut self, row: i64) -> rusqlite::Result<bool> {
        if self.query.finding.is_none() {
            return Ok(true);
        }
        let findings = self
            .findings
            .query_row([row], |row| columns::findings(row.get_ref(0)?));
        Ok(findings
            .optional()?
            .is_some_and(|found| self.query.has_finding(&found)))
    }

    fn has_text(&mut self, row: i64) -> rusqlite::Result<bool> {
        let Some(needle) = &self.query.prompt_search else {
            return Ok(true);
        };
        let has = self.searchable.query_row([row], |row| {
            Ok(needle.is_in(columns::text(row.get_ref(0)?).as_deref()))
        });
        Ok(has.optional()?.unwrap_or(false))
    }
}
