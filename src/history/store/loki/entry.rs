//! Conversion of a record into the two entries that Loki stores of it, and back.
//!
//! Loki decompresses a line together with its structured metadata, so that numbers beside a text
//! cost as much as the text. Therefore `facts` is a short line that answers every question except
//! those about texts, and `text` is a line with the rest. Both have the record's id and the fields
//! that filters need; both bring the numbers as structured metadata, for people who read them
//! without this program.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::truncate;
use crate::history::record::client_name;
use crate::history::record::{FIELDS, Record};
use crate::history::store::query::UNKNOWN_NAME;

/// The longest line of facts (bytes): a thousand of them are a response that every Loki gives.
pub const FACTS_MAX: usize = 4096;

/// The field of a line of facts with the length of the line of text (bytes), so that it is known
/// how many texts to ask for.
const TEXT_BYTES: &str = "text_bytes";

/// Fields of both lines, which filters look for.
const NAMES: [&str; 7] = [
    "interaction_id",
    "model",
    "endpoint",
    "prompt_category",
    "status",
    "host",
    "tap",
];

/// Fields that are not structured metadata: texts, and those that Loki has as the time or a label.
const NO_METADATA: [&str; 7] = [
    "timestamp",
    "prompt_preview",
    "response_preview",
    "error",
    "metadata",
    "host",
    "tap",
];

/// The longest value of structured metadata (bytes). Loki takes 64 KB beside an entry.
const METADATA_MAX: usize = 256;

type Fields = Map<String, Value>;

/// The entries of a record.
pub struct RecordEntries {
    pub text: String,
    pub facts: String,
    /// Structured metadata of both.
    pub metadata: Map<String, Value>,
}

impl RecordEntries {
    pub fn new(record: &Record) -> RecordEntries {
        let mut whole = record.clone();
        if truncate::truncate(&mut whole, truncate::LINE_MAX) {
            whole.truncated = Some(true);
        }
        let mut summary = whole.clone().without_long_text();
        truncate::truncate(&mut summary, FACTS_MAX - TEXT_BYTES.len() - 16);
        let (whole, summary) = (fields(&whole), fields(&summary));
        let has_full_prompt = whole
            .get("prompt_full")
            .is_some_and(|prompt| !prompt.is_null());
        // A search looks at the preview if the whole prompt was not stored.
        let is_searched = |name: &str| name == "prompt_preview" && !has_full_prompt;
        let in_text = |name: &str| {
            NAMES.contains(&name) || is_searched(name) || whole.get(name) != summary.get(name)
        };
        let text = line(
            FIELDS
                .into_iter()
                .filter(|name| in_text(name))
                .filter_map(|name| Some((name, whole.get(name)?))),
        );
        let bytes = Value::from(text.len());
        let known = FIELDS
            .into_iter()
            .filter_map(|name| Some((name, summary.get(name).filter(|value| is_known(value))?)));
        let facts = line(known.chain([(TEXT_BYTES, &bytes)]));
        RecordEntries {
            text,
            facts,
            metadata: metadata(&summary),
        }
    }
}

/// Joins a line of facts with its text to the record. Without the text, the record says that it is
/// truncated. Returns `None` for a line that is not one of ours.
pub fn join(facts: &str, text: Option<&str>) -> Option<Record> {
    let mut fields: Fields = serde_json::from_str(facts).ok()?;
    match text.and_then(|text| serde_json::from_str::<Fields>(text).ok()) {
        Some(text) => fields.extend(text),
        None => drop(fields.insert("truncated".to_owned(), true.into())),
    }
    if_ours(Record::of_fields(&fields)?)
}

/// Parses the record in a line; `None` for a line that is not one of ours.
pub fn parse(line: &str) -> Option<Record> {
    if_ours(serde_json::from_slice(line.as_bytes()).ok()?)
}

/// Returns whether a line is a record of ours. Another program that writes under our label may have
/// an id, but hardly a time.
pub fn is_ours(id: &str, timestamp: f64) -> bool {
    !id.is_empty() && timestamp > 0.0
}

fn if_ours(record: Record) -> Option<Record> {
    Some(record).filter(|record| is_ours(&record.interaction_id, record.timestamp))
}

/// The fields of a line that identify its record, its time (Unix seconds), and the length of its
/// text.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct EntryKey {
    pub interaction_id: String,
    pub timestamp: f64,
    pub text_bytes: usize,
}

/// Parses the key of a line; `None` for a line that is not one of ours.
pub fn key(line: &str) -> Option<EntryKey> {
    serde_json::from_str::<EntryKey>(line)
        .ok()
        .filter(|key| is_ours(&key.interaction_id, key.timestamp))
}

/// Parses the id of the record that a line of text belongs to.
pub fn id(line: &str) -> Option<String> {
    Some(serde_json::from_str::<EntryKey>(line).ok()?.interaction_id)
}

fn is_known(value: &Value) -> bool {
    !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
}

fn fields(record: &Record) -> Fields {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        _ => Fields::new(), // only maps with keys that are not text would fail
    }
}

/// Writes an object in the order of its fields: a line begins with the id, so that lines of one
/// moment are in the order of their records.
fn line<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let fields: Vec<String> = fields
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// Returns names and numbers as texts, since Loki takes nothing else.
fn metadata(facts: &Fields) -> Map<String, Value> {
    let mut metadata = Map::new();
    let mut add = |name: &str, text: &str| {
        if !text.is_empty() && text.len() <= METADATA_MAX {
            metadata.insert(name.to_owned(), text.into());
        }
    };
    for (name, value) in facts
        .iter()
        .filter(|(name, _)| !NO_METADATA.contains(&name.as_str()))
    {
        match value {
            Value::String(text) => add(name, text),
            Value::Number(_) | Value::Bool(_) => add(name, &value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
    }
    let of_client = facts.get("metadata").cloned().unwrap_or_default();
    add(
        "client_ip",
        of_client["client_ip"].as_str().unwrap_or_default(),
    );
    add(
        "client",
        &client_name::from_metadata(&of_client.to_string()).unwrap_or(UNKNOWN_NAME.into()),
    );
    metadata
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::history::store::suite;

    fn back(record: &Record) -> Record {
        let RecordEntries { text, facts, .. } = RecordEntries::new(record);
        assert!(
            facts.len() <= FACTS_MAX && text.len() <= truncate::LINE_MAX,
            "{} {}",
            facts.len(),
            text.len()
        );
        let key = key(&facts).unwrap();
        assert_eq!(
            (key.interaction_id.as_str(), key.text_bytes),
            (record.interaction_id.as_str(), text.len())
        );
        join(&facts, Some(&text)).unwrap()
    }

    #[test]
    fn both_lines_together_are_the_record() {
        let bare = Record {
            interaction_id: "a".to_owned(),
            timestamp: 1.5,
            ..Record::default()
        };
        let preview = Record {
            prompt_full: None,
            response_full: None,
            ..suite::record(2)
        };
        let unpreviewed = Record {
            prompt_preview: None,
            ..suite::record(3)
        };
        let chatty = Record {
            error: Some("x\u{1}".repeat(9000)),
            ..suite::record(9)
        };
        let with_parameters = |parameters: Value| Record {
            parameters: parameters.as_object().cloned(),
            ..suite::record(4)
        };
        let tooled = with_parameters(json!({"tools": vec!["t".repeat(64); 128]}));
        let numbers = (0..100).map(|n| (format!("parameter_{n}"), f64::MIN_POSITIVE));
        let crowded = with_parameters(numbers.collect());
        for record in [
            suite::record(1),
            bare,
            preview,
            unpreviewed,
            chatty,
            tooled,
            crowded,
        ] {
            assert_eq!(back(&record), record);
        }
    }

    #[test]
    fn facts_answer_lists_without_any_text() {
        let long = "secret ".repeat(10_000);
        let record = Record {
            prompt_full: Some(long.clone()),
            response_full: Some(long.clone()),
            ..suite::record(1)
        };
        let RecordEntries { facts, text, .. } = RecordEntries::new(&record);
        assert_eq!(parse(&facts), Some(record.clone().without_long_text()));
        assert!(!facts.contains("secret") && text.contains(&long));
        assert!(
            facts.starts_with(r#"{"interaction_id":"0000000000000001","#)
                && text.starts_with(r#"{"interaction_id":"0000000000000001","#)
        );
    }

    #[test]
    fn facts_without_their_text_say_that_they_are_not_whole() {
        let RecordEntries { facts, .. } = RecordEntries::new(&suite::record(1));
        let alone = join(&facts, None).unwrap();
        assert_eq!(
            (alone.truncated, alone.prompt_full, alone.generated_tokens),
            (Some(true), None, Some(33))
        );
        for foreign in [
            "plain text",
            "{}",
            "[]",
            r#"{"msg":"x"}"#,
            r#"{"interaction_id":"a"}"#,
            "",
        ] {
            assert!(
                join(foreign, None).is_none() && parse(foreign).is_none() && key(foreign).is_none(),
                "{foreign}"
            );
        }
    }

    #[test]
    fn metadata_is_names_and_numbers() {
        let long_name = Record {
            done_reason: Some("x".repeat(300)),
            model: Some(String::new()),
            ..suite::record(1)
        };
        let metadata = RecordEntries::new(&long_name).metadata;
        let expected = [
            ("client", "curl/8.5"),
            ("generated_tokens", "33"),
            ("tokens_per_second", "41.7"),
            ("stream", "true"),
        ];
        assert!(
            expected
                .iter()
                .all(|(name, value)| metadata[*name] == *value),
            "{metadata:?}"
        );
        for absent in [
            "model",
            "done_reason",
            "prompt_preview",
            "error",
            "host",
            "timestamp",
            "prompt_full",
        ] {
            assert!(!metadata.contains_key(absent), "{absent}");
        }
        assert!(metadata.len() < 40);
    }
}
