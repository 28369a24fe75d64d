//! A record as a row, and back. Rows that others wrote may hold anything in any column: what cannot be meant is unknown.

use std::borrow::Cow;

use rusqlite::types::ValueRef;
use rusqlite::{Row, Statement, params};
use serde_json::Value;

use super::schema::Reader;
use crate::history::record::client_name;
use crate::history::record::{FIELDS, Record, RecordSummary};
use crate::observe::model_name::normalize_cow;

/// The fields that `summary` reads, in its order.
pub const SUMMARY_COLUMNS: [&str; 14] = [
    "timestamp",
    "model",
    "endpoint",
    "prompt_category",
    "status",
    "prompt_tokens",
    "generated_tokens",
    "tokens_per_second",
    "duration_seconds",
    "time_to_first_token_seconds",
    "metadata",
    "prompt_cached_tokens",
    "host",
    "tap",
];

/// The columns of a record without its long texts; a prompt is read only to make the preview that it lacks.
pub fn brief(reader: &Reader) -> Vec<String> {
    let column = |field: &str| match field {
        "prompt_full" => {
            let (full, preview) = (
                reader.column("prompt_full"),
                reader.column("prompt_preview"),
            );
            format!("CASE WHEN {preview} IS NULL THEN {full} END")
        }
        "response_full" | "thinking_full" | "tool_calls" => "NULL".to_owned(),
        _ => reader.column(field).to_owned(),
    };
    FIELDS.map(column).into()
}

/// Writes a record; one whose id is there already is the same, of an attempt of which we did not learn how it ended.
pub fn insertion() -> String {
    let places = vec!["?"; FIELDS.len()].join(", ");
    format!(
        "INSERT INTO interactions ({}) VALUES ({places}) ON CONFLICT (interaction_id) DO NOTHING",
        FIELDS.join(", ")
    )
}

/// Executes `insertion`.
pub fn insert(insertion: &mut Statement, record: &Record) -> rusqlite::Result<usize> {
    let metadata = Some(&record.metadata)
        .filter(|metadata| !metadata.is_null())
        .map(Value::to_string);
    let tool_calls = record
        .tool_calls
        .as_ref()
        .and_then(|calls| serde_json::to_string(calls).ok());
    insertion.execute(params![
        record.interaction_id,
        record.timestamp,
        record.model,
        record.endpoint,
        record.prompt_category,
        record.prompt_full,
        record.prompt_preview,
        count(record.prompt_tokens),
        count(record.generated_tokens),
        record.tokens_per_second,
        record.duration_seconds,
        record.eval_duration_seconds,
        record.load_duration_seconds,
        record.status,
        record.error,
        metadata,
        record.response_full,
        record.response_preview,
        record.thinking_full,
        tool_calls,
        record.prompt_eval_duration_seconds,
        record.total_duration_seconds,
        record.time_to_first_token_seconds,
        record.http_status,
        record.stream,
        record.done_reason,
        record.tokens_estimated,
        count(record.request_bytes),
        count(record.response_bytes),
        record.truncated,
        record.host,
        record.tap,
        count(record.prompt_cached_tokens),
    ])
}

/// The record of a row whose columns are `FIELDS`.
pub fn record(row: &Row) -> rusqlite::Result<Record> {
    let mut cells = Cells { row, next: 0 };
    Ok(Record {
        interaction_id: cells.owned()?.unwrap_or_default(),
        timestamp: cells.number()?.unwrap_or_default(),
        model: cells.owned()?,
        endpoint: cells.owned()?.unwrap_or_default(),
        prompt_category: cells.owned()?.unwrap_or_default(),
        prompt_full: cells.owned()?,
        prompt_preview: cells.owned()?,
        prompt_tokens: cells.count()?,
        generated_tokens: cells.count()?,
        tokens_per_second: cells.number()?,
        duration_seconds: cells.number()?,
        eval_duration_seconds: cells.number()?,
        load_duration_seconds: cells.number()?,
        status: cells.owned()?.unwrap_or_default(),
        error: cells.owned()?,
        metadata: cells.text()?.map_or(Value::Null, |text| any_json(&text)),
        response_full: cells.owned()?,
        response_preview: cells.owned()?,
        thinking_full: cells.owned()?,
        tool_calls: cells
            .text()?
            .and_then(|text| serde_json::from_str(&text).ok()),
        prompt_eval_duration_seconds: cells.number()?,
        total_duration_seconds: cells.number()?,
        time_to_first_token_seconds: cells.number()?,
        http_status: cells.small()?,
        stream: cells.flag()?,
        done_reason: cells.owned()?,
        tokens_estimated: cells.flag()?,
        request_bytes: cells.count()?,
        response_bytes: cells.count()?,
        truncated: cells.flag()?,
        host: cells.owned()?,
        tap: cells.small()?,
        prompt_cached_tokens: cells.count()?,
    })
}

/// The summary of a row whose columns are `SUMMARY_COLUMNS`.
pub fn summary<'a>(row: &'a Row) -> rusqlite::Result<RecordSummary<'a>> {
    let mut cells = Cells { row, next: 0 };
    Ok(RecordSummary {
        timestamp: cells.number()?.unwrap_or_default(),
        model: cells.text()?.map(normalize_cow),
        endpoint: cells.text()?.unwrap_or_default(),
        prompt_category: cells.text()?.unwrap_or_default(),
        status: cells.text()?.unwrap_or_default(),
        prompt_tokens: cells.count()?,
        generated_tokens: cells.count()?,
        tokens_per_second: cells.number()?,
        duration_seconds: cells.number()?,
        time_to_first_token_seconds: cells.number()?,
        client: cells.text()?.and_then(client),
        prompt_cached_tokens: cells.count()?,
        host: cells.text()?,
        tap: cells.small()?,
    })
}

/// Who asked, as `metadata` says it.
fn client(metadata: Cow<str>) -> Option<Cow<str>> {
    match metadata {
        Cow::Borrowed(text) => client_name::from_metadata(text),
        Cow::Owned(text) => {
            client_name::from_metadata(&text).map(|name| Cow::Owned(name.into_owned()))
        }
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

/// SQLite counts to 2^63 - 1.
fn count(number: Option<u64>) -> Option<i64> {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX))
}

/// What is no JSON is kept as the text that it is.
fn any_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// The cells of a row, one after the other.
struct Cells<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Cells<'a> {
    fn cell(&mut self) -> rusqlite::Result<ValueRef<'a>> {
        self.next += 1;
        self.row.get_ref(self.next - 1)
    }

    fn text(&mut self) -> rusqlite::Result<Option<Cow<'a, str>>> {
        self.cell().map(text)
    }

    fn owned(&mut self) -> rusqlite::Result<Option<String>> {
        Ok(self.text()?.map(Cow::into_owned))
    }

    fn number(&mut self) -> rusqlite::Result<Option<f64>> {
        Ok(match self.cell()? {
            ValueRef::Integer(number) => Some(number as f64),
            ValueRef::Real(number) => Some(number),
            ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
        })
    }

    fn count(&mut self) -> rusqlite::Result<Option<u64>> {
        Ok(match self.cell()? {
            ValueRef::Integer(number) => u64::try_from(number).ok(),
            _ => None,
        })
    }

    fn small(&mut self) -> rusqlite::Result<Option<u16>> {
        Ok(self.count()?.and_then(|number| u16::try_from(number).ok()))
    }

    fn flag(&mut self) -> rusqlite::Result<Option<bool>> {
        Ok(self.count()?.map(|number| number != 0))
    }
}
