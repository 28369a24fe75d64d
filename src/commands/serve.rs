//! `ollama-tap serve`: Ollama on a port of its own, and the tap in its place; both stop together.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::{env_var, init_process, report_bad_values, stop_signals};
use crate::app::{self, Tap};
use crate::cli::ServeArgs;
use crate::config::{Config, ServeConfig};
use crate::diagnose::context::lines::LogOwner;
use crate::error::Result;
use crate::forward::readiness::Readiness;
use crate::http::address::Upstream;
use crate::ollama::port;
use crate::ollama::{LaunchPlan, OllamaProcess, find};

pub fn run(args: &ServeArgs) -> Result<ExitCode> {
    let config = report_bad_values(ServeConfig::resolve(args, &env_var))?;
    init_process(config.tap.log_level);
    let stopped = stop_signals(|| ())?;
    let grace = config.tap.shutdown_grace;
    let pair = TapAndOllama::start(config, |settings, readiness| {
        Tap::start(settings, readiness, app::announce)
    })?;
    let _ = stopped.recv();
    pair.stop(grace);
    Ok(ExitCode::SUCCESS)
}

/// Ollama, and the tap in front of it.
pub struct TapAndOllama {
    pub tap: Tap,
    pub readiness: Arc<Readiness>,
    pub ollama: OllamaProcess,
}

impl TapAndOllama {
    /// Finds Ollama and its port, takes ours, and starts both. The tap answers from here on, Ollama once it is ready.
    pub fn start(
        config: ServeConfig,
        start_tap: impl Fn(&Config, Arc<Readiness>) -> Result<Tap>,
    ) -> Result<TapAndOllama> {
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
            tap.log_reader(LogOwner::Child),
        )?;
        Ok(TapAndOllama {
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
