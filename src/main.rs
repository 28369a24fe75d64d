//! Ollama Tap takes Ollama's place at its port, forwards every byte unchanged, and turns what passes into metrics and a
//! searchable history.
//!
//! ```text
//! client ─▶ server ─▶ worker ─▶ forward ─▶ Ollama
//!              │                   │ bytes first, looking later
//!              │                   ▼
//!              │                observe ─▶ Exchange ─┬─▶ metrics ─▶ /metrics
//!              ▼                                     └─▶ recorder (bounded queue)
//!            pages ◀──────────── store ◀─────────────────┘ one thread, batches
//!                        jsonl │ sqlite │ loki
//! ```
//!
//! `forward` and `observe` know neither metrics nor store; `Exchange` is all that passes between the two halves. Only
//! `platform` has code for one system, or unsafe code. `tap` wires it all.
//!
//! In front of an Ollama of our own (`serve`), `backend` starts it and keeps it running, and `gate` says when it can be asked.
#![deny(unsafe_code)]

mod address;
mod cli;
mod commands;
mod config;

mod tap;

mod backend;

mod budget;
mod fault;
mod forward;
mod gate;
mod lanes;
mod listeners;
mod port;
mod reply;
mod responder;
mod route;
mod server;
mod worker;
mod workers;

mod demo;

mod metrics;
mod model_name;
mod observe;

mod archive;
mod origin;
mod record;
mod recorder;
mod store;

mod export;
mod guard;
mod pages;

mod error;
mod logging;
mod note;
mod occupant;
mod ollama;
mod pace;
mod platform;
mod sanitize;
mod threads;
mod watch;
mod watchdog;
mod window;

#[cfg(test)]
#[allow(unsafe_code, reason = "it asks to be called at the end of the process")]
#[path = "../tests/it/harness/skips.rs"]
mod skips;

#[cfg(test)]
#[path = "../tests/it/harness/sample.rs"]
mod sample;

use std::ffi::OsString;
use std::process::ExitCode;

use cli::{Command, Parsed};
use commands::history;
use error::{Error, Result};
use window::Window;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let parsed = cli::parse(args.clone());
    if matches!(parsed, Parsed::Run(_)) {
        commands::secret::hide_token(&args);
    }
    // Not before that, which starts us anew with what was handed over.
    platform::take_over();
    let window = Window::open();
    let code = run(parsed).unwrap_or_else(|error| {
        eprintln!(
            "ollama-tap: {}",
            sanitize::without_passwords(&error.to_string())
        );
        window.keep();
        error.exit_code()
    });
    if code != ExitCode::SUCCESS {
        platform::let_go_of_all();
    }
    code
}

fn run(parsed: Parsed) -> Result<ExitCode> {
    match parsed {
        Parsed::Run(command) => match *command {
            Command::Serve(args) => commands::serve::run(&args),
            Command::Proxy(args) => commands::proxy::run(&args),
            Command::Demo(args) => commands::demo::run(&args),
            Command::Stats(args) => history::stats::run(&args),
            Command::Search(args) => history::search::run(&args),
            Command::Export(args) => history::export::run(&args),
            Command::Purge(args) => history::purge::run(&args),
            Command::Health(args) => commands::health::run(&args),
            Command::Service(args) => commands::service::run(&args.verb),
            Command::Tray(args) => commands::tray::run(&args),
        },
        Parsed::Ollama(words) => commands::passthrough::run(&words),
        Parsed::Guard(program) => Ok(backend::guard::run(&program)),
        Parsed::Print(text) => {
            println!("{text}");
            Ok(ExitCode::SUCCESS)
        }
        Parsed::Usage(text) => Err(Error::Usage(text)),
    }
}
