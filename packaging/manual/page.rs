//! The man page: every command with its flags and notes, in the words of the help.

use std::fmt::Write;

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind};

/// The whole page, for `man`.
pub fn page(name: &str, command: &CommandInfoWithArgs) -> String {
    let summary = env!("CARGO_PKG_DESCRIPTION")
        .split(',')
        .next()
        .unwrap_or_default()
        .to_lowercase()
        .replace("ollama", "Ollama");
    let mut page = format!(
        ".TH {} 1 \"\" \"{name} {}\"\n",
        name.to_uppercase(),
        env!("CARGO_PKG_VERSION")
    );
    page += &format!(".SH NAME\n{} \\- {}\n", text(name), text(&summary));
    page += &format!(
        ".SH SYNOPSIS\n.B {}\n[\\fICOMMAND\\fR] [\\fIOPTION\\fR]...\n",
        text(name)
    );
    page += &format!(".SH DESCRIPTION\n{}\n", text(command.description));
    page += ".SH OPTIONS\n";
    flags(&mut page, command.flags);
    page += ".SH COMMANDS\n";
    for below in &command.commands {
        section(&mut page, name, &below.command);
    }
    page
}

/// A command, and the commands below it.
fn section(page: &mut String, above: &str, command: &CommandInfoWithArgs) {
    let name = format!("{above} {}", command.name);
    let words: String = command
        .positionals
        .iter()
        .map(|word| format!(" [{}]", word.name.to_uppercase()))
        .collect();
    *page += &format!(
        ".SS {}{}\n{}\n",
        text(&name),
        text(&words),
        text(command.description)
    );
    flags(page, command.flags);
    if !command.notes.is_empty() {
        *page += &format!(".PP\n{}\n", text(&command.notes.join(" ")));
    }
    for below in &command.commands {
        section(page, &name, &below.command);
    }
}

fn flags(page: &mut String, flags: &[FlagInfo]) {
    for flag in flags.iter().filter(|flag| !flag.hidden) {
        let short = flag
            .short
            .map(|letter| format!("-{letter}, "))
            .unwrap_or_default();
        let value = match flag.kind {
            FlagInfoKind::Switch => String::new(),
            FlagInfoKind::Option { arg_name } => {
                format!(" \\fI{}\\fR", text(&arg_name.to_uppercase()))
            }
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            ".TP\n\\fB{}\\fR{value}\n{}",
            text(&format!("{short}{}", flag.long)),
            text(flag.description)
        );
    }
}

/// Text as roff takes it: no hyphen is a dash, no first character a command.
fn text(words: &str) -> String {
    let escaped = words.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) {
        format!("\\&{escaped}")
    } else {
        escaped
    }
}
