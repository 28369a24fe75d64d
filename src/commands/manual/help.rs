//! `--help`, for a width: how a command is called, what it does, its flags with their variables, notes, examples and exit codes.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality, PositionalInfo};

use super::words::{ABOUT_OTHER_WORDS, OTHER_WORDS, PAGES};
use crate::cli::{PROGRAM_NAME, definition};
use crate::config::VARIABLES_OF_FLAGS;
use crate::util::layout::wrap;

/// Where descriptions begin.
const COLUMN: usize = 26;

/// From this width on, descriptions stand beside what they describe; else below it.
const WIDTH_OF_COLUMNS: usize = 64;

/// The narrowest width that lines are fitted to.
const WIDTH_MIN: usize = 30;

/// Stands for a space at which no line is broken.
const JOINT: char = '\u{a0}';

/// The help of a command that is called by these names; of the program, by none.
pub fn help(command: &CommandInfoWithArgs, path: &[&str], width: usize) -> String {
    let mut text = Text {
        lines: String::new(),
        width: width.max(WIDTH_MIN),
    };
    for (n, call) in usages(command, path).iter().enumerate() {
        let word = if n == 0 { "Usage:" } else { "      " };
        text.entry(&format!("{word} {call}"), 7, "");
    }
    text.heading("");
    text.paragraph(command.description);
    if !command.positionals.is_empty() {
        text.heading("Arguments:");
        for word in command.positionals {
            text.entry(
                &format!("  {}", word.name.to_uppercase()),
                COLUMN,
                word.description,
            );
        }
    }
    commands(&mut text, command, path);
    text.heading("Options:");
    for flag in command.flags.iter().filter(|flag| !flag.hidden) {
        text.entry(
            &format!("  {}", flag_name(flag)),
            COLUMN,
            &description(flag, path),
        );
    }
    ending(&mut text, command, path);
    text.lines.replace(JOINT, " ")
}

/// What stands below the flags.
fn ending(text: &mut Text, command: &CommandInfoWithArgs, path: &[&str]) {
    if path.is_empty() {
        text.heading("");
        text.paragraph(PAGES);
    }
    if !command.notes.is_empty() {
        text.heading("Notes:");
        for note in command.notes {
            text.entry("  ", 2, note);
        }
    }
    if !command.examples.is_empty() {
        text.heading("Examples:");
        for example in command.examples {
            let (call, about) = example.split_once("  #").unwrap_or((example, ""));
            text.entry(&format!("  {}", call.trim_end()), COLUMN + 12, about.trim());
        }
    }
    if !command.error_codes.is_empty() {
        text.heading("Exit codes:");
        for code in command.error_codes {
            text.entry(&format!("  {}", code.code), 5, code.description);
        }
    }
    if path.is_empty() {
        text.heading("");
        text.paragraph(&format!(
            "`{PROGRAM_NAME} COMMAND --help` lists the options of a command, `{PROGRAM_NAME} man` has all of them."
        ));
    }
}

fn commands(text: &mut Text, command: &CommandInfoWithArgs, path: &[&str]) {
    if command.commands.is_empty() {
        return;
    }
    text.heading("Commands:");
    for below in &command.commands {
        text.entry(&format!("  {}", below.name), 15, below.command.description);
    }
    if path.is_empty() {
        text.entry(&format!("  {OTHER_WORDS}"), 15, ABOUT_OTHER_WORDS);
    }
}

/// The ways to call a command.
pub fn usages(command: &CommandInfoWithArgs, path: &[&str]) -> Vec<String> {
    let called = [&[PROGRAM_NAME], path].concat().join(" ");
    if path.is_empty() {
        return vec![
            format!("{called} [COMMAND] [OPTION]..."),
            format!("{called} {OTHER_WORDS}"),
        ];
    }
    let mut words = vec![called];
    if !command.commands.is_empty() {
        words.push("COMMAND".to_owned());
    }
    words.extend(command.positionals.iter().map(positional));
    // That of --help is everybody's.
    if command.flags.len() > 1 || !command.commands.is_empty() {
        words.push("[OPTION]...".to_owned());
    }
    vec![words.join(" ")]
}

fn positional(word: &PositionalInfo) -> String {
    let name = word.name.to_uppercase();
    match word.optionality {
        Optionality::Required => name,
        Optionality::Optional => format!("[{name}]"),
        Optionality::Repeating | Optionality::Greedy => format!("[{name}...]"),
    }
}

/// `-o, --output FILE`.
fn flag_name(flag: &FlagInfo) -> String {
    let value = flag_value(flag).map_or(String::new(), |value| format!(" {value}"));
    flag_names(flag) + &value
}

/// `-o, --output`.
pub fn flag_names(flag: &FlagInfo) -> String {
    let short = definition::short(flag).map_or(String::new(), |letter| format!("-{letter}, "));
    format!("{short}{}", flag.long)
}

/// `FILE`.
pub fn flag_value(flag: &FlagInfo) -> Option<String> {
    match flag.kind {
        FlagInfoKind::Switch => None,
        FlagInfoKind::Option { arg_name } => Some(arg_name.to_uppercase()),
    }
}

/// The variables that mean the same as this flag of the command that is called so. What installs a service reads none of them.
pub fn variables(flag: &FlagInfo, path: &[&str]) -> &'static [&'static str] {
    let is_read = path.first() != Some(&"service");
    let known = VARIABLES_OF_FLAGS
        .iter()
        .find(|(name, _)| *name == flag.long);
    known.filter(|_| is_read).map_or(&[], |(_, names)| names)
}

fn description(flag: &FlagInfo, path: &[&str]) -> String {
    if flag.long == "--help" {
        return "print this".to_owned();
    }
    match variables(flag, path) {
        [] => flag.description.to_owned(),
        names => {
            let names = names.join(", ").replace(' ', &JOINT.to_string());
            format!("{} [env:{JOINT}{names}]", flag.description)
        }
    }
}

/// A text whose lines are not longer than its width, where words allow.
struct Text {
    lines: String,
    width: usize,
}

impl Text {
    /// An empty line, and a heading.
    fn heading(&mut self, heading: &str) {
        self.lines += "\n";
        if !heading.is_empty() {
            self.lines += &format!("{heading}\n");
        }
    }

    fn paragraph(&mut self, text: &str) {
        for line in wrap(text, self.width) {
            self.lines += &format!("{line}\n");
        }
    }

    /// A term, and what it means: beside it where there is room, else below.
    fn entry(&mut self, term: &str, column: usize, meaning: &str) {
        let is_narrow = self.width < WIDTH_OF_COLUMNS && column > 8;
        let column = if is_narrow { 6 } else { column };
        let length = term.chars().count();
        let mut meaning = wrap(meaning, self.width - column).into_iter();
        let indent = term.chars().take_while(|c| *c == ' ').count();
        if length + 1 < column || term.trim().is_empty() {
            let beside = meaning.next().unwrap_or_default();
            self.lines += format!("{term:column$}{beside}").trim_end();
            self.lines += "\n";
        } else {
            for (n, line) in wrap(term, self.width - indent - 2).iter().enumerate() {
                let indent = if n == 0 { indent } else { indent + 2 };
                self.lines += &format!("{:indent$}{line}\n", "");
            }
        }
        for line in meaning.filter(|line| !line.is_empty()) {
            self.lines += &format!("{:column$}{line}\n", "");
        }
    }
}

#[cfg(test)]
mod tests;
