//! Ollama as this system has it: where installers put it, and its desktop app.

use std::path::PathBuf;

use super::folders::absolute;
use super::system::ollama::OLLAMA_PLACES;
pub use super::system::ollama::{APP_DATABASE, STOP_OLLAMA, desktop_app_runs};

/// Lists the paths where installers put Ollama, the likeliest first.
pub fn ollama_places() -> Vec<PathBuf> {
    let place = |(variable, path)| {
        if str::is_empty(variable) {
            Some(PathBuf::from(path))
        } else {
            Some(absolute(variable)?.join(path))
        }
    };
    OLLAMA_PLACES.into_iter().filter_map(place).collect()
}
