//! Who asked what of which model, and how it ended: the first lines about a request.

use serde_json::{Map, Value};

use super::super::format::{decimal, duration, format_time};
use crate::history::record::Record;
use crate::history::store::query::UNKNOWN_NAME;
use crate::util::layout::columns;
use crate::util::numbers::thousands;
use crate::util::sanitize::escape_control_chars;
use crate::util::screen::{Screen, Style};

/// The columns of a name.
const NAME_WIDTH: usize = 12;

/// Stands between texts that are side by side.
const GAP: &str = "  ";

/// The first line, and those with a name each.
pub fn lines(record: &Record, screen: &Screen) -> Vec<String> {
    let style = match record.status.as_str() {
        "error" => Style::Error,
        "cancelled" => Style::Warning,
        _ => Style::Plain,
    };
    let time = format_time(record.timestamp);
    let parts = [
        (Style::Dim, record.interaction_id.as_str()),
        (Style::Plain, &time),
        (style, &record.status),
    ];
    let mut lines = side_by_side(parts, screen);
    for (name, parts) in rows(record) {
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        if !text.is_empty() {
            lines.extend(row(name, &text, screen));
        }
    }
    lines
}

/// These texts on one line, or on one each where that is too wide.
fn side_by_side(parts: [(Style, &str); 3], screen: &Screen) -> Vec<String> {
    let parts = parts.map(|(style, text)| (style, escape_control_chars(text)));
    let taken: usize = parts
        .iter()
        .map(|(_, text)| columns(text) + GAP.len())
        .sum();
    let is_wide = screen.width.is_some_and(|width| taken - GAP.len() > width);
    let parts = parts.map(|(style, text)| screen.paint(style, &text));
    match is_wide {
        true => parts.into(),
        false => vec![parts.join(GAP)],
    }
}

/// A name and its value, on as many lines as that needs.
fn row(name: &str, text: &str, screen: &Screen) -> Vec<String> {
    let lines = screen.wrap(Style::Plain, text, NAME_WIDTH);
    let names = [name].into_iter().chain(std::iter::repeat(""));
    let name = |name: &str| screen.paint(Style::Dim, &format!("{name:NAME_WIDTH$}"));
    names.zip(lines).map(|(n, line)| name(n) + &line).collect()
}

fn rows(record: &Record) -> [(&'static str, Vec<Option<String>>); 8] {
    [
        ("model", model(record)),
        ("endpoint", endpoint(record)),
        ("parameters", parameters(record)),
        ("client", client(record)),
        ("tokens", tokens(record)),
        ("speed", speed(record)),
        ("session", session(record)),
        ("tap", tap(record)),
    ]
}

fn model(record: &Record) -> Vec<Option<String>> {
    let name = record.model.as_deref().unwrap_or(UNKNOWN_NAME);
    let context = record.context_length.map(thousands);
    let asked = record
        .num_ctx
        .filter(|_| record.num_ctx != record.context_length);
    let share = record
        .vram_share
        .map(|share| format!("{:.0}% in VRAM", share * 100.0));
    vec![
        Some(name.to_owned()),
        record.quantization.clone(),
        context.map(|tokens| format!("context of {tokens}")),
        asked.map(|asked| format!("num_ctx {asked} asked for")),
        share,
        record
            .ollama_version
            .as_ref()
            .map(|version| format!("Ollama {version}")),
    ]
}

fn endpoint(record: &Record) -> Vec<Option<String>> {
    vec![
        Some(record.endpoint.clone()),
        record.stream.map(|is_stream| {
            if is_stream {
                "streamed"
            } else {
                "not streamed"
            }
            .to_owned()
        }),
        record.http_status.map(|status| format!("HTTP {status}")),
        record
            .done_reason
            .as_ref()
            .map(|reason| format!("ended by {reason}")),
    ]
}

fn parameters(record: &Record) -> Vec<Option<String>> {
    let parameters = record.parameters.iter();
    parameters.flat_map(named).map(Some).collect()
}

/// Each name with its value.
fn named(values: &Map<String, Value>) -> impl Iterator<Item = String> {
    values
        .iter()
        .map(|(name, value)| format!("{name} {}", plain(value)))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Object(parts) => named(parts).collect::<Vec<_>>().join(" "),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn client(record: &Record) -> Vec<Option<String>> {
    let text = |name: &str| record.metadata[name].as_str();
    let name = record.client.as_deref().or_else(|| text("user_agent"));
    let name = name.map(|name| match text("client_version") {
        Some(version) => format!("{name} {version}"),
        None => name.to_owned(),
    });
    vec![name, text("client_ip").map(|ip| format!("from {ip}"))]
}

fn tokens(record: &Record) -> Vec<Option<String>> {
    let about = match record.tokens_estimated {
        Some(true) => "about ",
        _ => "",
    };
    let cached = record.prompt_cached_tokens.map(thousands);
    let cached = cached.map(|tokens| format!(" ({tokens} cached)"));
    let read = record.prompt_tokens.map(thousands);
    let written = record.generated_tokens.map(thousands);
    vec![
        read.map(|tokens| format!("in {tokens}{}", cached.unwrap_or_default())),
        written.map(|tokens| format!("out {about}{tokens}")),
    ]
}

fn speed(record: &Record) -> Vec<Option<String>> {
    let rate = record.tokens_per_second.is_some();
    let first = record.time_to_first_token_seconds;
    vec![
        rate.then(|| format!("{} tokens/s", decimal(record.tokens_per_second))),
        first.map(|_| format!("first token after {}", duration(first))),
        Some(format!("{} in all", duration(record.duration_seconds))),
    ]
}

fn session(record: &Record) -> Vec<Option<String>> {
    let guessed = record.session_guessed == Some(true);
    vec![
        record.session_id.clone(),
        (record.session_id.is_some() && guessed).then(|| "guessed".to_owned()),
    ]
}

fn tap(record: &Record) -> Vec<Option<String>> {
    let port = record.tap.map(|port| format!("port {port}"));
    vec![record.host.clone(), port]
}
