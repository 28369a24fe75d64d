//! `ollama-tap proxy`: a tap in front of an Ollama that already runs.

use std::process::ExitCode;
use std::sync::Arc;

use super::{prepare, reported, stop_signals};
use crate::address::Listen;
use crate::cli::ProxyArgs;
use crate::config::Config;
use crate::error::Result;
use crate::gate::Gate;
use crate::tap::{self, Tap};

/// Every interface, because its Ollama has the port that clients know.
pub fn default_listen() -> Listen {
    Listen { host: "0.0.0.0".to_owned(), port: 8000 }
}

pub fn run(args: &ProxyArgs) -> Result<ExitCode> {
    let config = reported(Config::resolve(args, default_listen(), &|name| std::env::var(name).ok()))?;
    prepare(config.log_level);
    let stopped = stop_signals(|| ())?;
    let tap = Tap::start(&config, Arc::new(Gate::open()), tap::aloud)?;
    let _ = stopped.recv();
    tap.drain(config.shutdown_grace);
    Ok(ExitCode::SUCCESS)
}
