//! Commands of the system: run to their end, read from, or put in place of this process.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::error::{Result, failed};
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

/// Finds a command of the system, also where `su` leaves the directories for root out of PATH.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(platform::folders::MORE_PATH);
    command.env("PATH", path);
    command
}

/// Returns the output of a command; `None` where it is missing or fails.
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

/// Returns a property out of the output of `systemctl show`; empty where it is missing.
pub fn systemctl_property<'a>(shown: &'a str, name: &str) -> &'a str {
    shown
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_default()
}

/// Returns a value of a property list, in this format of plutil; `None` where it has none of this name.
pub fn plist_value(plist: &Path, name: &str, format: &str) -> Option<String> {
    let plist = plist.to_string_lossy();
    output(&["plutil", "-extract", name, format, "-o", "-", &plist])
}

/// Replaces this process by a command, whose exit code and output are then ours.
pub fn become_command(words: &[&str]) -> Result<ExitCode> {
    let (program, args) = words.split_first().unwrap_or((&"", &[]));
    let cause = platform::process::become_program(command(program).args(args));
    Err(failed(format!("run {}", words.join(" ")))(cause))
}
