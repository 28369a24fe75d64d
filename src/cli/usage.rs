//! What was wrong with a command line, and the way out: argh's message in our voice, with what was meant.

use argh::CommandInfoWithArgs;

use super::definition;
use super::parse::PROGRAM_NAME;
use super::spelling::{closest, did_you_mean};
use crate::util::sanitize::redact_address;

/// argh's own message, which begins with a capital and ends in a line break. `is_implied`: nobody typed the first argument, `serve`.
pub fn message(output: &str, args: &[&str], is_implied: bool) -> String {
    let (command, path) = definition::find(args);
    let typed = &path[usize::from(is_implied && !path.is_empty())..];
    let below = args.get(path.len()).copied().unwrap_or_default();
    if !command.commands.is_empty() && !path.is_empty() && !below.starts_with('-') {
        return verb_message(&command, &path.join(" "), &redact_address(below));
    }
    let words: Vec<_> = output.split_whitespace().map(redact_address).collect();
    let text = words.join(" ");
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase()).into_iter();
    let text: String = first.chain(letters).collect();
    let called = [&[PROGRAM_NAME], typed].concat().join(" ");
    format!(
        "{}{} (see `{called} --help`)",
        text.trim_end_matches('.'),
        match path[..] {
            ["export"] => file_meant(&text, &command),
            _ => flag_meant(&text, &command),
        }
    )
}

/// Where a file's name stands alone: the flag that it belongs behind. Else as for every command.
fn file_meant(message: &str, command: &CommandInfoWithArgs) -> String {
    let typed = message.strip_prefix("unrecognized argument: ");
    match typed.filter(|typed| !typed.starts_with('-')) {
        Some(file) => format!("; say `-o {file}` to write a file"),
        None => flag_meant(message, command),
    }
}

/// Of a command that takes a verb: there is none, or it is unknown.
fn verb_message(command: &CommandInfoWithArgs, path: &str, word: &str) -> String {
    let verbs: Vec<&str> = command.commands.iter().map(|below| below.name).collect();
    let listed = verbs.join(", ");
    let meant = closest(word, verbs);
    match word {
        "" => format!("{path} needs to know what to do: {listed}"),
        _ if meant.is_empty() => format!("{path} cannot `{word}`; it can {listed}"),
        _ => format!(
            "{path} cannot `{word}`; {} It can {listed}",
            did_you_mean(&meant)
        ),
    }
}

/// The flag that an unknown one was meant to be.
fn flag_meant(message: &str, command: &CommandInfoWithArgs) -> String {
    let Some(typed) = message.strip_prefix("unrecognized argument: --") else {
        return String::new();
    };
    let flags = definition::program().flags.iter().chain(command.flags);
    let names: std::collections::BTreeSet<&str> = flags
        .map(|flag| flag.long.trim_start_matches('-'))
        .collect();
    match closest(typed, names) {
        meant if meant.is_empty() => String::new(),
        meant => {
            let flags: Vec<String> = meant.iter().map(|name| format!("--{name}")).collect();
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            format!("; {}", did_you_mean(&flags))
        }
    }
}
