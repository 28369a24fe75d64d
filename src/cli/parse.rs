//! Parses the arguments of the process, and decides which of them are ours and which are Ollama's.

use std::ffi::OsString;
use std::path::PathBuf;

use argh::FromArgs;

use super::command::{Cli, Command};
use super::definition;
use super::own_words::VersionArgs;
use super::spelling::closest;
use super::tap::ServeArgs;
use super::usage;

/// Ollama's own commands, each with what it does. Any other word that is not close to one of ours is Ollama's too.
pub const OLLAMA_COMMANDS: [(&str, &str); 14] = [
    ("run", "run a model"),
    ("list", "list models"),
    ("ls", "list models"),
    ("pull", "get a model"),
    ("push", "publish a model"),
    ("show", "show information for a model"),
    ("ps", "list running models"),
    ("stop", "stop a running model"),
    ("create", "create a model"),
    ("cp", "copy a model"),
    ("rm", "remove a model"),
    ("launch", "launch a program that uses models"),
    ("signin", "sign in to ollama.com"),
    ("signout", "sign out from ollama.com"),
];

/// The request of a command line.
#[derive(Debug, PartialEq)]
pub enum Invocation {
    Run(Box<Command>),
    /// The help of the command of these names; of the program, for none.
    Help(Vec<String>),
    /// A command of Ollama's, every argument of it unread.
    Ollama(Vec<OsString>),
    /// A command of Ollama's if Ollama has one of this name; else these commands of ours are what was meant.
    Misspelt {
        words: Vec<OsString>,
        closest: Vec<&'static str>,
    },
    /// Hidden: the guard between us and this Ollama.
    Reaper(PathBuf),
    /// The error and the way out, for standard error; exit 2.
    Usage(String),
}

/// Another name of `serve`, where it is the first word: the service has a verb of this name.
pub const SERVE_ALIAS: &str = "start";

/// What the program is called.
pub const PROGRAM_NAME: &str = "ollama-tap";

/// The first argument of a reaper (`ollama::reaper`), which no help lists. It is that of version 0.1.0: a tap that still runs
/// starts the executable that replaced its own.
pub const REAPER_FLAG: &str = "--guard";

/// Reads the arguments, without the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Invocation {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let mut is_implied = false;
    match classify(&args) {
        FirstArgument::Ours => {}
        FirstArgument::Serve => {
            is_implied = true;
            args.insert(0, "serve".into());
        }
        FirstArgument::Alias => args[0] = "serve".into(),
        FirstArgument::Version => args[0] = "version".into(),
        FirstArgument::Separator => return Invocation::Ollama(args.split_off(1)),
        FirstArgument::Foreign => return foreign(args),
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
    if let [definition::HELP, names @ ..] = &args[..] {
        let names = names.iter().filter(|name| !name.starts_with('-'));
        let mut names: Vec<String> = names.map(|name| (*name).to_owned()).collect();
        if let Some(alias) = names.first_mut().filter(|name| *name == SERVE_ALIAS) {
            *alias = "serve".to_owned();
        }
        return Invocation::Help(names);
    }
    match Cli::from_args(&[PROGRAM_NAME], &args) {
        Ok(Cli { version: true, .. }) => run(Command::Version(VersionArgs {})),
        Ok(Cli {
            command: Some(command),
            ..
        }) => run(command),
        Ok(Cli { command: None, .. }) => run(Command::Serve(ServeArgs::default())),
        Err(exit) if exit.status.is_ok() => {
            let (_, path) = definition::find(&args);
            let command = path.into_iter().map(str::to_owned).collect();
            Invocation::Help(command)
        }
        Err(exit) => Invocation::Usage(usage::message(&exit.output, &args, is_implied)),
    }
}

fn run(command: Command) -> Invocation {
    Invocation::Run(Box::new(command))
}

/// Decides about a word that is none of ours.
fn foreign(words: Vec<OsString>) -> Invocation {
    let word = words.first().and_then(|word| word.to_str());
    let closest = match word {
        Some(word) if !OLLAMA_COMMANDS.iter().any(|(known, _)| *known == word) => {
            closest(word, definition::command_names().chain([SERVE_ALIAS]))
        }
        _ => Vec::new(),
    };
    if closest.is_empty() {
        Invocation::Ollama(words)
    } else {
        Invocation::Misspelt { words, closest }
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
    /// `-v`, which asks Ollama for its version too: our letter is `V` elsewhere.
    Version,
    Reaper,
}

pub fn classify(args: &[OsString]) -> FirstArgument {
    match args.first().map(|arg| arg.to_str()) {
        None => FirstArgument::Serve,
        Some(Some(SERVE_ALIAS)) => FirstArgument::Alias,
        Some(Some("--")) => FirstArgument::Separator,
        Some(Some(REAPER_FLAG)) => FirstArgument::Reaper,
        Some(Some("-v")) => FirstArgument::Version,
        Some(Some("--help" | "-h" | "--version" | "-V")) => FirstArgument::Ours,
        Some(Some(word)) if definition::command_names().any(|known| known == word) => {
            FirstArgument::Ours
        }
        Some(Some(flag)) if flag.starts_with('-') => FirstArgument::Serve,
        Some(_) => FirstArgument::Foreign,
    }
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
                } else if arg.starts_with('-') && !definition::is_switch(arg) {
                    out.extend(rest.next());
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
