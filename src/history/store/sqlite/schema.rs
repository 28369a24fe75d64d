//! Opening a database: the settings of each connection, numbered migrations, and the migration of
//! older databases.
//!
//! `user_version` is the number of migrations that were done. A database from before the tap has 0
//! and its table already; so the migrations are the same for it and for a new one. A released
//! migration is never edited.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::super::{Result, StoreError, failed};
use super::sqlite_error;
use crate::history::record::FIELDS;
use crate::platform;
use crate::util::interrupt;

const MIGRATIONS: [&str; 4] = [
    include_str!("001_seed.sql"),
    include_str!("002_columns.sql"),
    include_str!("003_search.sql"),
    include_str!("004_client.sql"),
];

/// Columns that came later, none of which an older ollama-tap would misread: they are added without
/// a migration, so that it can read and write the database after a downgrade.
const LATER_COLUMNS: [(&str, &str); 21] = [
    ("prompt_cached_tokens", "INTEGER"),
    ("host", "TEXT"),
    ("tap", "INTEGER"),
    ("context_length", "INTEGER"),
    ("num_ctx", "INTEGER"),
    ("context_cut", "TEXT"),
    ("reload_cause", "TEXT"),
    ("vram_share", "REAL"),
    ("time_spent", "TEXT"),
    ("ollama_version", "TEXT"),
    ("digest", "TEXT"),
    ("quantization", "TEXT"),
    ("client", "TEXT"),
    ("session_id", "TEXT"),
    ("session_guessed", "INTEGER"),
    ("previous_id", "TEXT"),
    ("system", "TEXT"),
    ("messages", "TEXT"),
    ("messages_from", "INTEGER"),
    ("findings", "TEXT"),
    ("parameters", "TEXT"),
];

/// The covering index of summaries: statistics find all they need in it and read no text.
const SUMMARY_INDEX: &str = "
    DROP INDEX IF EXISTS interactions_facts;
    CREATE INDEX interactions_facts ON interactions (
        timestamp, interaction_id, model, endpoint, prompt_category, status, prompt_tokens, generated_tokens, tokens_per_second,
        duration_seconds, time_to_first_token_seconds, metadata, prompt_cached_tokens, host, tap,
        vram_share, ollama_version, digest, quantization, load_duration_seconds,
        prompt_eval_duration_seconds, eval_duration_seconds, time_spent, reload_cause, error, client
    );
";

/// The index of records with findings, which are few, and of the findings themselves: they lie
/// behind the texts of a row.
const FINDINGS_INDEX: &str = "
    CREATE INDEX IF NOT EXISTS interactions_findings ON interactions (timestamp, interaction_id, findings)
        WHERE findings IS NOT NULL;
";

/// The index of conversations.
const SESSION_INDEX: &str = "
    CREATE INDEX IF NOT EXISTS interactions_session ON interactions (session_id, timestamp, interaction_id)
        WHERE session_id IS NOT NULL;
";

/// The number of migrations that a database with a full-text index has behind it.
const SEARCH_MIGRATIONS: usize = 3;

/// The table of records, which a database from before the tap has as well.
const TABLE: &str = "interactions";

/// Value of `auto_vacuum` that lets a file shrink piece by piece.
const AUTO_VACUUM_INCREMENTAL: i64 = 2;

/// A batch is on the disk before it counts as written; full-fsync is what that takes on macOS. The
/// log of writes is moved into the database every 16 MiB, so that an index page that many batches
/// change is written once, and then it is no longer than 64 MiB. Deleted text is overwritten where
/// its page lives on.
const PRAGMAS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA wal_autocheckpoint = 4096;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA secure_delete = FAST;
    PRAGMA cache_size = -8192;
";

/// A connection for reading, and the shape of its database.
pub struct ReadConnection {
    pub connection: Connection,
    /// The column of each field of a record, in order; `NULL` where a database was not migrated
    /// yet.
    pub columns: Vec<String>,
    /// It has a full-text index.
    pub indexed: bool,
}

impl ReadConnection {
    /// Returns the column that holds `field`.
    pub fn column(&self, field: &str) -> &str {
        FIELDS
            .iter()
            .position(|name| *name == field)
            .map_or("NULL", |n| &self.columns[n])
    }
}

/// Opens a database for writing, creates it where it is missing, and migrates it.
pub fn open_writer(file: &Path, busy: Duration) -> Result<Connection> {
    let operation = format!("open {}", file.display());
    // Private from the beginning; SQLite gives its other files the same rights.
    make_private(file).map_err(failed(&operation))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(file, flags, busy)?;
    prepare(&mut connection).map_err(|cause| sqlite_error(&operation, &cause))?;
    Ok(connection)
}

/// Creates the file where it is missing, for its owner alone. It is closed again before SQLite
/// opens it, because closing it later would free SQLite's locks.
fn make_private(file: &Path) -> io::Result<()> {
    let created = platform::files::private_file()
        .append(true)
        .create(true)
        .open(file)?;
    platform::files::give_to_owner_of_directory(&created, file)?;
    platform::files::make_file_private(file)
}

/// Instructions of SQLite after which it is looked whether anybody waits for the answer.
const CHECK_INSTRUCTIONS: i32 = 10_000;

/// Opens a database for reading, as it is; `None` where it has no table of records.
pub fn open_reader(file: &Path, busy: Duration) -> Result<Option<ReadConnection>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(file, flags, busy)?;
    let watched = connection.progress_handler(CHECK_INSTRUCTIONS, Some(interrupt::is_unwanted));
    watched.map_err(|cause| sqlite_error(&format!("open {}", file.display()), &cause))?;
    inspect(connection).map_err(|cause| sqlite_error(&format!("read {}", file.display()), &cause))
}

fn connect(file: &Path, flags: OpenFlags, busy: Duration) -> Result<Connection> {
    let open = || -> rusqlite::Result<(Connection, usize)> {
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(busy)?;
        let version = version(&connection)?;
        Ok((connection, version))
    };
    let (connection, version) =
        open().map_err(|cause| sqlite_error(&format!("open {}", file.display()), &cause))?;
    if version > MIGRATIONS.len() {
        let known = MIGRATIONS.len();
        let text = format!(
            "a newer ollama-tap made it (version {version}, this one knows {known}); update this one"
        );
        return Err(StoreError::Failed(format!(
            "open {}: {text}",
            file.display()
        )));
    }
    Ok(connection)
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    pragma(connection, "user_version").map(|version| usize::try_from(version).unwrap_or(usize::MAX))
}

/// Reads a numeric pragma of the database.
pub fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    enable_shrinking(connection)?;
    connection.execute_batch(PRAGMAS)?;
    while migrated(connection)? {}
    add_columns(connection)
}

/// An empty file takes the setting at once; any other has to be rewritten, for which the disk may
/// be too full.
fn enable_shrinking(connection: &Connection) -> rusqlite::Result<()> {
    if shrinks(connection)? {
        return Ok(());
    }
    let is_new = pragma(connection, "page_count")? == 0;
    connection.pragma_update(None, "auto_vacuum", AUTO_VACUUM_INCREMENTAL)?;
    if is_new {
        return Ok(());
    }
    log::info!("history: carrying over a database that was made elsewhere");
    if let Err(cause) = connection.execute_batch("VACUUM") {
        log::warn!("history: the database will not shrink when records are deleted: {cause}");
    }
    Ok(())
}

/// Returns whether free pages can be given back to the disk.
pub fn shrinks(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(pragma(connection, "auto_vacuum")? == AUTO_VACUUM_INCREMENTAL)
}

/// Does the next migration, whole or not at all; returns whether there was one.
fn migrated(connection: &mut Connection) -> rusqlite::Result<bool> {
    if version(connection)? == MIGRATIONS.len() {
        return Ok(false);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = version(&transaction)?;
    let Some(next) = MIGRATIONS.get(done) else {
        return Ok(false);
    };
    transaction.execute_batch(next)?;
    transaction.pragma_update(None, "user_version", done as i64 + 1)?;
    transaction.commit()?;
    Ok(true)
}

/// Adds what is missing of `LATER_COLUMNS`, all of it or nothing.
fn add_columns(connection: &mut Connection) -> rusqlite::Result<()> {
    if missing_columns(connection)?.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (column, kind) in missing_columns(&transaction)? {
        transaction.execute_batch(&format!("ALTER TABLE {TABLE} ADD COLUMN {column} {kind}"))?;
    }
    transaction.execute_batch(SUMMARY_INDEX)?;
    transaction.execute_batch(FINDINGS_INDEX)?;
    transaction.execute_batch(SESSION_INDEX)?;
    transaction.commit()
}

fn missing_columns(connection: &Connection) -> rusqlite::Result<Vec<(&'static str, &'static str)>> {
    let there = column_names(connection)?;
    Ok(LATER_COLUMNS
        .into_iter()
        .filter(|(column, _)| !there.iter().any(|name| name == column))
        .collect())
}

fn column_names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("SELECT name FROM pragma_table_info(?1)")?
        .query_map([TABLE], |row| row.get(0))?
        .collect()
}

fn inspect(connection: Connection) -> rusqlite::Result<Option<ReadConnection>> {
    let there = column_names(&connection)?;
    let column = |field: &&str| {
        if there.iter().any(|name| name == field) {
            (*field).to_owned()
        } else {
            "NULL".to_owned()
        }
    };
    let columns = FIELDS.iter().map(column).collect();
    let indexed = version(&connection)? >= SEARCH_MIGRATIONS;
    Ok((!there.is_empty()).then_some(ReadConnection {
        connection,
        columns,
        indexed,
    }))
}
