//! Parses the arguments of the process, and decides which of them are ours and which are Ollama's.

use std::ffi::OsString;
use std::path::PathBuf;

use argh::FromArgs;

use super::command::{Cli, Command};
use super::tap::ServeArgs;

/// The names of the commands.
const COMMANDS: [&str; 11] = [
    "serve", "proxy", "demo", "stats", "search", "why", "export", "purge", "health", "service",
    "tray",
];

/// The request of a command line.
#[derive(Debug, PartialEq)]
pub enum Invocation {
    Run(Box<Command>),
    /// A command of Ollama's, every argument of it unread.
    Ollama(Vec<OsString>),
    /// Hidden: the guard between us and this Ollama.
    Reaper(PathBuf),
    /// Text for standard output; exit 0.
    Print(String),
    /// The error and the way out, for standard error; exit 2.
    Usage(String),
}

const PROGRAM_NAME: &str = "ollama-tap";

/// The first argument of a reaper (`ollama::reaper`), which no help lists. It is that of version 0.1.0: a tap that still runs
/// starts the executable that replaced its own.
pub const REAPER_FLAG: &str = "--guard";

/// Arguments that stand alone; every other one that begins with `-` takes the next as its value.
pub const SWITCHES: [&str; 12] = [
    "--help",
    "-h",
    "--version",
    "-V",
    "--json",
    "--all",
    "--yes",
    "--dry-run",
    "--purge",
    "--follow",
    "-f",
    "--traffic",
];

/// Reads the arguments, without the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Invocation {
    let mut args: Vec<OsString> = args.into_iter().collect();
    match classify(&args) {
        FirstArgument::Ours => {}
        FirstArgument::Serve => args.insert(0, "serve".into()),
        FirstArgument::Alias => args[0] = "serve".into(),
        FirstArgument::Separator => return Invocation::Ollama(args.split_off(1)),
        FirstArgument::Foreign => return Invocation::Ollama(args),
        FirstArgument::Reaper => {
            return Invocation::Reaper(args.into_iter().nth(1).unwrap_or_default().into());
        }
    }
    let args: Vec<String> = match args.into_iter().map(OsString::into_string).collect() {
        Ok(args) => args,
        Err(arg) => {
            return Invocation::Usage(format!("argument `{}` is not UTF-8", arg.to_string_lossy()));
        }
    };
    let args = split_flag_values(&args);
    match Cli::from_args(&[PROGRAM_NAME], &args) {
        Ok(Cli { version: true, .. }) => {
            Invocation::Print(format!("{PROGRAM_NAME} {}", env!("CARGO_PKG_VERSION")))
        }
        Ok(Cli {
            command: Some(command),
            ..
        }) => Invocation::Run(Box::new(command)),
        Ok(Cli { command: None, .. }) => {
            Invocation::Run(Box::new(Command::Serve(ServeArgs::default())))
        }
        Err(exit) if exit.status.is_ok() => Invocation::Print(exit.output.trim_end().to_owned()),
        Err(exit) => Invocation::Usage(usage_message(&exit.output, &args)),
    }
}

/// The meaning of the arguments, as the first one decides it.
pub enum FirstArgument {
    /// A command, or one of the flags that stand alone.
    Ours,
    /// No argument, or a flag: stands for `serve`.
    Serve,
    /// Another name of `serve`, as Ollama has it.
    Alias,
    /// `--`: the rest is a command of Ollama's, also where we have one of that name.
    Separator,
    Foreign,
    Reaper,
}

pub fn classify(args: &[OsString]) -> FirstArgument {
    match args.first().map(|arg| arg.to_str()) {
        None => FirstArgument::Serve,
        Some(Some("start")) => FirstArgument::Alias,
        Some(Some("--")) => FirstArgument::Separator,
        Some(Some(REAPER_FLAG)) => FirstArgument::Reaper,
        Some(Some("--help" | "-h" | "--version" | "-V")) => FirstArgument::Ours,
        Some(Some(word)) if COMMANDS.contains(&word) => FirstArgument::Ours,
        // Ollama's own version: our letter for it is `V`.
        Some(Some(flag)) if flag.starts_with('-') && flag != "-v" => FirstArgument::Serve,
        Some(_) => FirstArgument::Foreign,
    }
}

/// argh's own message, in our voice: it begins with a capital and ends in a line break.
fn usage_message(output: &str, args: &[&str]) -> String {
    let text = output.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase()).into_iter();
    let text: String = first.chain(letters).collect();
    let command = args
        .first()
        .filter(|word| COMMANDS.contains(word))
        .map(|word| format!(" {word}"))
        .unwrap_or_default();
    format!(
        "{} (see `{PROGRAM_NAME}{command} --help`)",
        text.trim_end_matches('.')
    )
}

/// Splits `--flag=value` into `--flag value`, the only form argh reads. A separate value is left alone, whatever it looks like, and so
/// is everything after `--`.
pub fn split_flag_values(args: &[String]) -> Vec<&str> {
    let mut out = Vec::with_capacity(args.len() + 4);
    let mut rest = args.iter().map(String::as_str);
    while let Some(arg) = rest.next() {
        match arg.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => out.extend([flag, value]),
            _ => {
                out.push(arg);
                if arg == "--" {
                    out.extend(rest.by_ref());
                } else if arg.starts_with('-') && !SWITCHES.contains(&arg) {
                    out.extend(rest.next());
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
