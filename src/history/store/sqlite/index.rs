//! The full-text index: which rows may have a text in their prompts.
//!
//! It is built behind the writing, over the folded beginning of each prompt, in the order of
//! rowids, up to the one in `search_progress`. It holds trigrams only: a row that has all trigrams
//! of a text is proposed, and so is every row whose prompt is longer than its indexed beginning,
//! and every row that is not indexed yet. `Query::matches` decides. Deleting rows leaves it as it
//! is, since removing them costs far more than proposing rows that are gone; once most are gone, it
//! is rebuilt.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::super::query::{Needle, fold};
use super::columns::text;
use crate::observe::text::prefix;

/// Bytes of a prompt that are indexed: enough for nearly all, and what a long one costs is bounded.
const INDEXED_BYTES: usize = 4096;

/// Ends the indexed beginning of a longer prompt.
const CONTINUATION_MARK: &str = "\u{1}\u{1}\u{1}";

/// SQLite's tokenizer ends at a NUL, so that NUL is indexed as this.
const NUL_REPLACEMENT: &str = "\u{1}";

/// The most rows and the most time of one piece of indexing: writing waits for it.
const PIECE_ROWS: usize = 2000;
const PIECE_TIME: Duration = Duration::from_millis(50);

/// More proposals than this do not help: matches that are so common are found sooner by reading the
/// newest rows one by one.
const PROPOSALS_MAX: usize = 10_000;

/// The most trigrams in one question; more make it slower than the rows that they rule out.
const TRIGRAMS_MAX: usize = 16;

/// Letters in a trigram.
const TRIGRAM_CHARS: usize = 3;

/// Indexes the next piece of what was written; returns whether there is more.
pub fn catch_up(connection: &mut Connection) -> rusqlite::Result<bool> {
    const BEHIND: &str = "SELECT EXISTS (SELECT 1 FROM interactions WHERE rowid > (SELECT upto FROM search_progress))";
    let behind =
        |connection: &Connection| connection.query_row(BEHIND, [], |row| row.get::<_, bool>(0));
    if !behind(connection)? {
        return Ok(false);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    index_piece(&transaction)?;
    transaction.commit()?;
    behind(connection)
}

fn index_piece(transaction: &Transaction) -> rusqlite::Result<()> {
    let started = Instant::now();
    let mut insertion =
        transaction.prepare("INSERT INTO search (rowid, prompt) VALUES (?1, ?2)")?;
    let mut waiting = transaction.prepare(
        "SELECT rowid, coalesce(prompt_full, prompt_preview) FROM interactions
         WHERE rowid > (SELECT upto FROM search_progress) ORDER BY rowid LIMIT ?1",
    )?;
    let mut rows = waiting.query([PIECE_ROWS as i64])?;
    let (mut upto, mut held) = (0, 0);
    while let Some(row) = rows.next()? {
        upto = row.get(0)?;
        held += 1;
        if let Some(prompt) = text(row.get_ref(1)?) {
            insertion.execute((upto, indexed_text(&prompt)))?;
        }
        if started.elapsed() > PIECE_TIME {
            break;
        }
    }
    transaction
        .execute(
            "UPDATE search_progress SET upto = ?1, held = held + ?2",
            [upto, held],
        )
        .map(drop)
}

/// Moves the progress back where the last rows were deleted: the next ones get their rowids again.
pub fn rewind(transaction: &Transaction) -> rusqlite::Result<()> {
    const SQL: &str = "UPDATE search_progress SET upto = last FROM (SELECT coalesce(max(rowid), 0) AS last FROM interactions) WHERE upto > last";
    transaction.execute(SQL, []).map(drop)
}

/// Returns whether most of the indexed rows were deleted.
pub fn is_stale(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT held > 2 * (SELECT count(*) FROM interactions) FROM search_progress",
        [],
        |row| row.get(0),
    )
}

/// Empties the index, so that the text of deleted prompts is gone and every row is indexed again.
pub fn clear(transaction: &Transaction) -> rusqlite::Result<()> {
    transaction.execute_batch("INSERT INTO search (search) VALUES ('delete-all'); UPDATE search_progress SET upto = 0, held = 0")
}

/// Returns the rowids of all rows that may have `needle`; `None` where there are too many, or
/// `needle` is too short.
pub fn proposals(connection: &Connection, needle: &Needle) -> rusqlite::Result<Option<Vec<i64>>> {
    let Some(question) = question(needle) else {
        return Ok(None);
    };
    let mut proposed = connection.prepare(
        "SELECT rowid FROM search WHERE search MATCH ?1
         UNION ALL SELECT rowid FROM interactions WHERE rowid > (SELECT upto FROM search_progress) LIMIT ?2",
    )?;
    let rows = proposed.query_map((question, PROPOSALS_MAX as i64 + 1), |row| row.get(0))?;
    let rows: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    Ok((rows.len() <= PROPOSALS_MAX).then_some(rows))
}

/// Returns the text that the index holds of a prompt.
fn indexed_text(prompt: &str) -> String {
    let head = prefix(prompt, INDEXED_BYTES);
    let more = if head.len() < prompt.len() {
        CONTINUATION_MARK
    } else {
        ""
    };
    fold(head).replace('\0', NUL_REPLACEMENT) + more
}

/// Returns the full-text query for every row with all trigrams of `needle`, or with a longer
/// prompt. `None` where it has no trigram.
fn question(needle: &Needle) -> Option<String> {
    let letters: Vec<char> = needle
        .folded()
        .replace('\0', NUL_REPLACEMENT)
        .chars()
        .collect();
    let trigrams: Vec<String> = letters
        .windows(TRIGRAM_CHARS)
        .map(|trigram| trigram.iter().collect())
        .collect();
    let step = trigrams.len().div_ceil(TRIGRAMS_MAX).max(1);
    let terms: Vec<String> = trigrams
        .iter()
        .step_by(step)
        .map(|trigram| quoted(trigram))
        .collect();
    (!terms.is_empty())
        .then(|| format!("({}) OR {}", terms.join(" AND "), quoted(CONTINUATION_MARK)))
}

fn quoted(term: &str) -> String {
    format!("\"{}\"", term.replace('"', "\"\""))
}
