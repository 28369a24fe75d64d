//! READY: a command starts once Ollama answers, so that it need not know about starts.

use std::thread;
use std::time::{Duration, Instant};

use crate::commands::serve::Both;
use crate::error::{Error, Result};
use crate::http::address::Upstream;
use crate::http::agent::Target;
use crate::ollama::client::OllamaClient;

/// A start that takes longer is told of.
const SLOW: Duration = Duration::from_secs(2);

/// The start of an Ollama that others run may take so long; then the command may find out for itself.
const OTHERS_START: Duration = Duration::from_secs(300);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Waits for the Ollama that was started for the command. One that fails once is not waited for.
pub fn wait_for_ours(both: &Both) -> Result<()> {
    wait_while(|_| match both.ollama.failure() {
        Some(why) => Err(Error::Failed(why)),
        None => Ok(!both.readiness.wait_until_ready(LOOK)),
    })
}

/// Waits for the Ollama behind a tap that others run.
pub fn wait_behind(tap: &Upstream) -> Result<()> {
    let ollama = OllamaClient::new(&Target::of(tap)?);
    wait_while(|waited| {
        let is_starting = waited < OTHERS_START && ollama.is_starting();
        if is_starting {
            thread::sleep(LOOK);
        }
        Ok(is_starting)
    })
}

/// Waits as long as Ollama starts, and says so where that takes long. The question is told how long that was so far.
fn wait_while(is_starting: impl Fn(Duration) -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    let mut is_told = false;
    while is_starting(began.elapsed())? {
        if !is_told && began.elapsed() > SLOW {
            eprintln!("ollama-tap: waiting for ollama to start");
            is_told = true;
        }
    }
    Ok(())
}
