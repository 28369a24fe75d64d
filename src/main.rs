//! Ollama Tap takes Ollama's place at its port, forwards every byte unchanged, and turns what passes into metrics.
//!
//! ```text
//! client ─▶ listen ─▶ lanes ─▶ worker ─▶ forward ─▶ Ollama
//!                       │                   │ bytes first, looking later
//!                       ▼                   ▼
//!                     pages              observe ─▶ Exchange ─▶ metrics ─▶ /metrics
//! ```
//!
//! `forward` and `observe` know neither metrics nor pages; `Exchange` is all that passes between the two halves. Only
//! `platform` has code for one system, or unsafe code.
#![deny(unsafe_code)]

mod address;
mod cli;
mod commands;
mod config;

mod client;
mod connections;
mod fault;
mod forward;
mod lanes;
mod listen;
mod reply;
mod route;
mod worker;

mod guard;
mod metrics;
mod observe;
mod pages;

mod record;
mod store;

mod error;
mod logging;
mod ollama;
mod platform;
mod watch;

use std::process::ExitCode;

use cli::{Command, Parsed};
use error::{Error, Result};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ollama-tap: {error}");
            error.exit_code()
        }
    }
}

fn run() -> Result<ExitCode> {
    match cli::parse(std::env::args_os().skip(1)) {
        Parsed::Run(command) => match *command {
            Command::Proxy(args) => commands::proxy::run(&args),
        },
        Parsed::Print(text) => {
            println!("{text}");
            Ok(ExitCode::SUCCESS)
        }
        Parsed::Usage(text) => Err(Error::Usage(text)),
    }
}
