//! The requirement of a command of Ollama's, which must be met before it starts; decided from its arguments alone.

use std::ffi::OsString;

/// Commands that ask a server.
const SERVER_COMMANDS: [&str; 14] = [
    "create", "show", "stop", "pull", "push", "signin", "login", "signout", "logout", "list", "ls",
    "ps", "cp", "rm",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// It is a server itself, whose address is up to the user.
    IsServer,
    /// No server: help, versions, what Ollama does not know, and what we do not know.
    Nothing,
    /// A server, and no model.
    Server,
    /// A server that makes a model work.
    Model,
    /// A server that stays where it is: it writes the address into the settings of other programs.
    PermanentServer,
}

/// Decides what Ollama's command of these arguments needs.
pub fn requirement(words: &[OsString]) -> Requirement {
    let words: Vec<&str> = words
        .iter()
        .map(|word| word.to_str().unwrap_or_default())
        .collect();
    let asks_for_help = words
        .iter()
        .take_while(|word| **word != "--")
        .any(|word| ["--help", "-h"].contains(word));
    match words.iter().find(|word| !word.starts_with('-')).copied() {
        _ if asks_for_help => Requirement::Nothing,
        Some("serve" | "start") => Requirement::IsServer,
        Some("run") => Requirement::Model,
        Some("launch") => Requirement::PermanentServer,
        Some(word) if SERVER_COMMANDS.contains(&word) => Requirement::Server,
        // A menu, `launch` among its entries.
        None if words.is_empty() => Requirement::PermanentServer,
        _ => Requirement::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_needed_by_what_asks_one() {
        for (line, expected) in [
            ("run phi4", Requirement::Model),
            ("run phi4 -- -h", Requirement::Model),
            ("--verbose run phi4", Requirement::Model),
            ("list", Requirement::Server),
            ("ls", Requirement::Server),
            ("pull phi4 --insecure", Requirement::Server),
            ("launch claude", Requirement::PermanentServer),
            ("", Requirement::PermanentServer),
            ("serve", Requirement::IsServer),
            ("start", Requirement::IsServer),
            ("help", Requirement::Nothing),
            ("help run", Requirement::Nothing),
            ("run --help", Requirement::Nothing),
            ("serve -h", Requirement::Nothing),
            ("-v", Requirement::Nothing),
            ("--version", Requirement::Nothing),
            ("completion bash", Requirement::Nothing),
            ("frobnicate", Requirement::Nothing),
        ] {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            assert_eq!(requirement(&words), expected, "{line:?}");
        }
        assert_eq!(
            requirement(&["run".into(), "phi4".into(), "is -h a flag?".into()]),
            Requirement::Model
        );
    }
}
