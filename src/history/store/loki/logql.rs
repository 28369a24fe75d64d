//! Queries in LogQL. They may find too much, never too little: `Query::matches` decides.
//!
//! Filters look for pieces of a line as `entry` writes it, which is the cheapest operation of Loki,
//! and needs neither labels nor structured metadata. Every text of a user goes through `quoted`, so
//! that none can end its string.

use std::fmt::Write;

use super::push::{JOB, Part};
use super::quoting::{escaped, quoted};
use super::search;
use crate::history::store::query::{Needle, Query, UNKNOWN_NAME};

/// The longest text of a filter (bytes); a URL has no room for more.
const FILTER_MAX: usize = 256;

/// The part of streams of version 0.1.0: whole records, in streams without a part.
const LEGACY_PART: &str = "";

/// Fields that are read of records of version 0.1.0 if texts are not needed: first the texts among
/// them, then numbers and other values.
const LEGACY_TEXTS: [&str; 9] = [
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
const LEGACY_VALUES: [&str; 17] = [
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

/// The prefix of the labels of these fields: the streams of version 0.1.0 have labels of the same
/// names.
const LEGACY_LABEL_PREFIX: &str = "field_";

/// Selects all streams of this program.
pub fn all() -> String {
    format!("{{job={}}}", quoted(JOB))
}

/// Selects the streams of one part, `late` ones among them.
pub fn part(part: Part) -> String {
    selector(part.as_str())
}

/// Selects the streams of version 0.1.0.
pub fn legacy() -> String {
    selector(LEGACY_PART)
}

/// Queries the facts that may match, texts aside.
pub fn summaries(query: &Query) -> String {
    part(Part::Facts) + &filters(query) + &facts_filters(query) + " | keep job"
}

/// Filters lines of facts for what is asked of finding, client and session: texts have none.
fn facts_filters(query: &Query) -> String {
    let mut filters = String::new();
    if let Some(finding) = query.finding {
        filter(&mut filters, "\"certainty\":");
        if let Some(kind) = finding.kind {
            filter(&mut filters, &format!("\"kind\":{}", json(kind.as_str())));
        }
    }
    if let Some(client) = &query.client {
        let name = client.name.as_ref().filter(|name| *name != UNKNOWN_NAME);
        for (name, value) in [("client", name), ("client_ip", client.ip.as_ref())] {
            if let Some(value) = value {
                filter(&mut filters, &format!("\"{name}\":{}", json(value)));
            }
        }
    }
    if let Some(session) = &query.session {
        filter(&mut filters, &format!("\"session_id\":{}", json(session)));
    }
    filters
}

/// Queries the texts that may match.
pub fn texts(query: &Query) -> String {
    part(Part::Text) + &filters(query) + &search::line_filter(query) + " | keep job"
}

/// Queries the ids of the texts that may match, without the texts; of facts as well, which have the
/// errors, where those are searched too: then an id may come twice.
pub fn text_ids(query: &Query) -> String {
    if query.prompt_search.is_none() {
        let of = [Part::Text, Part::Facts].map(Part::as_str).join("|");
        return format!(
            "{{job={},part=~{}}}{}{} | json id=\"interaction_id\" | line_format \"{{{{.id}}}}\" | keep job",
            quoted(JOB),
            quoted(&of),
            filters(query),
            search::line_filter_anywhere(query)
        );
    }
    let found = part(Part::Text) + &filters(query) + &search::line_filter(query);
    format!(
        "{found} | json id=\"interaction_id\"{} | line_format \"{{{{.id}}}}\" | keep job",
        search::exact_filter(query)
    )
}

/// Queries the lines of a part that have one of these ids.
pub fn with_ids(of: Part, ids: &[String]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| escaped(&json(id))).collect();
    format!(
        "{} |~ {} | keep job",
        part(of),
        quoted(&format!("\"interaction_id\":(?:{})", ids.join("|")))
    )
}

/// Queries the lines of a part that may have an id with this beginning.
pub fn with_id_prefix(of: Part, prefix: &str) -> String {
    format!("{}{} | keep job", part(of), id_prefix(prefix))
}

/// Queries the records of version 0.1.0 that may have an id with this beginning.
pub fn legacy_with_id_prefix(prefix: &str) -> String {
    format!("{}{} | keep job", legacy(), id_prefix(prefix))
}

fn id_prefix(prefix: &str) -> String {
    let beginning = json(prefix);
    let open = beginning.strip_suffix('"').unwrap_or(&beginning);
    format!(" |= {}", quoted(open))
}

/// Queries the records of version 0.1.0 that have this id as a value.
pub fn legacy_with_id(id: &str) -> String {
    format!("{} |= {} | keep job", legacy(), quoted(&json(id)))
}

/// Queries the records of version 0.1.0 that may match.
pub fn legacy_records(query: &Query) -> String {
    let texts = search::line_filter(query) + &search::line_filter_anywhere(query);
    legacy() + &filters(query) + &texts + " | keep job"
}

/// Queries the same without their texts: `legacy_summary` makes a line of the labels.
pub fn legacy_without_texts(query: &Query) -> String {
    let names = || LEGACY_TEXTS.into_iter().chain(LEGACY_VALUES);
    let extracted: Vec<String> = names()
        .map(|name| format!("{LEGACY_LABEL_PREFIX}{name}=\"{name}\""))
        .collect();
    let labels: Vec<String> = names()
        .map(|name| format!("{LEGACY_LABEL_PREFIX}{name}"))
        .collect();
    format!(
        "{}{} | json {} | line_format \"\" | keep {}",
        legacy(),
        filters(query),
        extracted.join(", "),
        labels.join(", ")
    )
}

/// Makes a line as `entry` writes facts from the labels of `legacy_without_texts`.
pub fn legacy_summary<'a>(label: impl Fn(&str) -> Option<&'a str>) -> String {
    let found = |name: &str| {
        label(&format!("{LEGACY_LABEL_PREFIX}{name}")).filter(|value| !value.is_empty())
    };
    let text = |name: &str| Some(format!("\"{name}\":{}", json(found(name)?)));
    let is_json = |value: &&str| serde_json::from_str::<serde_json::Value>(value).is_ok();
    let value = |name: &str| Some(format!("\"{name}\":{}", found(name).filter(is_json)?));
    let fields: Vec<String> = LEGACY_TEXTS
        .into_iter()
        .filter_map(text)
        .chain(LEGACY_VALUES.into_iter().filter_map(value))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// Counts the lines of a selector in the seconds before a moment.
pub fn count(selector: &str, seconds: i64) -> String {
    format!("sum(count_over_time({selector}[{seconds}s]))")
}

fn selector(part: &str) -> String {
    format!("{{job={},part={}}}", quoted(JOB), quoted(part))
}

/// Returns line filters for every field that is asked for by name.
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
    // Version 0.1.0 wrote the name as it was sent: every spelling contains the folded name, in some
    // case.
    if let Some(model) = query.model.as_ref().filter(|model| *model != UNKNOWN_NAME) {
        filters += &search::in_any_case(&Needle::new(model));
    }
    if let Some(tap) = query.tap {
        filter(&mut filters, &format!("\"tap\":{tap}"));
    }
    filters
}

fn filter(filters: &mut String, piece: &str) {
    if piece.len() <= FILTER_MAX {
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
            summaries(&query),
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
        assert_eq!(summaries(&query), expected);
        let unknown = Query {
            model: Some(UNKNOWN_NAME.to_owned()),
            endpoint: Some("x".repeat(10_000)),
            ..Query::default()
        };
        assert_eq!(
            summaries(&unknown),
            r#"{job="ollama-tap",part="facts"} | keep job"#,
            "what no line can hold is decided here"
        );
    }

    #[test]
    fn findings_are_looked_for_in_facts_alone() {
        let query = Query {
            finding: "waited:sure".parse().ok(),
            ..Query::default()
        };
        let expected = r#"{job="ollama-tap",part="facts"} |= "\"certainty\":" |= "\"kind\":\"waited\"" | keep job"#;
        assert_eq!(summaries(&query), expected);
        assert!(!text_ids(&query).contains("waited"));
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
        let line = legacy_summary(|name| {
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
            legacy_without_texts(&Query::default())
                .ends_with("field_response_bytes, field_truncated")
        );
    }
}
