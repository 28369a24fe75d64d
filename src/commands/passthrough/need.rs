//! NEED: what a command of Ollama's must find before it starts, by its words alone.

use std::ffi::OsString;

/// Commands that ask a server.
const ASKING: [&str; 14] = [
    "create", "show", "stop", "pull", "push", "signin", "login", "signout", "logout", "list", "ls",
    "ps", "cp", "rm",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It is a server itself: where that listens is not ours to say.
    Itself,
    /// No server: help, versions, what Ollama does not know, and what we do not know.
    Nothing,
    /// A server, and no model.
    Server,
    /// A server that makes a model work.
    Model,
    /// A server that stays where it is: it writes the address into the settings of other programs.
    Lasting,
}

/// What Ollama's command of these words needs.
pub fn need(words: &[OsString]) -> Need {
    let words: Vec<&str> = words
        .iter()
        .map(|word| word.to_str().unwrap_or_default())
        .collect();
    let asks_for_help = words
        .iter()
        .take_while(|word| **word != "--")
        .any(|word| ["--help", "-h"].contains(word));
    match words.iter().find(|word| !word.starts_with('-')).copied() {
        _ if asks_for_help => Need::Nothing,
        Some("serve" | "start") => Need::Itself,
        Some("run") => Need::Model,
        Some("launch") => Need::Lasting,
        Some(word) if ASKING.contains(&word) => Need::Server,
        // A menu, `launch` among its entries.
        None if words.is_empty() => Need::Lasting,
        _ => Need::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_needed_by_what_asks_one() {
        for (line, expected) in [
            ("run phi4", Need::Model),
            ("run phi4 -- -h", Need::Model),
            ("--verbose run phi4", Need::Model),
            ("list", Need::Server),
            ("ls", Need::Server),
            ("pull phi4 --insecure", Need::Server),
            ("launch claude", Need::Lasting),
            ("", Need::Lasting),
            ("serve", Need::Itself),
            ("start", Need::Itself),
            ("help", Need::Nothing),
            ("help run", Need::Nothing),
            ("run --help", Need::Nothing),
            ("serve -h", Need::Nothing),
            ("-v", Need::Nothing),
            ("--version", Need::Nothing),
            ("completion bash", Need::Nothing),
            ("frobnicate", Need::Nothing),
        ] {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            assert_eq!(need(&words), expected, "{line:?}");
        }
        assert_eq!(
            need(&["run".into(), "phi4".into(), "is -h a flag?".into()]),
            Need::Model
        );
    }
}
