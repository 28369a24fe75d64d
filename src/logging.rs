//! LOGGING: to stderr, or to the log of the system for a service.
//!
//! | level | contents |
//! |---|---|
//! | error | failures that need a person: a panic, a dead listener; of a service of Windows the event log has them, too |
//! | warn | failures that the tap recovered from or goes on without; findings that are sure |
//! | info | start, stop, Ollama coming and going, one line per inference request, other findings |
//! | debug | binding, the route of each request, queue depths, every answer to the watcher |
//!
//! At every level, control characters are escaped and passwords in URLs hidden when a line is
//! formatted. A prompt, a reply's text or a header's value is never logged.

use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::time::SystemTime;

use env_logger::Target;
use log::{Level, LevelFilter, Record};

use crate::platform;
use crate::util::sanitize::{escape_control_chars, redact_passwords};
use crate::util::screen::{Screen, Style};

/// Starts logging, and makes panics part of the log.
pub fn start(level: LevelFilter) {
    let (target, screen) = match platform::service::log_target() {
        Some(file) => (Target::Pipe(file), Screen::default()),
        None => (Target::Stderr, Screen::stderr()),
    };
    env_logger::Builder::new()
        .target(target)
        // Libraries log header values.
        .filter_level(LevelFilter::Off)
        .filter_module(env!("CARGO_CRATE_NAME"), level)
        .format(move |line, record| {
            let now = humantime::format_rfc3339_millis(SystemTime::now());
            let level = screen.paint(style(record.level()), &format!("{:5}", record.level()));
            let message = printable(record);
            if record.level() == Level::Error {
                platform::service::report_failure(&message);
            }
            writeln!(line, "{now} {level} {message}")
        })
        .init();
    std::panic::set_hook(Box::new(on_panic));
}

/// Starts logging for an error that came before the settings were known.
pub fn start_if_needed() {
    if log::max_level() == LevelFilter::Off {
        start(LevelFilter::Error);
    }
}

/// Starts logging the warnings of a command at a terminal, in the form of its other messages.
pub fn start_for_terminal() {
    env_logger::Builder::new()
        .filter_level(LevelFilter::Off)
        .filter_module(env!("CARGO_CRATE_NAME"), LevelFilter::Warn)
        .format(|line, record| {
            let name = Screen::stderr().paint(style(record.level()), "ollama-tap:");
            writeln!(line, "{name} {}", printable(record))
        })
        .init();
}

/// The look of what is said at this level.
fn style(level: Level) -> Style {
    match level {
        Level::Error => Style::Error,
        Level::Warn => Style::Warning,
        Level::Info => Style::Plain,
        Level::Debug | Level::Trace => Style::Dim,
    }
}

/// Returns the message of a record as one line without passwords.
fn printable(record: &Record) -> String {
    let message = record.args().to_string();
    escape_control_chars(&redact_passwords(&message)).into_owned()
}

/// Logs the panic of any thread as an error.
fn on_panic(panic: &PanicHookInfo) {
    let place = panic
        .location()
        .map(|at| format!("{}:{}", at.file(), at.line()))
        .unwrap_or_default();
    log::error!(
        "thread {} panicked at {place}",
        std::thread::current().name().unwrap_or("without a name")
    );
}
