//! A record as a row, and back. Rows that others wrote may hold anything in any column: a value of
//! the wrong kind is unknown.
//!
//! Every field has the column of its name, so `record_fields!` is all that the SQL is made of.

use std::borrow::Cow;

use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, Statement, params};
use serde_json::Value;

use super::schema::ReadConnection;
use crate::diagnose::Finding;
use crate::history::record::{
    ContextCut, FIELDS, Record, RecordSummary, SecondsSpent, client_ip, record_fields, short_digest,
};
use crate::observe::conversation::KeptMessage;
use crate::observe::exchange::ToolCall;
use crate::observe::model_name::normalize_cow;
use crate::observe::request::parameters::RequestParameters;

/// Returns the columns of a record without its long texts; a prompt is read only to make the
/// preview that it lacks.
pub fn brief(reader: &ReadConnection) -> Vec<String> {
    let column = |field: &str| match field {
        "prompt_full" => {
            let (full, preview) = (
                reader.column("prompt_full"),
                reader.column("prompt_preview"),
            );
            format!("CASE WHEN {preview} IS NULL THEN {full} END")
        }
        "response_full" | "thinking_full" | "tool_calls" | "system" | "messages" => {
            "NULL".to_owned()
        }
        _ => reader.column(field).to_owned(),
    };
    FIELDS.map(column).into()
}

/// Returns the SQL that writes a record; one whose id is there already is the same, of an attempt
/// of which we did not learn how it ended.
pub fn insertion() -> String {
    let places = vec!["?"; FIELDS.len()].join(", ");
    let fields = FIELDS.join(", ");
    format!(
        "INSERT INTO interactions ({fields}) VALUES ({places}) ON CONFLICT (interaction_id) DO NOTHING"
    )
}

macro_rules! insert_and_read {
    ($($field:ident)*) => {
        /// Executes `insertion`.
        pub fn insert(insertion: &mut Statement, record: &Record) -> rusqlite::Result<usize> {
            insertion.execute(params![$(record.$field.write()),*])
        }

        /// Reads the record of a row whose columns are `FIELDS`.
        pub fn record(row: &Row) -> rusqlite::Result<Record> {
            let mut cells = Cells { row, next: 0 };
            Ok(Record { $($field: Cell::read(cells.next()?).unwrap_or_default()),* })
        }
    };
}
record_fields!(insert_and_read);

/// Writes the messages of a record anew.
pub fn update_messages(
    connection: &Connection,
    row: i64,
    record: &Record,
) -> rusqlite::Result<usize> {
    let sql = "UPDATE interactions SET messages = ?1 WHERE rowid = ?2";
    connection.execute(sql, params![record.messages.write(), row])
}

macro_rules! summary_columns {
    ($($field:ident from $column:literal by $read:expr,)*) => {
        /// The columns that `summary` reads.
        pub const SUMMARY_COLUMNS: [&str; [$($column),*].len()] = [$($column),*];

        /// Reads the summary of a row whose columns are `SUMMARY_COLUMNS`.
        pub fn summary<'a>(row: &'a Row) -> rusqlite::Result<RecordSummary<'a>> {
            let mut cells = Cells { row, next: 0 };
            Ok(RecordSummary { $($field: $read(cells.next()?)),* })
        }
    };
}
summary_columns! {
    interaction_id from "interaction_id" by |cell| text(cell).unwrap_or_default(),
    timestamp from "timestamp" by |cell| f64::read(cell).unwrap_or_default(),
    model from "model" by |cell| text(cell).map(normalize_cow),
    endpoint from "endpoint" by |cell| text(cell).unwrap_or_default(),
    prompt_category from "prompt_category" by |cell| text(cell).unwrap_or_default(),
    status from "status" by |cell| text(cell).unwrap_or_default(),
    prompt_tokens from "prompt_tokens" by u64::read,
    generated_tokens from "generated_tokens" by u64::read,
    tokens_per_second from "tokens_per_second" by f64::read,
    duration_seconds from "duration_seconds" by f64::read,
    time_to_first_token_seconds from "time_to_first_token_seconds" by f64::read,
    load_duration_seconds from "load_duration_seconds" by f64::read,
    prompt_eval_duration_seconds from "prompt_eval_duration_seconds" by f64::read,
    eval_duration_seconds from "eval_duration_seconds" by f64::read,
    time_spent from "time_spent" by SecondsSpent::read,
    reload_cause from "reload_cause" by text,
    error from "error" by text,
    client from "client" by text,
    client_ip from "metadata" by |cell| text(cell).and_then(ip),
    prompt_cached_tokens from "prompt_cached_tokens" by u64::read,
    host from "host" by text,
    tap from "tap" by u16::read,
    vram_share from "vram_share" by f64::read,
    ollama_version from "ollama_version" by text,
    digest from "digest" by |cell| text(cell).map(short_digest),
    quantization from "quantization" by text,
}

/// Returns the client's address in `metadata`.
fn ip(metadata: Cow<str>) -> Option<Cow<str>> {
    match metadata {
        Cow::Borrowed(text) => client_ip(text),
        Cow::Owned(text) => client_ip(&text).map(|ip| Cow::Owned(ip.into_owned())),
    }
}

/// The text in a cell, whatever it holds.
pub fn text(cell: ValueRef) -> Option<Cow<str>> {
    match cell {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into()),
        ValueRef::Real(number) => Some(number.to_string().into()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes)),
    }
}

/// The number in a cell, if it holds one.
pub fn number(cell: ValueRef) -> Option<f64> {
    f64::read(cell)
}

/// The findings in a cell.
pub fn findings(cell: ValueRef) -> rusqlite::Result<Vec<Finding>> {
    Ok(Cell::read(cell).unwrap_or_default())
}

/// The messages in a cell.
pub fn messages(cell: ValueRef) -> Vec<KeptMessage> {
    Cell::read(cell).unwrap_or_default()
}

/// The cells of a row, one after the other.
struct Cells<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Cells<'a> {
    fn next(&mut self) -> rusqlite::Result<ValueRef<'a>> {
        self.next += 1;
        self.row.get_ref(self.next - 1)
    }
}

/// A value of a record as a cell of its column, and back.
trait Cell: Sized {
    fn write(&self) -> ToSqlOutput<'_>;

    /// Returns `None` where the cell holds no such value.
    fn read(cell: ValueRef) -> Option<Self>;
}

impl<T: Cell> Cell for Option<T> {
    fn write(&self) -> ToSqlOutput<'_> {
        self.as_ref().map_or(Null.into(), T::write)
    }

    fn read(cell: ValueRef) -> Option<Self> {
        Some(T::read(cell))
    }
}

impl Cell for String {
    fn write(&self) -> ToSqlOutput<'_> {
        self.as_str().into()
    }

    fn read(cell: ValueRef) -> Option<Self> {
        text(cell).map(Cow::into_owned)
    }
}

impl Cell for f64 {
    fn write(&self) -> ToSqlOutput<'_> {
        (*self).into()
    }

    fn read(cell: ValueRef) -> Option<Self> {
        match cell {
            ValueRef::Integer(number) => Some(number as f64),
            ValueRef::Real(number) => Some(number),
            ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
        }
    }
}

/// SQLite counts to 2^63 - 1.
impl Cell for u64 {
    fn write(&self) -> ToSqlOutput<'_> {
        i64::try_from(*self).unwrap_or(i64::MAX).into()
    }

    fn read(cell: ValueRef) -> Option<Self> {
        match cell {
            ValueRef::Integer(number) => u64::try_from(number).ok(),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => None,
        }
    }
}

impl Cell for u16 {
    fn write(&self) -> ToSqlOutput<'_> {
        (*self).into()
    }

    fn read(cell: ValueRef) -> Option<Self> {
        u64::read(cell).and_then(|number| u16::try_from(number).ok())
    }
}

impl Cell for bool {
    fn write(&self) -> ToSqlOutput<'_> {
        (*self).into()
    }

    fn read(cell: ValueRef) -> Option<Self> {
        u64::read(cell).map(|number| number != 0)
    }
}

/// Text that is not JSON is kept as a string.
impl Cell for Value {
    fn write(&self) -> ToSqlOutput<'_> {
        if self.is_null() {
            Null.into()
        } else {
            self.to_string().into()
        }
    }

    fn read(cell: ValueRef) -> Option<Self> {
        let text = text(cell)?;
        Some(serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned())))
    }
}

/// Values that are kept as JSON.
macro_rules! json_cells {
    ($($type:ty),*) => {
        $(impl Cell for $type {
            fn write(&self) -> ToSqlOutput<'_> {
                serde_json::to_string(self).map_or(Null.into(), Into::into)
            }

            fn read(cell: ValueRef) -> Option<Self> {
                serde_json::from_str(&text(cell)?).ok()
            }
        })*
    };
}
json_cells!(
    Vec<ToolCall>,
    Vec<KeptMessage>,
    ContextCut,
    SecondsSpent,
    RequestParameters
);

/// Most records have none, which takes no room.
impl Cell for Vec<Finding> {
    fn write(&self) -> ToSqlOutput<'_> {
        if self.is_empty() {
            return Null.into();
        }
        serde_json::to_string(self).map_or(Null.into(), Into::into)
    }

    fn read(cell: ValueRef) -> Option<Self> {
        serde_json::from_str(&text(cell)?).ok()
    }
}
