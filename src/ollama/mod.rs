//! BACKEND: the `ollama serve` behind the tap, from finding it to its end.
//!
//! ```text
//! supervisor ──pipe──▶ guard, which leads a process group ─▶ ollama serve ─▶ its runners
//! ```
//!
//! - `find` says which program Ollama is, `port::for_backend` where it will listen
//! - `supervise` starts it, waits until it answers, starts it again when it dies or hangs, and stops it
//! - `child` is one run of it, `said` what that writes, `health` whether it answers
//! - `guard` is the process that ends the whole group, however we end

mod child;
pub mod client;
pub mod find;
pub mod guard;
mod health;
pub mod occupant;
pub mod port;
mod said;
mod supervise;

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, bounded};

use crate::config::SECRETS;
use crate::error::{Result, failed};
use crate::forward::readiness::Readiness;
use crate::metrics::Metrics;
use crate::util::threads::{STACK, lock};
use supervise::Supervisor;

/// Which Ollama to run, and where it listens.
#[derive(Clone, Debug)]
pub struct Plan {
    pub program: PathBuf,
    /// Of 127.0.0.1.
    pub port: u16,
}

/// An Ollama that is kept running.
pub struct Backend {
    stop: Sender<()>,
    supervisor: JoinHandle<()>,
    failure: Arc<Mutex<Option<String>>>,
}

impl Backend {
    /// Starts Ollama and is ready as long as it answers.
    pub fn start(plan: Plan, readiness: Arc<Readiness>, metrics: Arc<Metrics>) -> Result<Backend> {
        let (stop, stopped) = bounded(1);
        let failure = Arc::default();
        let supervisor = Supervisor {
            plan,
            readiness,
            metrics,
            stopped,
            failure: Arc::clone(&failure),
        };
        let thread = thread::Builder::new()
            .name("supervisor".into())
            .stack_size(STACK);
        let supervisor = thread
            .spawn(move || supervisor.run())
            .map_err(failed("start threads"))?;
        Ok(Backend {
            stop,
            supervisor,
            failure,
        })
    }

    /// Why Ollama had to be started again last, if it had.
    pub fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    /// Ends Ollama and all that it started.
    pub fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.supervisor.join();
    }
}

/// Takes out of a command's environment what is ours alone: secrets, and what `platform::resources::set_thread_stack` left there.
pub fn clean_environment(command: &mut Command) {
    for name in SECRETS.into_iter().chain(["RUST_MIN_STACK"]) {
        command.env_remove(name);
    }
}
