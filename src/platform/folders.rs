//! Where the service, the taps of a user and programs keep their files.

use std::path::PathBuf;

pub use super::system::folders::{
    MORE_PATH, program_places, runtime_directory, service_home, service_program, state_directory,
};

/// The directory of the service's history.
pub fn service_directory() -> PathBuf {
    service_home().join("ollama_analytics")
}

/// The directory of the history of taps that a user starts for one command.
pub fn history_of_commands() -> Option<PathBuf> {
    state_directory().map(|dir| dir.join("ollama_analytics"))
}

/// The directory that a variable holds.
pub(super) fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}
