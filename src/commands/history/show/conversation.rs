//! What was said in a request and before it, role by role, and the reply.

use super::text::{INDENT, lines, shortened};
use super::{Detailing, Section};
use crate::history::record::Record;
use crate::observe::conversation::KeptMessage;
use crate::observe::exchange::ToolCall;
use crate::util::layout::truncate;
use crate::util::numbers::thousands;
use crate::util::screen::{Screen, Style};

/// The sections of what was asked, in their order.
pub fn asked(record: &Record, detailing: Detailing, screen: &Screen) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(system) = record.system.as_deref().filter(|text| !text.is_empty()) {
        let lines = system_text(system, detailing, screen);
        sections.push(Section::new("system", lines));
    }
    let messages = record.messages.as_deref().unwrap_or_default();
    for message in messages {
        sections.push(said(message, detailing, screen));
    }
    if messages.is_empty() {
        let (text, note) = kept(
            record,
            record.prompt_full.as_ref(),
            record.prompt_preview.as_ref(),
        );
        sections.extend(text_section("prompt", text, note, screen));
    }
    sections
}

/// The sections of what was answered.
pub fn answered(record: &Record, detailing: Detailing, screen: &Screen) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(thinking) = &record.thinking_full {
        let lines = thought(thinking, detailing, screen);
        sections.push(Section::new("thinking", lines));
    }
    let (full, preview) = (&record.response_full, &record.response_preview);
    let (text, note) = kept(record, full.as_ref(), preview.as_ref());
    let calls = calls(
        record.tool_calls.as_deref().unwrap_or_default(),
        detailing,
        screen,
    );
    match text_section("reply", text, note, screen) {
        Some(mut reply) => {
            reply.lines.extend(calls);
            sections.push(reply);
        }
        None if !calls.is_empty() => sections.push(Section::new("reply", calls)),
        None => {}
    }
    sections
}

/// The text that was kept, and what is to be said of it.
fn kept<'a>(
    record: &Record,
    full: Option<&'a String>,
    preview: Option<&'a String>,
) -> (Option<&'a str>, Option<&'static str>) {
    match (full, preview) {
        (Some(full), _) if record.truncated == Some(true) => (
            Some(full),
            Some("a text was cut: it was longer than the limit"),
        ),
        (Some(full), _) => (Some(full), None),
        (None, Some(preview)) => (Some(preview), Some("only the beginning was kept")),
        (None, None) => (None, None),
    }
}

fn text_section(
    title: &str,
    text: Option<&str>,
    note: Option<&str>,
    screen: &Screen,
) -> Option<Section> {
    let text = text.filter(|text| !text.trim().is_empty())?;
    let mut lines = lines(text, Style::Plain, screen);
    lines.extend(note.map(|note| remark(note, screen)));
    Some(Section::new(title, lines))
}

/// One message; in the place of those that are gone, how many they are and why.
fn said(message: &KeptMessage, detailing: Detailing, screen: &Screen) -> Section {
    if let Some(reason) = &message.gone {
        return Section::new(&gone(message.count, reason), Vec::new()).styled(Style::Dim);
    }
    let is_result = message.role == "tool";
    let title = match message.tool_name.as_deref().filter(|_| is_result) {
        Some(tool) => format!("result of {tool}"),
        None => message.role.clone(),
    };
    let mut body = Vec::new();
    if let Some(thinking) = &message.thinking {
        body.extend(thought(thinking, detailing, screen));
    }
    if let Some(text) = message.text.as_deref().filter(|text| !text.is_empty()) {
        let is_whole = detailing.is_full || !is_result;
        body.extend(shown(text, is_whole, (Style::Plain, "--full"), screen));
    }
    body.extend(calls(&message.tool_calls, detailing, screen));
    body.extend(lacks(message).map(|text| remark(&text, screen)));
    Section::new(&title, body)
}

/// What of a message is not here.
fn lacks(message: &KeptMessage) -> impl Iterator<Item = String> {
    let pictures = match message.images {
        0 => None,
        1 => Some("with a picture, which is not kept".to_owned()),
        n => Some(format!(
            "with {} pictures, which are not kept",
            thousands(n)
        )),
    };
    let cut = "it was cut: it was longer than the limit";
    let cut = message.truncated.then(|| cut.to_owned());
    pictures.into_iter().chain(cut)
}

fn gone(count: u64, reason: &str) -> String {
    let turns = match count {
        1 => "1 earlier message is".to_owned(),
        n => format!("{} earlier messages are", thousands(n)),
    };
    match reason {
        "missing" => format!("{turns} no longer in the history"),
        "bound" => format!("{turns} beyond what the history keeps of a conversation"),
        _ => format!("{turns} missing"),
    }
}

fn calls(calls: &[ToolCall], detailing: Detailing, screen: &Screen) -> Vec<String> {
    let call = |call: &ToolCall| {
        let text = format!("-> {}({})", call.name, call.arguments);
        shown(&text, detailing.is_full, (Style::Plain, "--full"), screen)
    };
    calls.iter().flat_map(call).collect()
}

fn thought(text: &str, detailing: Detailing, screen: &Screen) -> Vec<String> {
    let is_whole = detailing.is_full || detailing.has_thinking;
    shown(text, is_whole, (Style::Dim, "--thinking"), screen)
}

/// The first line of the system's text, unless all of it is asked for.
fn system_text(text: &str, detailing: Detailing, screen: &Screen) -> Vec<String> {
    if detailing.is_full {
        return lines(text, Style::Plain, screen);
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (line, is_cut) = shortened(&line);
    let line = match screen.width {
        Some(width) => truncate(line, width.saturating_sub(INDENT.len())),
        None => line.to_owned(),
    };
    let mut lines = lines(&line, Style::Plain, screen);
    if is_cut || line.ends_with('…') {
        lines.push(rest_of(text, "--full", screen));
    }
    lines
}

/// The whole text, or its beginning and the flag that shows all.
fn shown(text: &str, is_whole: bool, (style, flag): (Style, &str), screen: &Screen) -> Vec<String> {
    if is_whole {
        return lines(text, style, screen);
    }
    let (beginning, is_cut) = shortened(text);
    let mut lines = lines(beginning, style, screen);
    if is_cut {
        lines.push(rest_of(text, flag, screen));
    }
    lines
}

fn rest_of(text: &str, flag: &str, screen: &Screen) -> String {
    let number = text.trim_end().chars().count();
    remark(
        &format!("{} characters in all: {flag}", thousands(number as u64)),
        screen,
    )
}

fn remark(text: &str, screen: &Screen) -> String {
    format!("{INDENT}{}", screen.paint(Style::Dim, &format!("({text})")))
}
