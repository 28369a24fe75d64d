//! A record as the two entries that Loki keeps of it, and back.
//!
//! Loki inflates a line and what stands beside it together, so that numbers beside a text cost as much as the text. Therefore `facts`
//! are a short line that answers every question but those for texts, and `text` is a line with what they leave out. Both say whose
//! they are and what filters ask for; both bring the numbers as structured metadata, for whoever reads them without us.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::cut;
use crate::history::record::client_name;
use crate::history::record::{FIELDS, Record};
use crate::history::store::query::UNKNOWN_NAME;

/// The longest line of facts (bytes): a thousand of them are an answer that every Loki gives.
pub const FACTS_MAX: usize = 4096;

/// The field of a line of facts that says how long the line of text is (bytes), so that it is known how many to ask for.
const TEXT_BYTES: &str = "text_bytes";

/// What stands in both lines: filters look for it.
const NAMES: [&str; 7] = [
    "interaction_id",
    "model",
    "endpoint",
    "prompt_category",
    "status",
    "host",
    "tap",
];

/// What is no structured metadata: texts, and what Loki knows already, as the time or a label.
const NO_METADATA: [&str; 7] = [
    "timestamp",
    "prompt_preview",
    "response_preview",
    "error",
    "metadata",
    "host",
    "tap",
];

/// The longest name that is structured metadata (bytes). Loki takes 64 KB beside an entry.
const METADATA_MAX: usize = 256;

type Fields = Map<String, Value>;

/// What is pushed of a record.
pub struct Entries {
    pub text: String,
    pub facts: String,
    /// Structured metadata of both.
    pub metadata: Map<String, Value>,
}

impl Entries {
    pub fn of(record: &Record) -> Entries {
        let mut whole = record.clone();
        if cut::fit(&mut whole, cut::LINE_MAX) {
            whole.truncated = Some(true);
        }
        let mut brief = whole.clone().without_long_text();
        cut::fit(&mut brief, FACTS_MAX - TEXT_BYTES.len() - 16);
        let (whole, brief) = (fields(&whole), fields(&brief));
        let has_full_prompt = whole
            .get("prompt_full")
            .is_some_and(|prompt| !prompt.is_null());
        // A search looks at the preview where it is all that was kept.
        let is_searched = |name: &str| name == "prompt_preview" && !has_full_prompt;
        let in_text = |name: &str| {
            NAMES.contains(&name) || is_searched(name) || whole.get(name) != brief.get(name)
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
            .filter_map(|name| Some((name, brief.get(name).filter(|value| !value.is_null())?)));
        let facts = line(known.chain([(TEXT_BYTES, &bytes)]));
        Entries {
            text,
            facts,
            metadata: metadata(&brief),
        }
    }
}

/// The record of a line of facts and what the text adds to it. Where no text is found, what it would add is unknown, and the record
/// says that it is not whole. `None`: a line that is none of ours.
pub fn joined(facts: &str, text: Option<&str>) -> Option<Record> {
    let mut fields: Fields = serde_json::from_str(facts).ok()?;
    match text.and_then(|text| serde_json::from_str::<Fields>(text).ok()) {
        Some(text) => fields.extend(text),
        None => drop(fields.insert("truncated".to_owned(), true.into())),
    }
    named(serde_json::from_value(Value::Object(fields)).ok()?)
}

/// The record in a line; `None` for a line that is none of ours.
pub fn read(line: &str) -> Option<Record> {
    named(serde_json::from_str(line).ok()?)
}

/// What somebody else wrote under our label may have an id, but hardly a time.
pub fn is_ours(id: &str, timestamp: f64) -> bool {
    !id.is_empty() && timestamp > 0.0
}

fn named(record: Record) -> Option<Record> {
    Some(record).filter(|record| is_ours(&record.interaction_id, record.timestamp))
}

/// What a line of facts or text says of itself: whose it is, when that was (Unix seconds), and how long the text is.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Mark {
    pub interaction_id: String,
    pub timestamp: f64,
    pub text_bytes: usize,
}

/// `None` for a line that is none of ours.
pub fn mark(line: &str) -> Option<Mark> {
    serde_json::from_str::<Mark>(line)
        .ok()
        .filter(|mark| is_ours(&mark.interaction_id, mark.timestamp))
}

/// Whose a line of text is.
pub fn id(line: &str) -> Option<String> {
    Some(serde_json::from_str::<Mark>(line).ok()?.interaction_id)
}

fn fields(record: &Record) -> Fields {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        _ => Fields::new(), // a record has no map with keys that are no text, which alone would fail
    }
}

/// An object in the order of its fields: a line begins with the id, so that lines of one moment are in the order of their records.
fn line<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let fields: Vec<String> = fields
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// Names and numbers, as texts, which is all that Loki takes.
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
    use super::*;
    use crate::history::store::suite;

    fn back(record: &Record) -> Record {
        let Entries { text, facts, .. } = Entries::of(record);
        assert!(
            facts.len() <= FACTS_MAX && text.len() <= cut::LINE_MAX,
            "{} {}",
            facts.len(),
            text.len()
        );
        let mark = mark(&facts).unwrap();
        assert_eq!(
            (mark.interaction_id.as_str(), mark.text_bytes),
            (record.interaction_id.as_str(), text.len())
        );
        joined(&facts, Some(&text)).unwrap()
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
        for record in [suite::record(1), bare, preview, unpreviewed, chatty] {
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
        let Entries { facts, text, .. } = Entries::of(&record);
        assert_eq!(read(&facts), Some(record.clone().without_long_text()));
        assert!(!facts.contains("secret") && text.contains(&long));
        assert!(
            facts.starts_with(r#"{"interaction_id":"0000000000000001","#)
                && text.starts_with(r#"{"interaction_id":"0000000000000001","#)
        );
    }

    #[test]
    fn facts_without_their_text_say_that_they_are_not_whole() {
        let Entries { facts, .. } = Entries::of(&suite::record(1));
        let alone = joined(&facts, None).unwrap();
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
                joined(foreign, None).is_none()
                    && read(foreign).is_none()
                    && mark(foreign).is_none(),
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
        let metadata = Entries::of(&long_name).metadata;
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
        assert!(metadata.len() < 30);
    }
}
