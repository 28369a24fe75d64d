//! Directories of the service, of a user's taps and of programs.

use std::path::PathBuf;

pub use super::system::folders::{
    MORE_PATH, program_places, runtime_directory, service_directory, service_logs, service_program,
    state_directory,
};

/// The directory of the service's history.
pub fn service_history() -> PathBuf {
    service_directory().join("ollama_analytics")
}

/// The directory of the history of taps that a user starts for one command.
pub fn command_history() -> Option<PathBuf> {
    state_directory().map(|dir| dir.join("ollama_analytics"))
}

/// The directory that a variable holds.
pub(super) fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}
