//! The files for monitoring in packaging/: rules for Prometheus, boards for Grafana. Every query in every file is asked of a real
//! Prometheus that scraped a tap under traffic; what can only be looked at is looked at.

mod answers;
mod layout;
mod queries;
mod records;
mod rules;
mod traffic;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Both boards, by their files.
const BOARDS: [&str; 2] = ["grafana/dashboard.json", "grafana/loki.json"];

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(packaging(file))
        .unwrap_or_else(|error| panic!("reading packaging/{file}: {error}"))
}

fn board(file: &str) -> Value {
    serde_json::from_str(&read(file)).unwrap_or_else(|error| panic!("packaging/{file}: {error}"))
}

/// The entries of a list in a board; none where there is no list.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The panels of a board as they are when all rows are open: each row, then what is folded into it.
fn opened(board: &Value) -> impl Iterator<Item = &Value> {
    list(&board["panels"])
        .iter()
        .flat_map(|panel| std::iter::once(panel).chain(list(&panel["panels"])))
}

/// The panels of a board, its rows left out.
fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    opened(board).filter(|panel| panel["type"] != "row")
}

fn variables(board: &Value) -> &[Value] {
    list(&board["templating"]["list"])
}
