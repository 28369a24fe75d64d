//! One request: what its time went into, and what was found.

use super::super::format::{LINE_WIDTH, format_time, truncate};
use super::super::waterfall::waterfall;
use super::paragraphs;
use crate::diagnose::finding::EXCERPT;
use crate::history::record::{Record, client_name};
use crate::history::store::query::UNKNOWN_NAME;
use crate::util::numbers::thousands;
use crate::util::sanitize::escape_control_chars;

pub fn page(record: &Record) -> String {
    let times = waterfall(record, LINE_WIDTH).join("\n");
    let mut page = format!("{}\n\n{times}\n\n", head(record));
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
