//! The folders of a Unix.

use std::path::PathBuf;

use crate::platform::folders::absolute;

/// More directories of programs, for PATH: `su` leaves out what is for root alone.
pub const MORE_PATH: &str = ":/usr/sbin:/sbin";

/// The service's own directory.
pub fn service_directory() -> PathBuf {
    PathBuf::from(super::kernel::SERVICE_DIRECTORY)
}

/// Returns the directory of the log of a service that launchd starts; systemd has a log for all services.
pub fn service_logs() -> PathBuf {
    PathBuf::from("/Library/Logs/OllamaTap")
}

/// Returns the path of the copy of this program that the service can always find.
pub fn service_program() -> PathBuf {
    PathBuf::from("/usr/local/bin/ollama-tap")
}

/// Programs below these stay where they are, and everybody may run them; one in a home, a build directory or Nix's store comes and goes.
pub fn program_places() -> Vec<PathBuf> {
    ["/usr", "/opt", "/bin"].map(PathBuf::from).into()
}

/// Returns the directory of the instance files that all users may read. Installing the service makes it; a tap does not.
pub fn runtime_directory() -> PathBuf {
    PathBuf::from(super::kernel::RUNTIME_DIRECTORY)
}

/// Returns the directory where taps keep files of the user who starts them; `None` for a user without a home.
pub fn state_directory() -> Option<PathBuf> {
    let state =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("ollama-tap"))
}
