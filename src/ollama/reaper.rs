//! The process between us and Ollama, which ends Ollama and its runners however we end.
//!
//! It is this very executable, started with a hidden argument. It leads a process group in which Ollama and the runners live, and
//! it holds the reading end of a pipe whose other end only we have. When that closes (we are done with Ollama, or dead by any
//! signal), it asks the group to end, and soon kills it. A number of a process that is gone may be given to another one, so
//! no process here ever signals a number that could be: the group is the reaper's own for as long as the reaper lives.
//!
//! - standard input: the pipe; its end is the order to end Ollama
//! - standard output: how Ollama ended, in words
//! - standard error: both outputs of Ollama, in the order they were written

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use super::timing::stop_grace;
use crate::platform;

/// The life of a reaper. Where Ollama was started, it ends with the whole group.
pub fn run(program: &Path) -> ExitCode {
    match start(program) {
        Ok(mut ollama) => {
            let status = ollama.wait();
            report(&status.map_or_else(|e| e.to_string(), |status| status.to_string()));
            platform::process::kill_own_group();
            ExitCode::SUCCESS
        }
        Err(cause) => {
            report(&format!("start {}: {cause}", program.display()));
            ExitCode::FAILURE
        }
    }
}

fn start(program: &Path) -> io::Result<Child> {
    platform::process::become_leader().map_err(|e| {
        io::Error::other(format!(
            "{e}; a reaper is started by `ollama-tap serve` alone"
        ))
    })?;
    let grace = stop_grace();
    let ollama = Command::new(program)
        .arg("serve")
        .stdin(Stdio::null())
        .stdout(platform::process::own_stderr()?)
        .spawn()?;
    thread::Builder::new()
        .name("stop-pipe".into())
        .spawn(move || stop_when_pipe_closes(grace))?;
    Ok(ollama)
}

fn stop_when_pipe_closes(grace: Duration) {
    let _ = io::stdin().read_to_end(&mut Vec::new());
    platform::process::ask_own_group_to_end();
    thread::sleep(grace);
    platform::process::kill_own_group();
}

/// Writes how Ollama ended; the tap that would read it may be gone.
fn report(how: &str) {
    let _ = io::stdout().write_all(how.as_bytes());
    let _ = io::stdout().flush();
}
