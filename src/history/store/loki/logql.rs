//! What a `Query` becomes in LogQL. It may find too much, never too little: `Query::matches` decides what is meant.
//!
//! Filters look for pieces of a line as `entry` writes it, which is the cheapest thing that Loki can do, and needs neither labels nor
//! structured metadata. Every text of a user's goes through `quoted`, so that none can end the string that it stands in.

use std::fmt::Write;

use super::push::{JOB, Part};
use super::quoting::{escaped, quoted};
use super::search;
use crate::history::store::query::{Needle, Query, UNKNOWN_NAME};

/// The longest piece of a filter that Loki is asked for (bytes); an address has no room for more.
const PIECE_MAX: usize = 256;

/// What version 0.1.0 wrote: whole records, in streams without a part.
const OLD: &str = "";

/// Fields that are read of old records where texts are not needed: those that are text, then numbers and the like.
const OLD_TEXTS: [&str; 9] = [
    "interaction_id",
    "model",
    "endpoint",
    "prompt_category",
    "prompt_preview",
    "response_preview",
    "status",
    "error",
    "done_reason",
];
const OLD_VALUES: [&str; 17] = [
    "timestamp",
    "prompt_tokens",
    "generated_tokens",
    "tokens_per_second",
    "duration_seconds",
    "eval_duration_seconds",
    "load_duration_seconds",
    "metadata",
    "prompt_eval_duration_seconds",
    "total_duration_seconds",
    "time_to_first_token_seconds",
    "http_status",
    "stream",
    "tokens_estimated",
    "request_bytes",
    "response_bytes",
    "truncated",
];

/// What the labels of these fields begin with: the streams of old records have labels of the same names.
const OLD_LABEL: &str = "field_";

/// Every stream of ours.
pub fn all() -> String {
    format!("{{job={}}}", quoted(JOB))
}

/// The streams of one part; of both, `late` ones among them.
pub fn part(part: Part) -> String {
    selector(part.as_str())
}

/// The streams of version 0.1.0.
pub fn old() -> String {
    selector(OLD)
}

/// The facts that may be meant, the text aside.
pub fn facts(query: &Query) -> String {
    part(Part::Facts) + &filters(query) + " | keep job"
}

/// The texts that may be meant.
pub fn texts(query: &Query) -> String {
    part(Part::Text) + &filters(query) + &search::filter(query) + " | keep job"
}

/// The ids of the texts that may be meant, and nothing of the texts.
pub fn ids(query: &Query) -> String {
    let found = part(Part::Text) + &filters(query) + &search::filter(query);
    format!(
        "{found} | json id=\"interaction_id\"{} | line_format \"{{{{.id}}}}\" | keep job",
        search::test(query)
    )
}

/// The lines of a part that hold one of these ids.
pub fn with_ids(of: Part, ids: &[String]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| escaped(&json(id))).collect();
    format!(
        "{} |~ {} | keep job",
        part(of),
        quoted(&format!("\"interaction_id\":(?:{})", ids.join("|")))
    )
}

/// The old records that hold this id as a value.
pub fn old_with_id(id: &str) -> String {
    format!("{} |= {} | keep job", old(), quoted(&json(id)))
}

/// The old records that may be meant.
pub fn old_records(query: &Query) -> String {
    old() + &filters(query) + &search::filter(query) + " | keep job"
}

/// The same without their texts: `old_facts` makes a line of the labels.
pub fn old_without_texts(query: &Query) -> String {
    let names = || OLD_TEXTS.into_iter().chain(OLD_VALUES);
    let extracted: Vec<String> = names()
        .map(|name| format!("{OLD_LABEL}{name}=\"{name}\""))
        .collect();
    let kept: Vec<String> = names().map(|name| format!("{OLD_LABEL}{name}")).collect();
    format!(
        "{}{} | json {} | line_format \"\" | keep {}",
        old(),
        filters(query),
        extracted.join(", "),
        kept.join(", ")
    )
}

/// An old record without texts, as `entry` writes facts, of the labels that `old_without_texts` leaves.
pub fn old_facts<'a>(label: impl Fn(&str) -> Option<&'a str>) -> String {
    let found = |name: &str| label(&format!("{OLD_LABEL}{name}")).filter(|value| !value.is_empty());
    let text = |name: &str| Some(format!("\"{name}\":{}", json(found(name)?)));
    let is_json = |value: &&str| serde_json::from_str::<serde_json::Value>(value).is_ok();
    let value = |name: &str| Some(format!("\"{name}\":{}", found(name).filter(is_json)?));
    let fields: Vec<String> = OLD_TEXTS
        .into_iter()
        .filter_map(text)
        .chain(OLD_VALUES.into_iter().filter_map(value))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// How many lines a selector finds in the seconds before a moment.
pub fn count(selector: &str, seconds: i64) -> String {
    format!("sum(count_over_time({selector}[{seconds}s]))")
}

fn selector(part: &str) -> String {
    format!("{{job={},part={}}}", quoted(JOB), quoted(part))
}

/// Pieces of a line for everything that is asked for by name.
pub fn filters(query: &Query) -> String {
    let mut filters = String::new();
    let names = [
        ("endpoint", &query.endpoint),
        ("prompt_category", &query.prompt_category),
        ("status", &query.status),
        ("host", &query.host),
    ];
    for (name, value) in names {
        if let Some(value) = value.as_ref().filter(|value| *value != UNKNOWN_NAME) {
            filter(&mut filters, &format!("\"{name}\":{}", json(value)));
        }
    }
    // Older taps wrote it as it was sent: every spelling has the folded name in it, in some case.
    if let Some(model) = query.model.as_ref().filter(|model| *model != UNKNOWN_NAME) {
        filters += &search::in_any_case(&Needle::new(model));
    }
    if let Some(tap) = query.tap {
        filter(&mut filters, &format!("\"tap\":{tap}"));
    }
    filters
}

fn filter(filters: &mut String, piece: &str) {
    if piece.len() <= PIECE_MAX {
        write!(filters, " |= {}", quoted(piece)).ok();
    }
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_cannot_leave_its_string() {
        let query = Query {
            endpoint: Some("a\"} or {job=\"".to_owned()),
            ..Query::default()
        };
        assert_eq!(
            facts(&query),
            r#"{job="ollama-tap",part="facts"} |= "\"endpoint\":\"a\\\"} or {job=\\\"\"" | keep job"#
        );
    }

    #[test]
    fn names_are_looked_for_as_they_stand_in_a_line_and_models_in_any_case() {
        let query = Query {
            model: Some("llama3.2:1b".to_owned()),
            host: Some("a\"b".to_owned()),
            tap: Some(8000),
            ..Query::default()
        };
        let expected = r#"{job="ollama-tap",part="facts"} |= "\"host\":\"a\\\"b\"" |~ "(?i)llama3\\.2:1b" |= "\"tap\":8000" | keep job"#;
        assert_eq!(facts(&query), expected);
        let unknown = Query {
            model: Some(UNKNOWN_NAME.to_owned()),
            endpoint: Some("x".repeat(10_000)),
            ..Query::default()
        };
        assert_eq!(
            facts(&unknown),
            r#"{job="ollama-tap",part="facts"} | keep job"#,
            "what no line can hold is decided here"
        );
    }

    #[test]
    fn ids_are_found_as_whole_values() {
        let ids = ["00ff".to_owned(), "a\"b".to_owned()];
        let expected = r#"{job="ollama-tap",part="text"} |~ "\"interaction_id\":(?:\"00ff\"|\"a\\\\\"b\")" | keep job"#;
        assert_eq!(with_ids(Part::Text, &ids), expected);
    }

    #[test]
    fn an_old_record_is_made_of_labels() {
        let labels = [
            ("field_interaction_id", "00ff"),
            ("field_model", "a\"b"),
            ("field_prompt_tokens", "7"),
            ("field_stream", "x"),
            ("field_error", ""),
        ];
        let line = old_facts(|name| {
            labels
                .iter()
                .find(|(label, _)| *label == name)
                .map(|(_, value)| *value)
        });
        assert_eq!(
            line,
            r#"{"interaction_id":"00ff","model":"a\"b","prompt_tokens":7}"#
        );
        assert!(
            old_without_texts(&Query::default()).ends_with("field_response_bytes, field_truncated")
        );
    }
}
