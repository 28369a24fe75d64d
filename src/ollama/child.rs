//! One run of `ollama serve`, behind its reaper.

use std::io::{self, Read};
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use super::output::{LineSink, OutputTail};
use super::timing::stop_grace;
use super::{LaunchPlan, clean_environment, find};
use crate::cli::REAPER_FLAG;
use crate::platform;
use crate::util::threads::STACK;

/// The time that the reaper gets on top of `stop_grace`.
const REAPER_GRACE: Duration = Duration::from_secs(2);

/// The longest wait for the last output once all processes that could write are dead.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// One run of Ollama and its reaper.
pub struct Child {
    reaper: process::Child,
    /// The reaper stops Ollama when this closes.
    stop_pipe: Option<ChildStdin>,
    /// Returns how Ollama ended, in words, once it and its reaper have.
    pub exit: Receiver<String>,
    output: Arc<OutputTail>,
    drained: Receiver<()>,
}

impl Child {
    /// Starts the reaper, which starts Ollama, whose lines are told to `sink`.
    pub fn start(plan: &LaunchPlan, sink: LineSink) -> io::Result<Child> {
        let mut command = Command::new(platform::process::own_executable()?);
        command
            .arg(REAPER_FLAG)
            .arg(&plan.program)
            .env("OLLAMA_HOST", format!("127.0.0.1:{}", plan.port));
        clean_environment(&mut command);
        command.env(find::DEPTH, find::DEPTH_MAX.to_string()); // Ollama's server must not start ours
        platform::process::lead_group(&mut command);
        let mut reaper = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let output = Arc::new(OutputTail::new(sink));
        let (stop_pipe, status, outputs) = (
            reaper.stdin.take(),
            reaper.stdout.take(),
            reaper.stderr.take(),
        );
        let tail = output.clone();
        let drained = spawn("ollama-log", move || {
            if let Some(pipe) = outputs {
                tail.drain(pipe);
            }
        })?;
        let exit = spawn("ollama-end", move || {
            let mut how = String::new();
            if let Some(mut pipe) = status {
                let _ = pipe.read_to_string(&mut how);
            }
            if how.is_empty() {
                "its reaper was killed".to_owned()
            } else {
                how
            }
        })?;
        Ok(Child {
            reaper,
            stop_pipe,
            exit,
            output,
            drained,
        })
    }

    /// Kills the whole group, and returns the last lines that it wrote.
    pub fn kill(mut self) -> String {
        platform::process::kill_group(&self.reaper);
        let _ = self.reaper.wait();
        let _ = self.drained.recv_timeout(DRAIN_TIMEOUT);
        self.output.last()
    }

    /// Lets Ollama end by itself, and kills what is left.
    pub fn stop(mut self) {
        self.stop_pipe.take();
        if self.exit.recv_timeout(stop_grace() + REAPER_GRACE).is_err() {
            log::warn!("stopping: the reaper of ollama did not end in time");
        }
        self.kill();
    }
}

/// Runs `work` on a thread of its own and sends its result.
fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Receiver<T>> {
    let (done, result) = bounded(1);
    thread::Builder::new()
        .name(name.into())
        .stack_size(STACK)
        .spawn(move || done.send(work()))?;
    Ok(result)
}
