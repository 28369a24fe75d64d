//! Ollama Tap takes the place of Ollama at its port, forwards every byte unchanged, and makes metrics and a searchable history of the
//! traffic.
//!
//! ```text
//! client ─▶ server ─▶ forward ─▶ Ollama
//!              │         │ bytes first, observing later
//!              │         ▼
//!              │      observe ─▶ Exchange ─┬─▶ metrics ─▶ /metrics
//!              ▼                           └─▶ diagnose ─▶ recorder (bounded queue)
//!            pages ◀──────── store ◀────────────────────────┘ one thread, batches
//!                     jsonl │ sqlite │ loki
//! ```
//!
//! The rooms below stand in reading order, and each imports only rooms below it. `app` wires them; its workers carry a
//! request from `server` to `forward`. `forward` and `observe` know neither metrics nor history: `Exchange` is all that
//! passes between the two halves. Only `platform` has code for one system, or unsafe code.
#![deny(unsafe_code)]
// They panic where nothing can be written: `commands::print` and `util::stderr` do not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod commands;

mod app;

mod pages;

mod active;

mod ollama;

mod instance;

mod history;

mod demo;

mod forward;

mod server;

mod metrics;

mod observe;

mod diagnose;

mod config;

mod http;

mod cli;

mod error;
mod logging;
mod util;

mod platform;

#[cfg(test)]
#[allow(unsafe_code, reason = "it asks to be called at the end of the process")]
#[path = "../tests/it/harness/skips.rs"]
mod skips;

#[cfg(test)]
#[path = "../tests/it/harness/sample.rs"]
mod sample;

use std::ffi::OsString;
use std::process::ExitCode;

use cli::{Command, Invocation};
use commands::console_window::Window;
use error::{Error, Result};
use util::screen::{Screen, Style};
use util::stderr;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let parsed = cli::parse(args.clone());
    if matches!(parsed, Invocation::Run(_)) {
        commands::secret::hide_token(&args);
    }
    // Not before `hide_token`, which may execute the program again with the sockets still to be inherited.
    platform::socket_store::inherit();
    let window = Window::open();
    let code = run(parsed).unwrap_or_else(|error| {
        stderr::say(format_args!(
            "{} {}",
            Screen::stderr().paint(Style::Error, "ollama-tap:"),
            util::sanitize::redact_passwords(&error.to_string())
        ));
        window.wait_for_enter();
        error.exit_code()
    });
    if code != ExitCode::SUCCESS {
        platform::socket_store::remove_all();
    }
    code
}

fn run(parsed: Invocation) -> Result<ExitCode> {
    match parsed {
        Invocation::Run(command) => match *command {
            Command::Serve(args) => commands::serve::run(&args),
            Command::Proxy(args) => commands::proxy::run(&args),
            Command::Demo(args) => commands::demo::run(&args),
            Command::Stats(args) => commands::history::stats::run(&args),
            Command::Search(args) => commands::history::search::run(&args),
            Command::Show(args) => commands::history::show::run(&args),
            Command::Top(args) => commands::top::run(&args),
            Command::Why(args) => commands::history::why::run(&args),
            Command::Export(args) => commands::history::export::run(&args),
            Command::Purge(args) => commands::history::purge::run(&args),
            Command::Health(args) => commands::health::run(&args),
            Command::Service(args) => commands::service::run(&args.verb),
            Command::Tray(args) => commands::tray::run(&args),
            Command::Version(_) => commands::manual::version(),
            Command::Completions(args) => commands::manual::completions(&args),
            Command::Man(_) => commands::manual::man(),
        },
        Invocation::Help(names) => commands::manual::help(&names),
        Invocation::Ollama(words) => commands::passthrough::run(&words),
        Invocation::Misspelt { words, closest } => {
            commands::passthrough::run_or_suggest(&words, &closest)
        }
        Invocation::Reaper(program) => Ok(ollama::reaper::run(&program)),
        Invocation::Usage(text) => Err(Error::Usage(text)),
    }
}
