//! One file a command; those that ask the history are in `history`.

pub mod history;
pub mod proxy;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crossbeam_channel::{Receiver, unbounded};

use crate::cli::ProxyArgs;
use crate::config::Config;
use crate::error::{Error, Result, failed};
use crate::platform;

/// The settings of a tap, or all that is wrong with them.
fn resolve(args: &ProxyArgs) -> Result<Config> {
    Config::resolve(args, &|name| std::env::var(name).ok()).map_err(|bad| {
        let lines: Vec<String> = bad.iter().map(|value| value.to_string()).collect();
        Error::Usage(lines.join("\nollama-tap: "))
    })
}

/// Hears of the first signal to stop; the second ends the process at once.
fn stop_signals() -> Result<Receiver<()>> {
    let (stop, stopped) = unbounded();
    let stopping = AtomicBool::new(false);
    platform::wait_for_signals(move || {
        if stopping.swap(true, SeqCst) || stop.send(()).is_err() {
            std::process::exit(1);
        }
    })
    .map_err(failed("wait for signals"))?;
    Ok(stopped)
}
