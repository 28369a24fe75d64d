//! Commands of the system: run, asked, or become.

use std::process::{Command, ExitCode, Stdio};

use crate::error::{Error, Result};
use crate::platform;

/// Runs a command to its end.
pub fn run(words: &[String]) -> Result<(), String> {
    let (program, args) = words.split_first().ok_or("no command")?;
    let status = command(program)
        .args(args)
        .status()
        .map_err(|cause| cause.to_string())?;
    if status.success() {
        Ok(())
    } else {
        Err(status.to_string())
    }
}

/// A command of the system's, found too where `su` leaves out of PATH what is for root alone.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(platform::folders::MORE_PATH);
    command.env("PATH", path);
    command
}

/// What a command prints; `None` where it is missing or fails.
pub fn output(words: &[&str]) -> Option<String> {
    let (program, args) = words.split_first()?;
    let output = command(program)
        .args(args)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Becomes this command, which is the user's own word in another one's mouth.
pub fn become_command(words: &[&str]) -> Result<ExitCode> {
    let (program, args) = words.split_first().unwrap_or((&"", &[]));
    let cause = platform::process::become_program(command(program).args(args));
    Err(Error::Failed(format!("run {}: {cause}", words.join(" "))))
}
