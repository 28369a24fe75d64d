//! `ollama-tap top`: what runs now, as the running tap tells it.
//!
//! - `snapshot` is an answer of the tap, and `frame` makes lines of it
//! - `live` asks again each second and heeds keys, on the terminal that `display` has taken; into a pipe goes one answer

mod display;
mod frame;
mod live;
mod snapshot;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use super::history::query_config;
use super::history::tap_client::TapClient;
use super::{discovery, env_var, print, usage};
use crate::cli::TopArgs;
use crate::error::{Error, Result};
use crate::platform::terminal::{self, Output};
use crate::util::screen::Screen;
use frame::TopView;
use snapshot::Snapshot;

pub fn run(args: &TopArgs) -> Result<ExitCode> {
    let config = query_config(args.location()).map_err(usage)?;
    let Some(tap) = discovery::find(&config) else {
        return Err(Error::Failed(format!(
            "{}; start one with `ollama-tap serve` or `ollama-tap proxy`, or say where it is with --listen",
            discovery::nothing_found(&config)
        )));
    };
    let answer = tap.active()?;
    if args.json {
        return print(&format!("{}\n", answer.trim_end()));
    }
    let now = read(&tap, &answer)?;
    if has_terminal() {
        return live::run(tap, config, now);
    }
    let view = TopView {
        tap: tap.address(),
        now: Some(&now),
        ..TopView::default()
    };
    print(&frame::text(&view, &Screen::stdout()))
}

/// Can keys be read, and lines be written in their places?
fn has_terminal() -> bool {
    io::stdin().is_terminal()
        && terminal::shows_sequences(Output::Stdout)
        && env_var("TERM").as_deref() != Some("dumb")
}

fn read(tap: &TapClient, answer: &str) -> Result<Snapshot> {
    Snapshot::read(answer).ok_or_else(|| {
        Error::Failed(format!(
            "ask the tap at {}: its answer is not what was asked for",
            tap.address()
        ))
    })
}
