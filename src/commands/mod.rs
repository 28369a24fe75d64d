//! The commands, one file each; those that query the history are in `history`, those for the system's services in `service`.

pub mod console_window;
pub mod demo;
mod discovery;
pub mod health;
pub mod history;
pub mod manual;
mod metrics_text;
pub mod passthrough;
pub mod proxy;
pub mod secret;
pub mod serve;
pub mod service;
pub mod top;
pub mod tray;

use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crossbeam_channel::{Receiver, unbounded};
use log::LevelFilter;

use crate::app::wiring::DESCRIPTORS_WANTED;
use crate::config::BadValue;
use crate::error::{Error, Result, failed};
use crate::logging;
use crate::platform;
use crate::util::threads::STACK;

/// Reads a variable of the environment, for settings.
fn env_var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Turns bad values into the error that ends the program.
fn report_bad_values<T>(resolved: Result<T, Vec<BadValue>>) -> Result<T> {
    resolved.map_err(|bad| usage(bad.iter().map(ToString::to_string).collect()))
}

/// Makes the error of a wrong command line, a line each.
fn usage(errors: Vec<String>) -> Error {
    Error::Usage(errors.join("\nollama-tap: "))
}

/// Sets up the process for a tap, before it has a second thread.
fn init_process(log_level: LevelFilter) {
    platform::resources::set_thread_stack(STACK);
    logging::start(log_level);
    let descriptors = platform::resources::raise_descriptor_limit(DESCRIPTORS_WANTED);
    log::debug!("at most {descriptors} descriptors");
}

/// Reports the first signal to stop; the second ends the process at once, after `on_second_signal`.
fn stop_signals(on_second_signal: impl Fn() + Send + 'static) -> Result<Receiver<()>> {
    let (stop, stopped) = unbounded();
    let stopping = AtomicBool::new(false);
    platform::process::wait_for_signals(move || {
        if stopping.swap(true, SeqCst) || stop.send(()).is_err() {
            on_second_signal();
            platform::socket_store::remove_all();
            std::process::exit(1);
        }
    })
    .map_err(failed("wait for signals"))?;
    Ok(stopped)
}

/// Writes an answer to standard output. A reader that has seen enough (`| head`) is not a failure.
pub fn print(text: &str) -> Result<ExitCode> {
    write_out(text).map(|_| ExitCode::SUCCESS)
}

/// Writes a part of an answer to standard output; returns whether its reader has seen enough.
pub fn write_out(text: &str) -> Result<ControlFlow<()>> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(cause) if cause.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(cause) => Err(failed("write to standard output")(cause)),
    }
}
