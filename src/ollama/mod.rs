//! The Ollama behind a tap: the one that `serve` starts, from finding it to its end, and questions to any other.
//!
//! ```text
//! supervisor ──pipe──▶ reaper, which leads a process group ─▶ ollama serve ─▶ its runners
//! ```
//!
//! - `find` finds the program, `port` a port for it, `occupant` what answers at a port
//! - `supervisor` starts it, waits until it answers, restarts it when it dies or hangs, and stops it; `timing` has its limits
//! - `child` is one run of it, `output` what that writes, `probe` asks whether it answers
//! - `reaper` is the process that ends the whole group, however we end
//! - `journal` follows what an Ollama writes that is a service of this machine
//! - `app_settings` reads what Ollama's desktop app would give to its server
//! - `client` asks an Ollama for its version and models

pub mod app_settings;
mod child;
pub mod client;
pub mod find;
pub mod journal;
pub mod occupant;
mod output;
pub mod port;
mod probe;
pub mod reaper;
mod supervisor;
mod timing;

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
pub use output::LineSink;
use supervisor::Supervisor;

/// The Ollama to run, and the port it listens on.
#[derive(Clone, Debug)]
pub struct LaunchPlan {
    pub program: PathBuf,
    /// A port of 127.0.0.1.
    pub port: u16,
}

/// An Ollama that is kept running by a supervisor.
pub struct OllamaProcess {
    stop: Sender<()>,
    supervisor: JoinHandle<()>,
    failure: Arc<Mutex<Option<String>>>,
}

impl OllamaProcess {
    /// Starts Ollama; `readiness` is set while it answers, and `lines` is told what it writes.
    pub fn start(
        plan: LaunchPlan,
        readiness: Arc<Readiness>,
        metrics: Arc<Metrics>,
        lines: LineSink,
    ) -> Result<OllamaProcess> {
        let (stop, stopped) = bounded(1);
        let failure = Arc::default();
        let supervisor = Supervisor {
            plan,
            readiness,
            metrics,
            stopped,
            lines,
            failure: Arc::clone(&failure),
        };
        let thread = thread::Builder::new()
            .name("supervisor".into())
            .stack_size(STACK);
        let supervisor = thread
            .spawn(move || supervisor.run())
            .map_err(failed("start threads"))?;
        Ok(OllamaProcess {
            stop,
            supervisor,
            failure,
        })
    }

    /// Returns why Ollama was restarted last, if it was.
    pub fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    /// Stops Ollama and all that it started.
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
