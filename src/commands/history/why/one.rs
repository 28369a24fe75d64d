//! One request: what its time went into, and what was found.

use super::super::format::{count, format_time};
use super::super::waterfall::waterfall;
use super::{numbered, style};
use crate::diagnose::finding::EXCERPT;
use crate::history::record::{Record, client_name};
use crate::history::store::query::UNKNOWN_NAME;
use crate::util::numbers::thousands;
use crate::util::screen::{Screen, Style};

pub fn page(record: &Record, screen: &Screen) -> String {
    let times = waterfall(record, screen.width).join("\n");
    let findings = findings(record, screen);
    format!("{}\n{times}\n\n{findings}", head(record, screen))
}

/// What was found, each with its way out.
pub fn findings(record: &Record, screen: &Screen) -> String {
    let mut page = String::new();
    if record.findings.is_empty() {
        let nothing = "nothing was found that made it slow or wrong";
        page += &screen.paragraph(Style::Plain, nothing);
    }
    for (n, finding) in record.findings.iter().enumerate() {
        let head = format!("{} ({})", finding.sentence, finding.certainty.as_str());
        let way_out = format!("-> {}", finding.way_out);
        let excerpt = finding.fields.get(EXCERPT).and_then(|text| text.as_str());
        let place = excerpt.map(|text| (Style::Dim, format!("there: {text}")));
        let mut told = vec![(style(finding.certainty), head)];
        told.extend(place);
        told.push((Style::Plain, way_out));
        page += &numbered(screen, n + 1, &told);
    }
    page
}

/// Who asked what, and how it ended, a line each.
fn head(record: &Record, screen: &Screen) -> String {
    let metadata = record.metadata.to_string();
    let client = client_name::from_metadata(&metadata);
    let from = client
        .map(|name| format!(" from {name}"))
        .unwrap_or_default();
    let context = record
        .context_length
        .map(|tokens| format!(", context of {}", thousands(tokens)));
    let ended = match record.error {
        Some(_) => Style::Error,
        None => Style::Plain,
    };
    let time = format_time(record.timestamp);
    let lines = [
        (Style::Heading, format!("{}  {time}", record.interaction_id)),
        (
            ended,
            format!(
                "{} at {}{from}: {}",
                record.model.as_deref().unwrap_or(UNKNOWN_NAME),
                record.endpoint,
                record.error.as_deref().unwrap_or(&record.status)
            ),
        ),
        (
            Style::Plain,
            format!(
                "{} tokens in, {} out{}",
                count(record.prompt_tokens),
                count(record.generated_tokens),
                context.unwrap_or_default()
            ),
        ),
    ];
    let lines = lines.iter();
    lines
        .map(|(style, line)| screen.paragraph(*style, line))
        .collect()
}
