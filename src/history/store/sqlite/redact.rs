//! Taking texts out of the conversations of records.

use rusqlite::Transaction;

use super::super::Result;
use super::super::redaction::Redaction;
use super::{Sqlite, columns};
use crate::history::record::FIELDS;

impl Sqlite {
    /// Returns the number of records that have less than before.
    pub(super) fn redact_conversations(&self, redaction: &Redaction) -> Result<u64> {
        let mut changed = 0;
        for session in redaction.sessions() {
            changed += self.deleting(|transaction| redact(transaction, session, redaction))?;
        }
        if changed > 0 {
            self.forget_texts(true)?;
        }
        Ok(changed)
    }
}

fn redact(
    transaction: &Transaction,
    session: &str,
    redaction: &Redaction,
) -> rusqlite::Result<u64> {
    let mut rows = transaction.prepare("SELECT rowid FROM interactions WHERE session_id = ?1")?;
    let rows: Vec<i64> = rows
        .query_map([session], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let fields = FIELDS.join(", ");
    let mut reading = transaction.prepare(&format!(
        "SELECT {fields} FROM interactions WHERE rowid = ?1"
    ))?;
    let mut changed = 0;
    for row in rows {
        let mut record = reading.query_row([row], columns::record)?;
        if redaction.apply(&mut record) {
            columns::update_messages(transaction, row, &record)?;
            changed += 1;
        }
    }
    Ok(changed)
}
