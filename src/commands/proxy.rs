//! `ollama-tap proxy`: a tap in front of an Ollama that already runs.

use std::process::ExitCode;
use std::sync::Arc;

use super::{env_var, init_process, report_bad_values, stop_signals};
use crate::app::{self, Tap};
use crate::cli::ProxyArgs;
use crate::config::Config;
use crate::diagnose::context::lines::LogOwner;
use crate::error::Result;
use crate::forward::readiness::Readiness;
use crate::http::address::ListenAddress;
use crate::ollama::journal;

pub fn run(args: &ProxyArgs) -> Result<ExitCode> {
    let config = report_bad_values(Config::resolve(
        args,
        ListenAddress::proxy_default(),
        &env_var,
    ))?;
    init_process(config.log_level);
    let stopped = stop_signals(|| ())?;
    let tap = Tap::start(&config, Arc::new(Readiness::external()), app::announce)?;
    journal::follow(&config.upstream, tap.log_reader(LogOwner::Service));
    let _ = stopped.recv();
    tap.drain(config.shutdown_grace);
    Ok(ExitCode::SUCCESS)
}
