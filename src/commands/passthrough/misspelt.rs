//! A word that is close to one of our commands: Ollama's, where Ollama has it, and else a mistake, of which nothing is started.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::{find, ollama, run, settings};
use crate::cli::PROGRAM_NAME;
use crate::cli::spelling::did_you_mean;
use crate::error::{Error, Result};
use crate::util::threads::{self, STACK};

/// Ollama's help is there in a moment; one that is not lists nothing.
const HELP_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs Ollama's command, or says which of ours was meant.
pub fn run_or_suggest(words: &[OsString], closest: &[&str]) -> Result<ExitCode> {
    let word = words
        .first()
        .and_then(|word| word.to_str())
        .unwrap_or_default();
    let named = settings().ok().and_then(|config| config.ollama);
    let program = find::ollama(named.as_deref());
    let has_it = program.is_ok_and(|program| help(&program).is_some_and(|help| lists(&help, word)));
    if has_it {
        return run(words);
    }
    Err(Error::Usage(format!(
        "no such command `{word}`; {} For ollama's: `{PROGRAM_NAME} -- {word}`",
        did_you_mean(closest)
    )))
}

/// What `ollama --help` prints, if it ends in time.
fn help(program: &Path) -> Option<String> {
    let mut command = ollama(program, &["--help".into()], None);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut output = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    let read = move || {
        let mut text = Vec::new();
        let read = output.read_to_end(&mut text);
        let _ = sender.send(read.map(|_| text));
    };
    // Without a thread nobody sends, which ends the wait at once.
    let _ = threads::spawn("help", STACK, read);
    let text = receiver.recv_timeout(HELP_TIMEOUT);
    let _ = child.kill();
    let _ = child.wait();
    Some(String::from_utf8_lossy(&text.ok()?.ok()?).into_owned())
}

/// Whether a help has a line of this command.
fn lists(help: &str, word: &str) -> bool {
    let mut lines = help.lines().filter(|line| line.starts_with([' ', '\t']));
    lines.any(|line| line.split_whitespace().next() == Some(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_listed_by_a_line_of_its_own() {
        let help = "Usage:\n  ollama [flags]\n\nAvailable Commands:\n  serve       Start Ollama\n  serch  Find a model that serves\n";
        assert!(lists(help, "serve") && lists(help, "serch"));
        assert!(!lists(help, "Start") && !lists(help, "Usage:") && !lists(help, "serves"));
    }
}
