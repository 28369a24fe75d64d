//! `ollama-tap health`: whether a tap answers, for those who have nothing but this executable to find out with.

use std::process::ExitCode;

use super::{discovery, env_var, print, report_bad_values};
use crate::cli::{HealthArgs, LocationArgs};
use crate::config::QueryConfig;
use crate::error::{Error, Result};

pub fn run(args: &HealthArgs) -> Result<ExitCode> {
    let config = report_bad_values(QueryConfig::resolve(
        LocationArgs::of_tap(&args.listen),
        &env_var,
    ))?;
    match discovery::find(&config) {
        Some(tap) => print(&format!("a tap answers at {}\n", tap.address())),
        None => Err(Error::Failed(discovery::nothing_found(&config))),
    }
}
