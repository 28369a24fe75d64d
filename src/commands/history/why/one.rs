//! One request: what its time went into, and what was found.

use super::super::format::{LINE_WIDTH, format_time, truncate};
use super::super::table::Table;
use super::paragraphs;
use crate::diagnose::finding::EXCERPT;
use crate::history::record::{Record, client_name};
use crate::history::store::query::UNKNOWN_NAME;
use crate::util::numbers::thousands;
use crate::util::sanitize::escape_control_chars;

/// Columns of a bar of the whole duration.
const BAR_WIDTH: f64 = 40.0;

pub fn page(record: &Record) -> String {
    let mut page = format!("{}\n\n{}\n", head(record), times(record));
    if record.findings.is_empty() {
        page.push_str("nothing was found that made it slow or wrong\n");
    }
    for (n, finding) in record.findings.iter().enumerate() {
        let head = format!("{} ({})", finding.sentence, finding.certainty.as_str());
        let way_out = format!("-> {}", finding.way_out);
        let excerpt = finding.fields.get(EXCERPT).and_then(|text| text.as_str());
        let place = excerpt.map(|text| format!("there: {}", escape_control_chars(text)));
        let told = paragraphs([Some(head), place, Some(way_out)]);
        page.push_str(&format!("{}. {told}", n + 1));
    }
    page
}

/// Who asked what, and how it ended, a line each.
fn head(record: &Record) -> String {
    let metadata = record.metadata.to_string();
    let client = client_name::from_metadata(&metadata);
    let from = client
        .map(|name| format!(" from {name}"))
        .unwrap_or_default();
    let tokens = |count: Option<u64>| count.map_or("-".to_owned(), thousands);
    let context = record
        .context_length
        .map(|tokens| format!(", context of {}", thousands(tokens)));
    let lines = [
        format!(
            "{}  {}",
            record.interaction_id,
            format_time(record.timestamp)
        ),
        format!(
            "{} at {}{from}: {}",
            record.model.as_deref().unwrap_or(UNKNOWN_NAME),
            record.endpoint,
            record.error.as_deref().unwrap_or(&record.status)
        ),
        format!(
            "{} tokens read, {} written{}",
            tokens(record.prompt_tokens),
            tokens(record.generated_tokens),
            context.unwrap_or_default()
        ),
    ];
    lines
        .map(|line| truncate(&escape_control_chars(&line), LINE_WIDTH))
        .join("\n")
}

/// The parts of its time in their order.
fn times(record: &Record) -> String {
    let mut table = Table::new(2);
    let whole = record.duration_seconds;
    let mut start = 0.0;
    for (name, seconds) in parts(record) {
        let bar = bar(start, seconds, whole.unwrap_or_default());
        table.row([name.to_owned(), bar, format!("{seconds:.2} s")]);
        start += seconds;
    }
    table.row([
        "in all".to_owned(),
        String::new(),
        whole.map_or("-".to_owned(), |all| format!("{all:.2} s")),
    ]);
    table.text()
}

/// When a part began and ended, drawn in the width of all; something is drawn of the shortest.
fn bar(start: f64, seconds: f64, whole: f64) -> String {
    let column = |time: f64| (time / whole.max(f64::EPSILON) * BAR_WIDTH).round() as usize;
    if seconds <= 0.0 {
        return String::new();
    }
    let from = column(start).min(BAR_WIDTH as usize - 1);
    let to = column(start + seconds).clamp(from + 1, BAR_WIDTH as usize);
    format!("{}{}", " ".repeat(from), "=".repeat(to - from))
}

/// What was found when it ended. Of an older record, where Ollama told its durations, what they leave of its own time is its queue; what nobody told
/// is other time.
fn parts(record: &Record) -> Vec<(&'static str, f64)> {
    if let Some(spent) = record.time_spent {
        return vec![
            ("queue", spent.queue),
            ("load", spent.load),
            ("prompt", spent.prompt),
            ("generation", spent.generation),
            ("other", spent.other),
        ];
    }
    let told = |seconds: Option<f64>| seconds.unwrap_or_default().max(0.0);
    let load = told(record.load_duration_seconds);
    let prompt = told(record.prompt_eval_duration_seconds);
    let generation = told(record.eval_duration_seconds);
    let whole = told(record.duration_seconds);
    let Some(total) = record.total_duration_seconds else {
        return vec![("other", whole)];
    };
    let in_tap = told(record.metadata["queue_wait_seconds"].as_f64());
    let queue = in_tap + (total - load - prompt - generation).max(0.0);
    let other = (whole - queue - load - prompt - generation).max(0.0);
    let parts = [
        ("queue", queue),
        ("load", load),
        ("prompt", prompt),
        ("generation", generation),
        ("other", other),
    ];
    parts.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_ollama_did_not_account_for_is_its_queue_and_the_rest_is_other_time() {
        let record = Record {
            metadata: json!({"queue_wait_seconds": 0.5}),
            duration_seconds: Some(12.0),
            total_duration_seconds: Some(11.0),
            load_duration_seconds: Some(4.0),
            prompt_eval_duration_seconds: Some(1.0),
            eval_duration_seconds: Some(3.0),
            ..Record::default()
        };
        let expected = [
            ("queue", 3.5),
            ("load", 4.0),
            ("prompt", 1.0),
            ("generation", 3.0),
            ("other", 0.5),
        ];
        assert_eq!(parts(&record), expected);
        let bars = times(&record);
        let generation = format!("generation  {}{}", " ".repeat(28), "=".repeat(10));
        assert!(bars.contains(&generation), "{bars}");
        let untold = Record {
            total_duration_seconds: None,
            ..record
        };
        assert_eq!(parts(&untold), [("other", 12.0)]);
    }
}
