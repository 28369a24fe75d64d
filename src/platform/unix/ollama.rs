//! The paths where installers put Ollama on a Unix.

pub use super::kernel::{STOP_OLLAMA, desktop_app_runs};

/// The database of the desktop app of macOS, below a home.
pub const APP_DATABASE: &str = "Library/Application Support/Ollama/db.sqlite";

/// The paths where installers put Ollama, beside the directories of PATH: below a directory that a variable names, or from the root.
pub const OLLAMA_PLACES: [(&str, &str); 8] = [
    ("", "/usr/local/bin/ollama"),
    ("", "/usr/bin/ollama"),
    ("", "/bin/ollama"),
    ("", "/opt/homebrew/bin/ollama"),
    ("", "/snap/bin/ollama"),
    ("HOME", ".local/bin/ollama"),
    ("", "/Applications/Ollama.app/Contents/Resources/ollama"),
    ("HOME", "Applications/Ollama.app/Contents/Resources/ollama"),
];
