//! One row: whether it matches, its position, and its record.

use rusqlite::{OptionalExtension, Row, Statement};

use super::super::{Detail, Query};
use super::columns;
use super::schema::ReadConnection;
use crate::history::record::{Position, Record};
use crate::history::store::query::Rank;
use crate::observe::conversation::KeptMessage;
use crate::util::interrupt;

/// Reads rows, and of most only the searched text.
pub struct RowReader<'a> {
    query: &'a Query,
    detail: Detail,
    searchable: Statement<'a>,
    all_texts: Statement<'a>,
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
        let either =
            |one, other| format!("coalesce({}, {})", reader.column(one), reader.column(other));
        let prompt = either("prompt_full", "prompt_preview");
        let all_texts = [
            &*prompt,
            &either("response_full", "response_preview"),
            reader.column("thinking_full"),
            reader.column("error"),
            reader.column("system"),
            reader.column("messages"),
        ];
        let summary = columns::SUMMARY_COLUMNS.map(|field| reader.column(field));
        let summary = summary.join(", ");
        let record = match detail {
            Detail::Whole => reader.columns.join(", "),
            Detail::Brief => columns::brief(reader).join(", "),
        };
        Ok(RowReader {
            query,
            detail,
            searchable: select(&prompt)?,
            all_texts: select(&all_texts.join(", "))?,
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
        Ok(self.rank(row)?.map(|rank| rank.position))
    }

    /// Returns the place of the record of `row` in the list, if it is there and matches.
    pub fn rank(&mut self, row: i64) -> rusqlite::Result<Option<Rank>> {
        if !self.has(row)? {
            return Ok(None);
        }
        let rank = |row: &Row| {
            let summary = columns::summary(row)?;
            let is_match = self.query.matches_summary(&summary);
            Ok(is_match.then(|| Rank::of(self.query.sort, &summary)))
        };
        Ok(self.summary.query_row([row], rank).optional()?.flatten())
    }

    /// Returns the record of `row`, as much of it as is wanted.
    pub fn record(&mut self, row: i64) -> rusqlite::Result<Option<Record>> {
        let record = self.record.query_row([row], columns::record).optional()?;
        Ok(record.map(|record| self.detail.of(record)))
    }

    /// Returns whether `row` has the finding and the text that are asked for, if any.
    fn has(&mut self, row: i64) -> rusqlite::Result<bool> {
        if interrupt::is_unwanted() {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
            return Err(rusqlite::Error::SqliteFailure(code, None));
        }
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
        Ok(self.has_in_prompt(row)? && self.has_anywhere(row)?)
    }

    fn has_in_prompt(&mut self, row: i64) -> rusqlite::Result<bool> {
        let Some(needle) = &self.query.prompt_search else {
            return Ok(true);
        };
        let has = self.searchable.query_row([row], |row| {
            Ok(needle.is_in(columns::text(row.get_ref(0)?).as_deref()))
        });
        Ok(has.optional()?.unwrap_or(false))
    }

    fn has_anywhere(&mut self, row: i64) -> rusqlite::Result<bool> {
        let Some(needle) = &self.query.q else {
            return Ok(true);
        };
        let has = self.all_texts.query_row([row], |row| {
            let last = row.as_ref().column_count() - 1;
            for cell in 0..last {
                if needle.is_in(columns::text(row.get_ref(cell)?).as_deref()) {
                    return Ok(true);
                }
            }
            let messages = columns::messages(row.get_ref(last)?);
            let mut texts = messages.iter().flat_map(KeptMessage::texts);
            Ok(texts.any(|text| needle.is_in(Some(text))))
        });
        Ok(has.optional()?.unwrap_or(false))
    }
}
