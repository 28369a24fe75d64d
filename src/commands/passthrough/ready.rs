//! A command starts once Ollama answers, so that it need not know about starts.

use std::thread;
use std::time::{Duration, Instant};

use crate::commands::serve::TapAndOllama;
use crate::error::{Error, Result};
use crate::http::address::Upstream;
use crate::http::agent::Target;
use crate::ollama::client::OllamaClient;
use crate::util::stderr;

/// A start that takes longer is told of.
const SLOW_START: Duration = Duration::from_secs(2);

/// The start of an Ollama that others run may take so long; then the command may find out for itself.
const EXTERNAL_START_TIMEOUT: Duration = Duration::from_secs(300);

/// The time between two probes.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Waits for the Ollama that was started for the command. One that fails once is not waited for.
pub fn wait_for_managed(pair: &TapAndOllama) -> Result<()> {
    wait_while_starting(|_| match pair.ollama.failure() {
        Some(reason) => Err(Error::Failed(reason)),
        None => Ok(!pair.readiness.wait_until_ready(POLL_INTERVAL)),
    })
}

/// Waits for the Ollama behind a tap that others run.
pub fn wait_behind(tap: &Upstream) -> Result<()> {
    let ollama = OllamaClient::new(&Target::of(tap)?);
    wait_while_starting(|waited| {
        let is_starting = waited < EXTERNAL_START_TIMEOUT && ollama.is_starting();
        if is_starting {
            thread::sleep(POLL_INTERVAL);
        }
        Ok(is_starting)
    })
}

/// Waits as long as Ollama starts, and says so where that takes long. The question is told how long that was so far.
fn wait_while_starting(is_starting: impl Fn(Duration) -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    let mut is_announced = false;
    while is_starting(began.elapsed())? {
        if !is_announced && began.elapsed() > SLOW_START {
            stderr::say("ollama-tap: waiting for ollama to start");
            is_announced = true;
        }
    }
    Ok(())
}
