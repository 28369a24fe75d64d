//! The lines that `top` shows: made of an answer and the one before, for a width and a height, and of nothing else.

use super::snapshot::{ModelSeen, OllamaSeen, RequestSeen, Snapshot};
use crate::commands::history::format::{decimal, duration, format_time, percent, pluralize, size};
use crate::commands::history::table::{Cell, Column, Table};
use crate::history::store::query::UNKNOWN_NAME;
use crate::util::layout::{shorten, truncate};
use crate::util::numbers::thousands;
use crate::util::sanitize::escape_control_chars;
use crate::util::screen::{Screen, Style};

/// The columns of a request's client, and the characters of its id.
const CLIENT_WIDTH: usize = 13;
const ID_CHARS: usize = 8;

/// A model that expires later than this is kept for ever (seconds).
const FOR_EVER: f64 = 10.0 * 365.0 * 86_400.0;

/// The least height that has a line for the keys.
const HEIGHT_WITH_KEYS: usize = 6;

const REQUESTS: [Column; 8] = [
    Column::word().leave_out(3),
    Column::name(),
    Column::word().leave_out(2),
    Column::word().leave_out(1),
    Column::number(),
    Column::number(),
    Column::number(),
    Column::name().leave_out(4),
];

const MODELS: [Column; 5] = [
    Column::name(),
    Column::number().leave_out(1),
    Column::number(),
    Column::number().leave_out(2),
    Column::number(),
];

/// What is shown, and how.
#[derive(Clone, Copy, Default)]
pub struct TopView<'a> {
    /// The address of the tap.
    pub tap: &'a str,
    pub now: Option<&'a Snapshot>,
    pub before: Option<&'a Snapshot>,
    /// Why the tap does not answer any more.
    pub trouble: Option<&'a str>,
    pub is_paused: bool,
    /// Lines of the lists that were scrolled away.
    pub scrolled: usize,
}

/// A screen full of lines.
pub struct TopFrame {
    pub lines: Vec<String>,
    /// The most lines that can be scrolled away.
    pub scrolled_max: usize,
}

/// Fits what is shown into the screen's width and `height` lines.
pub fn frame(view: &TopView, screen: &Screen, height: usize) -> TopFrame {
    let mut lines = head(view, screen);
    let has_keys = height >= HEIGHT_WITH_KEYS;
    lines.truncate(height.saturating_sub(usize::from(has_keys)));
    let room = height - lines.len() - usize::from(has_keys);
    let lists = lists(view, screen);
    let scrolled_max = lists.len().saturating_sub(room);
    let from = view.scrolled.min(scrolled_max);
    let shown = lists.into_iter().skip(from).take(room);
    lines.extend(shown);
    if has_keys {
        lines.resize(height - 1, String::new());
        lines.push(keys(view, (from, scrolled_max), screen));
    }
    TopFrame {
        lines,
        scrolled_max,
    }
}

/// All of it, for a pipe.
pub fn text(view: &TopView, screen: &Screen) -> String {
    let lines = [head(view, screen), lists(view, screen)].concat();
    lines.join("\n") + "\n"
}

/// The line below everything: what keys do, and whether there is more than fits.
fn keys(view: &TopView, (from, scrolled_max): (usize, usize), screen: &Screen) -> String {
    let pause = if view.is_paused { "p go on" } else { "p pause" };
    let more = match scrolled_max {
        0 => String::new(),
        _ => format!(
            "  arrows scroll ({from} above, {} below)",
            scrolled_max - from
        ),
    };
    line(Style::Dim, &format!("q quit  {pause}{more}"), screen)
}

fn line(style: Style, text: &str, screen: &Screen) -> String {
    let text = escape_control_chars(text);
    match screen.width {
        Some(width) => screen.paint(style, &truncate(&text, width)),
        None => screen.paint(style, &text),
    }
}

fn head(view: &TopView, screen: &Screen) -> Vec<String> {
    let mut lines = Vec::new();
    let time = view.now.map(|now| format!(", {}", format_time(now.now)));
    let paused = if view.is_paused { ", paused" } else { "" };
    let title = format!(
        "Ollama Tap at {}{}{paused}",
        view.tap,
        time.unwrap_or_default()
    );
    lines.push(line(Style::Heading, &title, screen));
    if let Some(trouble) = view.trouble {
        let text = format!("{trouble}; asking again");
        lines.push(line(Style::Error, &text, screen));
    }
    if let Some(now) = view.now {
        let style = |is_bad, style| if is_bad { style } else { Style::Plain };
        let ollama = ollama(&now.ollama, now.now);
        lines.push(line(
            style(!now.ollama.is_up, Style::Error),
            &ollama,
            screen,
        ));
        let is_losing = now.dropped > 0;
        lines.push(line(
            style(is_losing, Style::Warning),
            &workers(now),
            screen,
        ));
        let has_failed = now.minute_errors > 0;
        lines.push(line(
            style(has_failed, Style::Warning),
            &last_minute(now),
            screen,
        ));
    }
    lines
}

fn ollama(ollama: &OllamaSeen, now: f64) -> String {
    let version = ollama.version.as_ref().map(|version| format!(" {version}"));
    let since = ollama
        .since
        .map(|since| duration(Some((now - since).max(0.0))));
    let since = since.map(|time| format!(" for {time}")).unwrap_or_default();
    let place = format!(
        "Ollama{} at {}",
        version.unwrap_or_default(),
        ollama.address
    );
    match (&ollama.error, ollama.is_up) {
        (_, true) => format!("{place}, up{since}"),
        (Some(error), false) => format!("{place}, down{since}: {error}"),
        (None, false) => format!("{place}, not seen yet"),
    }
}

fn workers(now: &Snapshot) -> String {
    let lost = match now.dropped {
        0 => String::new(),
        n => format!(", {} lost", thousands(n)),
    };
    format!(
        "{} of {} busy, {} to write{lost}",
        thousands(now.workers_busy),
        pluralize(now.workers, "worker"),
        pluralize(now.queue_size, "record")
    )
}

fn last_minute(now: &Snapshot) -> String {
    format!(
        "last minute: {}, {} failed, {} tokens/s",
        pluralize(now.minute_requests, "request"),
        thousands(now.minute_errors),
        decimal(Some(now.minute_tokens as f64 / 60.0))
    )
}

/// The requests and the models, each with a heading.
fn lists(view: &TopView, screen: &Screen) -> Vec<String> {
    let Some(now) = view.now else {
        return Vec::new();
    };
    let requests = pluralize(now.requests.len() as u64, "request");
    let models = pluralize(now.models.len() as u64, "model");
    let mut lines = vec![String::new()];
    lines.push(line(
        Style::Heading,
        &format!("{requests} under way"),
        screen,
    ));
    lines.extend(request_lines(now, view.before, screen));
    lines.push(String::new());
    lines.push(line(Style::Heading, &format!("{models} loaded"), screen));
    lines.extend(model_lines(now, screen));
    lines
}

fn request_lines(now: &Snapshot, before: Option<&Snapshot>, screen: &Screen) -> Vec<String> {
    let names = [
        "id", "model", "client", "state", "time", "tokens", "tokens/s", "prompt",
    ];
    let rows = now.requests.iter();
    let rows = rows.map(|request| request_row(now, request, before));
    table_lines(&REQUESTS, names, rows, screen)
}

fn model_lines(now: &Snapshot, screen: &Screen) -> Vec<String> {
    let names = ["model", "size", "in VRAM", "context", "time left"];
    let rows = now.models.iter().map(|model| model_row(model, now.now));
    table_lines(&MODELS, names, rows, screen)
}

/// The rows below the names of their columns; nothing where there are none.
fn table_lines<const N: usize>(
    columns: &[Column; N],
    names: [&str; N],
    rows: impl ExactSizeIterator<Item = [Cell; N]>,
    screen: &Screen,
) -> Vec<String> {
    if rows.len() == 0 {
        return Vec::new();
    }
    let mut table = Table::new(columns);
    table.row(names.map(|name| Cell::new(Style::Dim, name)));
    rows.for_each(|row| table.row(row));
    table.lines(screen)
}

fn request_row(now: &Snapshot, request: &RequestSeen, before: Option<&Snapshot>) -> [Cell; 8] {
    let about = if request.is_estimated { "~" } else { "" };
    let client = request.client.as_ref().or(request.client_ip.as_ref());
    let client = escape_control_chars(client.map_or("-", |name| name));
    let is_waiting = request.state == "waiting";
    let state = if is_waiting {
        Style::Warning
    } else {
        Style::Plain
    };
    let id: String = request.id.chars().take(ID_CHARS).collect();
    [
        Cell::new(Style::Dim, &id),
        request.model.as_deref().unwrap_or(UNKNOWN_NAME).into(),
        shorten(&client, CLIENT_WIDTH).into(),
        Cell::new(state, &request.state),
        duration(Some((now.now - request.started).max(0.0))).into(),
        format!("{about}{}", thousands(request.tokens)).into(),
        decimal(now.rate(request, before)).into(),
        request.prompt.as_deref().unwrap_or_default().into(),
    ]
}

fn model_row(model: &ModelSeen, now: f64) -> [Cell; 5] {
    let share = (model.size > 0).then(|| model.size_vram as f64 / model.size as f64);
    let left = match model.expires.map(|expires| expires - now) {
        None => "-".to_owned(),
        Some(left) if left > FOR_EVER => "for ever".to_owned(),
        Some(left) => duration(Some(left.max(0.0))),
    };
    [
        model.name.as_str().into(),
        size(model.size).into(),
        percent(share).into(),
        model
            .context_length
            .map_or("-".to_owned(), thousands)
            .into(),
        left.into(),
    ]
}
