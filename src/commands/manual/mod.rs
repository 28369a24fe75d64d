//! What the program tells about itself: `help`, `version`, `completions` and `man`, all of them made of the definition of the command line.

mod completions;
mod help;
mod page;
mod words;

use std::process::ExitCode;

use super::{print, usage};
use crate::cli::definition;
use crate::cli::spelling::{closest, did_you_mean};
use crate::cli::{CompletionsArgs, OLLAMA_COMMANDS, PROGRAM_NAME};
use crate::error::Result;
use crate::util::screen::Screen;

/// Columns of a help that goes to no terminal.
const DEFAULT_WIDTH: usize = 80;

/// Shows the help of the command of these names; of the program, for none.
pub fn help(names: &[String]) -> Result<ExitCode> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (command, path) = definition::find(&names);
    match names.get(path.len()) {
        Some(unknown) if !definition::is_help(unknown) => {
            Err(usage(vec![no_such_command(unknown, &command)]))
        }
        _ => print(&help::help(
            &command,
            &path,
            Screen::stdout().width.unwrap_or(DEFAULT_WIDTH),
        )),
    }
}

fn no_such_command(name: &str, above: &argh::CommandInfoWithArgs) -> String {
    let meant = closest(name, above.commands.iter().map(|below| below.name));
    let ollamas = format!("`{PROGRAM_NAME} -- help {name}`");
    if OLLAMA_COMMANDS.iter().any(|(known, _)| *known == name) {
        format!("`{name}` is a command of ollama's, whose help is {ollamas}")
    } else if meant.is_empty() {
        format!("no such command `{name}` (see `{PROGRAM_NAME} help`; ollama's help is {ollamas})")
    } else {
        format!("no such command `{name}`; {}", did_you_mean(&meant))
    }
}

pub fn version() -> Result<ExitCode> {
    print(&format!("{PROGRAM_NAME} {}\n", env!("CARGO_PKG_VERSION")))
}

pub fn completions(args: &CompletionsArgs) -> Result<ExitCode> {
    let accepted = words::SHELLS.join(", ");
    match &args.shell {
        None => Err(usage(vec![format!("say for which shell: {accepted}")])),
        Some(shell) => match completions::script(shell) {
            Some(script) => print(&script),
            None => Err(usage(vec![format!(
                "bad value for SHELL: `{shell}`; accepted: {accepted}"
            )])),
        },
    }
}

pub fn man() -> Result<ExitCode> {
    print(&page::page(&definition::program()))
}
