//! One file a command; those that ask the history are in `history`, those for the system's services in `service`.

pub mod console_window;
pub mod demo;
mod discovery;
pub mod health;
pub mod history;
mod metrics_text;
pub mod passthrough;
pub mod proxy;
pub mod secret;
pub mod serve;
pub mod service;
pub mod tray;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crossbeam_channel::{Receiver, unbounded};
use log::LevelFilter;

use crate::app::wiring::DESCRIPTORS_WANTED;
use crate::config::BadValue;
use crate::error::{Error, Result, failed};
use crate::logging;
use crate::platform;
use crate::util::threads::STACK;

/// A variable of the environment, for settings.
fn env_var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Settings, or all that is wrong with them.
fn report_bad_values<T>(resolved: Result<T, Vec<BadValue>>) -> Result<T> {
    resolved.map_err(|bad| {
        let lines: Vec<String> = bad.iter().map(|value| value.to_string()).collect();
        Error::Usage(lines.join("\nollama-tap: "))
    })
}

/// Sets up the process for a tap, before it has a second thread.
fn init_process(log_level: LevelFilter) {
    platform::resources::set_thread_stack(STACK);
    logging::start(log_level);
    let descriptors = platform::resources::raise_descriptor_limit(DESCRIPTORS_WANTED);
    log::debug!("at most {descriptors} descriptors");
}

/// Hears of the first signal to stop; the second ends the process at once, after `on_second_signal`.
fn stop_signals(on_second_signal: impl Fn() + Send + 'static) -> Result<Receiver<()>> {
    let (stop, stopped) = unbounded();
    let stopping = AtomicBool::new(false);
    platform::process::wait_for_signals(move || {
        if stopping.swap(true, SeqCst) || stop.send(()).is_err() {
            on_second_signal();
            platform::socket_store::let_go_of_all();
            std::process::exit(1);
        }
    })
    .map_err(failed("wait for signals"))?;
    Ok(stopped)
}
