//! Writing: a batch is one transaction, on the disk when it ends.

use rusqlite::{Connection, TransactionBehavior};

use super::{columns, index};
use crate::history::record::Record;

/// Writes all of `batch`, or nothing.
pub fn write(connection: &mut Connection, batch: &[Record]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    index::rewind(&transaction)?;
    let mut insertion = transaction.prepare(&columns::insertion())?;
    for record in batch {
        columns::insert(&mut insertion, record)?;
    }
    drop(insertion);
    transaction.commit()
}
