//! `ollama-tap serve`: Ollama on a port of its own, and the tap in its place; both stop together.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::{prepare, reported, stop_signals, variable};
use crate::app::{self, Tap};
use crate::cli::ServeArgs;
use crate::config::{Config, ServeConfig};
use crate::error::Result;
use crate::forward::readiness::Readiness;
use crate::http::address::Upstream;
use crate::ollama::port;
use crate::ollama::{LaunchPlan, OllamaProcess, find};

pub fn run(args: &ServeArgs) -> Result<ExitCode> {
    let config = reported(ServeConfig::resolve(args, &variable))?;
    prepare(config.tap.log_level);
    let stopped = stop_signals(|| ())?;
    let grace = config.tap.shutdown_grace;
    let both = Both::start(config, |settings, readiness| {
        Tap::start(settings, readiness, app::announce)
    })?;
    let _ = stopped.recv();
    both.stop(grace);
    Ok(ExitCode::SUCCESS)
}

/// Ollama, and the tap in front of it.
pub struct Both {
    pub tap: Tap,
    pub readiness: Arc<Readiness>,
    pub ollama: OllamaProcess,
}

impl Both {
    /// Finds Ollama and its port, takes ours, and starts both. The tap answers from here on, Ollama once it is ready.
    pub fn start(
        config: ServeConfig,
        start_tap: impl Fn(&Config, Arc<Readiness>) -> Result<Tap>,
    ) -> Result<Both> {
        let program = find::ollama(config.ollama.as_deref())?;
        let mut settings = config.tap;
        let port = port::choose_backend_port(config.backend_port, settings.listen.port)?;
        settings.upstream = Upstream::loopback(port);
        let readiness = Arc::new(Readiness::managed());
        let tap = start_tap(&settings, readiness.clone())?;
        let ollama = OllamaProcess::start(
            LaunchPlan { program, port },
            readiness.clone(),
            tap.metrics(),
        )?;
        Ok(Both {
            tap,
            readiness,
            ollama,
        })
    }

    /// Lets requests under way finish, and then stops Ollama.
    pub fn stop(self, grace: Duration) {
        self.tap.drain(grace);
        self.ollama.stop();
    }
}
