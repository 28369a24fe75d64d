//! CHILD: one run of `ollama serve`, behind its guard.

use std::io::{self, Read};
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use super::said::Said;
use super::supervise::stop_grace;
use super::{Plan, clean_environment, find};
use crate::cli::REAPER_FLAG;
use crate::platform;
use crate::util::threads::STACK;

/// How much longer than Ollama's own time to end its guard gets.
const GUARD_GRACE: Duration = Duration::from_secs(2);

/// How long we wait for the last of what was written, once all who could write are dead.
const DRAIN: Duration = Duration::from_millis(500);

pub struct Child {
    guard: process::Child,
    /// Ollama is ended when this closes.
    leash: Option<ChildStdin>,
    /// How Ollama ended, once it and its guard have.
    pub ended: Receiver<String>,
    said: Arc<Said>,
    drained: Receiver<()>,
}

impl Child {
    pub fn start(plan: &Plan) -> io::Result<Child> {
        let mut command = Command::new(platform::process::own_executable()?);
        command
            .arg(REAPER_FLAG)
            .arg(&plan.program)
            .env("OLLAMA_HOST", format!("127.0.0.1:{}", plan.port));
        clean_environment(&mut command);
        command.env(find::DEPTH, find::DEPTH_MAX.to_string()); // no server of Ollama's starts one of ours
        platform::process::lead_group(&mut command);
        let mut guard = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let said = Arc::new(Said::default());
        let (leash, status, outputs) =
            (guard.stdin.take(), guard.stdout.take(), guard.stderr.take());
        let noting = said.clone();
        let drained = read("ollama-log", move || {
            outputs.into_iter().for_each(|pipe| noting.drain(pipe))
        })?;
        let ended = read("ollama-end", move || {
            let mut how = String::new();
            status
                .into_iter()
                .for_each(|mut pipe| drop(pipe.read_to_string(&mut how)));
            if how.is_empty() {
                "its guard was killed".to_owned()
            } else {
                how
            }
        })?;
        Ok(Child {
            guard,
            leash,
            ended,
            said,
            drained,
        })
    }

    /// Ends all of it at once, and returns the last lines that it wrote.
    pub fn kill(mut self) -> String {
        platform::process::kill_group(&self.guard);
        let _ = self.guard.wait();
        let _ = self.drained.recv_timeout(DRAIN);
        self.said.last()
    }

    /// Lets it end by itself, as far as it does.
    pub fn stop(mut self) {
        self.leash.take();
        if self.ended.recv_timeout(stop_grace() + GUARD_GRACE).is_err() {
            log::warn!("stopping: the guard of ollama did not end in time");
        }
        self.kill();
    }
}

/// Runs `life` on a thread of its own and hands over what it comes to.
fn read<T: Send + 'static>(
    name: &str,
    life: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Receiver<T>> {
    let (done, result) = bounded(1);
    thread::Builder::new()
        .name(name.into())
        .stack_size(STACK)
        .spawn(move || done.send(life()))?;
    Ok(result)
}
