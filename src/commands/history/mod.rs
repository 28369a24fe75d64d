//! Questions to the history from a terminal: one file a command, and what they share.
//!
//! - `source` finds the history: a running tap (`tap_client`, and `abort_reason` where its answer breaks
//!   off), or a directory (`detect`, `usual`) that is read itself
//! - `filter` reads which records are meant, `moment` the times among it
//! - `format` and `table` make text for people that fits their terminal, in which nothing from a prompt can move it; `found` shows where
//!   a text was found

mod abort_reason;
mod detect;
pub mod export;
mod filter;
mod follow;
pub(super) mod format;
mod found;
mod models;
mod moment;
mod output_file;
mod progress;
pub mod purge;
mod refused;
pub mod search;
pub mod show;
mod source;
pub mod stats;
pub(super) mod table;
pub mod tap_client;
mod usual;
mod waterfall;
pub mod why;

use serde::Serialize;

use super::{env_var, print, usage, write_out};
use crate::cli::LocationArgs;
use crate::config::QueryConfig;
use crate::error::Result;
use crate::logging;
use crate::util::screen;

/// The errors of a command line, a line each.
pub(super) type UsageErrors = Vec<String>;

/// Returns both values, or the errors of both.
fn combine<A, B>(
    a: Result<A, UsageErrors>,
    b: Result<B, UsageErrors>,
) -> Result<(A, B), UsageErrors> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err([a.err().unwrap_or_default(), b.err().unwrap_or_default()].concat()),
    }
}

/// Reads the settings of a query.
pub(super) fn query_config(args: LocationArgs) -> Result<QueryConfig, UsageErrors> {
    logging::start_for_terminal();
    let config = QueryConfig::resolve(args, &env_var)
        .map_err(|bad| bad.iter().map(ToString::to_string).collect::<UsageErrors>())?;
    screen::set_color(config.color);
    Ok(config)
}

/// An answer as `--json` prints it.
fn json(answer: &impl Serialize) -> String {
    serde_json::to_string_pretty(answer).unwrap_or_default() + "\n"
}
