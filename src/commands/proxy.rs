//! `ollama-tap proxy`: a tap in front of an Ollama that already runs.

use std::process::ExitCode;

use super::{resolve, stop_signals};
use crate::cli::ProxyArgs;
use crate::error::Result;
use crate::tap::{STACK, Tap};
use crate::{logging, platform};

/// Descriptors to ask the system for: a connection costs two, and one to Ollama while its request runs.
const DESCRIPTORS: u64 = 16_384;

pub fn run(args: &ProxyArgs) -> Result<ExitCode> {
    platform::set_thread_stack(STACK);
    let config = resolve(args)?;
    logging::start(config.log_level);
    let descriptors = platform::raise_descriptor_limit(DESCRIPTORS);
    log::debug!("at most {descriptors} descriptors");
    let stopped = stop_signals()?;
    let tap = Tap::start(&config)?;
    let _ = stopped.recv();
    tap.drain(config.shutdown_grace);
    Ok(ExitCode::SUCCESS)
}
