//! `ollama-tap show`: one request whole, from what was asked to what its time went into.

mod conversation;
mod head;
#[cfg(test)]
mod tests;
mod text;

use std::process::ExitCode;

use super::source::{HistorySource, no_records};
use super::waterfall::waterfall;
use super::{json, print, query_config, usage, why};
use crate::cli::ShowArgs;
use crate::error::Result;
use crate::history::record::Record;
use crate::history::store::Query;
use crate::util::screen::{Screen, Style};

/// What is said where there is no such record: somebody may have meant a model.
const HINT: &str =
    "`ollama-tap search` shows the ids (Ollama's own command is `ollama-tap -- show MODEL`)";

/// How much is shown of what is shortened.
#[derive(Clone, Copy, Debug, Default)]
struct Detailing {
    is_full: bool,
    has_thinking: bool,
}

/// A part of the page with its heading.
struct Section {
    title: String,
    style: Style,
    lines: Vec<String>,
}

impl Section {
    fn new(title: &str, lines: Vec<String>) -> Section {
        Section {
            title: title.to_owned(),
            style: Style::Heading,
            lines,
        }
    }

    fn styled(self, style: Style) -> Section {
        Section { style, ..self }
    }
}

pub fn run(args: &ShowArgs) -> Result<ExitCode> {
    let config = query_config(args.location()).map_err(usage)?;
    let source = HistorySource::open(&config)?;
    let record = match &args.id {
        Some(id) => source.one(id, HINT)?,
        None => newest(&source)?,
    };
    if args.json {
        return print(&json(&record));
    }
    let detailing = Detailing {
        is_full: args.full,
        has_thinking: args.thinking,
    };
    print(&page(&record, detailing, &Screen::stdout()))
}

/// The newest record of all.
fn newest(source: &HistorySource) -> Result<Record> {
    let query = Query {
        limit: 1,
        ..Query::default()
    };
    match source.newest(&query)?.pop() {
        Some(record) => source.one(&record.interaction_id, HINT),
        None => Err(no_records(&source.origin()?)),
    }
}

fn page(record: &Record, detailing: Detailing, screen: &Screen) -> String {
    let mut sections = conversation::asked(record, detailing, screen);
    sections.extend(conversation::answered(record, detailing, screen));
    if sections.is_empty() {
        let title = "what was asked and answered is not kept (--store-text)";
        sections.push(Section::new(title, Vec::new()).styled(Style::Dim));
    }
    if let Some(error) = &record.error {
        let lines = text::lines(error, Style::Error, screen);
        sections.push(Section::new("error", lines).styled(Style::Error));
    }
    sections.push(timings(record, screen));
    let mut page = head::lines(record, screen).join("\n");
    for section in &sections {
        let title = screen.wrap(section.style, &section.title, 0);
        page += &format!("\n\n{}", title.join("\n"));
        section
            .lines
            .iter()
            .for_each(|line| page += &format!("\n{line}"));
    }
    format!("{page}\n\n{}", why::findings(record, screen))
}

fn timings(record: &Record, screen: &Screen) -> Section {
    let room = screen.width;
    let room = room.map(|width| width.saturating_sub(text::INDENT.len()));
    let lines = waterfall(record, room);
    let lines = lines.iter().map(|line| format!("{}{line}", text::INDENT));
    Section::new("timings", lines.collect())
}
