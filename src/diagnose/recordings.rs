//! What was recorded of a real Ollama (tests/data/context), for tests.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::Seen;
use super::listing::{Listed, Listing};
use super::prompt::Prompt;
use super::seen::{Loaded, Options, Reply, Times};
use crate::http::route::Inference;

/// The files of this name, one for each recording below `kind`, in order.
pub fn recordings(kind: &str, name: &str) -> Vec<Value> {
    let mut folders: Vec<PathBuf> = fs::read_dir(folder().join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(!folders.is_empty());
    let read = |folder: PathBuf| fs::read(folder.join(name)).unwrap();
    folders
        .into_iter()
        .map(|folder| serde_json::from_slice(&read(folder)).unwrap())
        .collect()
}

/// The body of a request that was recorded.
pub fn body(kind: &str, recording: &str, file: &str) -> Value {
    let path = folder()
        .join(kind)
        .join(recording)
        .join(format!("{file}.request"));
    let bytes = fs::read(path).unwrap();
    let start = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    serde_json::from_slice(&bytes[start..]).unwrap()
}

/// The steps of a recorded sequence that found their cache broken.
pub fn broken_caches(sequence: &str) -> &'static [u64] {
    match sequence {
        "clock-in-system" => &[3, 4, 5],
        "tools-change" => &[3, 5],
        "earlier-turn-edited" => &[3],
        "over-the-context" => &[4, 5, 6, 7, 8],
        "over-the-context-exactly-full" => &[5, 6, 7, 8],
        _ => &[],
    }
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/context"))
}

/// The moment so many milliseconds after the recording began.
pub fn at(milliseconds: f64) -> SystemTime {
    SystemTime::UNIX_EPOCH + span(1e9 + milliseconds)
}

pub fn span(milliseconds: f64) -> Duration {
    Duration::from_secs_f64(milliseconds / 1000.0)
}

pub fn milliseconds(value: &Value) -> Option<Duration> {
    value.as_f64().map(span)
}

/// The route with this path.
pub fn endpoint(path: &str) -> Inference {
    let found = Inference::ALL
        .into_iter()
        .find(|route| path.strip_prefix('/') == Some(route.as_str()));
    found.unwrap_or_else(|| panic!("no route {path}"))
}

/// A request of which nothing but this is known.
pub fn seen(id: &str, endpoint: Inference, model: &str, arrived: SystemTime) -> Seen {
    Seen {
        interaction_id: id.to_owned(),
        endpoint,
        model: model.to_owned(),
        client: None,
        arrived,
        options: Options::default(),
        reply: Reply::default(),
        times: Times::default(),
        loaded: None,
        prompt: Prompt::default(),
    }
}

pub fn options(asked: &Value, shift: &Value) -> Options {
    Options {
        shift: shift.as_bool(),
        ..asked
            .as_object()
            .map(Options::of_native)
            .unwrap_or_default()
    }
}

/// A recorded answer of /api/ps: names and contexts.
pub fn listing(asked: SystemTime, models: &Value) -> Listing {
    let listed = |model: &Value| Listed {
        model: folded(model[0].as_str().unwrap()),
        loaded: Loaded {
            context_length: model[1].as_u64(),
            ..Loaded::default()
        },
        ..Listed::default()
    };
    Listing {
        asked,
        models: models.as_array().unwrap().iter().map(listed).collect(),
    }
}

pub fn folded(name: &str) -> String {
    let name = name.to_lowercase();
    name.strip_suffix(":latest").unwrap_or(&name).to_owned()
}
