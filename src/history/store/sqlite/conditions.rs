//! The part of a query that SQL can express, and a row's position in the order of the lists.
//!
//! A model may be there under several spellings, which an index lists at once: older taps wrote
//! names as they were sent.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row};

use super::super::Query;
use super::super::query::{FindingFilter, UNKNOWN_NAME};
use super::columns;
use super::schema::ReadConnection;
use crate::observe::model_name::normalize;

/// The most names of models that are compared to find the spellings of one, and the most spellings
/// in one query.
const MODEL_NAMES_MAX: usize = 10_000;
const SPELLINGS_MAX: usize = 1000;

/// Returns the position of the record with this id.
pub fn key(connection: &Connection, id: &str) -> rusqlite::Result<Option<RowPosition>> {
    let sql = "SELECT timestamp, interaction_id FROM interactions WHERE interaction_id = ?1";
    connection.query_row(sql, [id], RowPosition::of).optional()
}

/// The position of a row, as SQLite has it: the time in a foreign table may be any value.
pub struct RowPosition {
    pub timestamp: Value,
    pub id: Value,
}

impl RowPosition {
    pub fn of(row: &Row) -> rusqlite::Result<RowPosition> {
        Ok(RowPosition {
            timestamp: row.get(0)?,
            id: row.get(1)?,
        })
    }
}

/// Returns the names in the table that are spellings of `model`; `None` where there are too many
/// names to compare.
fn spellings(connection: &Connection, model: &str) -> rusqlite::Result<Option<Vec<Value>>> {
    // One look into the index for each name, however many rows have it.
    let mut names = connection.prepare(
        "WITH RECURSIVE names (name) AS (
             SELECT min(model) FROM interactions
             UNION ALL
             SELECT (SELECT min(model) FROM interactions WHERE model > name) FROM names WHERE name IS NOT NULL
         ) SELECT name FROM names WHERE name IS NOT NULL LIMIT ?1",
    )?;
    let mut rows = names.query([MODEL_NAMES_MAX as i64 + 1])?;
    let (mut seen, mut found) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        seen += 1;
        if columns::text(row.get_ref(0)?).is_some_and(|name| normalize(&name) == model) {
            found.push(row.get(0)?);
        }
    }
    Ok((seen <= MODEL_NAMES_MAX && found.len() <= SPELLINGS_MAX).then_some(found))
}

/// The part of a query that SQL can express.
#[derive(Clone)]
pub struct SqlConditions {
    pub sql: String,
    pub values: Vec<Value>,
}

impl Default for SqlConditions {
    fn default() -> SqlConditions {
        SqlConditions {
            sql: "WHERE TRUE".to_owned(),
            values: Vec::new(),
        }
    }
}

impl SqlConditions {
    /// Makes the conditions of all but the text, `before` and `limit`.
    pub fn of(reader: &ReadConnection, query: &Query) -> rusqlite::Result<SqlConditions> {
        let mut conditions = SqlConditions::default();
        conditions.and_times(query);
        if let Some(finding) = query.finding {
            conditions.and_finding(reader.column("findings"), finding);
        }
        // A column with a sign is not looked up in an index of its own: few records have findings.
        let sign = query.finding.map_or("", |_| "+");
        if let Some(model) = &query.model {
            conditions.and_model(sign, model, spellings(&reader.connection, model)?);
        }
        let category = format!("{sign}prompt_category = ?");
        conditions.and(&category, query.prompt_category.clone());
        conditions.and("status = ?", query.status.clone());
        conditions.and("endpoint = ?", query.endpoint.clone());
        conditions.and("coalesce(host, 'unknown') = ?", query.host.clone());
        conditions.and("tap = ?", query.tap);
        conditions.and("session_id = ?", query.session.clone());
        // A text is greater than every number, which is decided later.
        conditions.and("duration_seconds >= ?", query.min_duration);
        conditions.and("duration_seconds <= ?", query.max_duration);
        let tokens = query
            .min_tokens
            .map(|min| i64::try_from(min).unwrap_or(i64::MAX));
        conditions.and("generated_tokens >= ?", tokens);
        if let Some(client) = &query.client {
            conditions.and("coalesce(client, 'unknown') = ?", client.name.clone());
            // Of a foreign table it may be anything.
            let ip = "iif(json_valid(metadata), metadata ->> '$.client_ip', NULL) = ?";
            conditions.and(ip, client.ip.clone());
        }
        Ok(conditions)
    }

    /// Narrows by the text of the findings, whose index has them; the query decides.
    fn and_finding(&mut self, column: &str, finding: FindingFilter) {
        self.sql += &format!(" AND {column} IS NOT NULL");
        let certainty = if finding.only_sure {
            "\"certainty\":\"sure\""
        } else {
            ""
        };
        let kind = finding
            .kind
            .map(|kind| format!("\"kind\":\"{}\"", kind.as_str()));
        let needles = [kind.as_deref().unwrap_or_default(), certainty];
        for needle in needles.into_iter().filter(|needle| !needle.is_empty()) {
            let contains = format!("instr({column}, ?) > 0");
            self.and(&contains, Some(needle.to_owned()));
        }
    }

    /// One spelling, as most models have it, keeps the index's order.
    fn and_model(&mut self, sign: &str, model: &str, spellings: Option<Vec<Value>>) {
        let Some(spellings) = spellings else { return };
        let places = vec!["?"; spellings.len()].join(", ");
        let or_none = if model == UNKNOWN_NAME {
            " OR model IS NULL"
        } else {
            ""
        };
        self.sql += &format!(" AND ({sign}model IN ({places}){or_none})");
        self.values.extend(spellings);
    }

    pub fn and_times(&mut self, query: &Query) {
        self.and("timestamp >= ?", query.start_time);
        self.and("timestamp <= ?", query.end_time);
    }

    pub fn and_key(&mut self, relation: &str, key: Option<&RowPosition>) {
        if let Some(key) = key {
            self.sql += &format!(" AND (timestamp, interaction_id) {relation} (?, ?)");
            self.values.extend([key.timestamp.clone(), key.id.clone()]);
        }
    }

    pub fn and(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.sql += &format!(" AND {condition}");
            self.values.push(value.into());
        }
    }
}
