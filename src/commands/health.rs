//! `ollama-tap health`: whether a tap answers, for those who have nothing but this executable to find out with.

use std::process::ExitCode;

use super::{reported, running, variable};
use crate::cli::{HealthArgs, LocationArgs};
use crate::config::QueryConfig;
use crate::error::{Error, Result};

pub fn run(args: &HealthArgs) -> Result<ExitCode> {
    let config = reported(QueryConfig::resolve(
        LocationArgs::of_tap(&args.listen),
        &variable,
    ))?;
    match running::find(&config) {
        Some(tap) => {
            println!("a tap answers at {}", tap.address());
            Ok(ExitCode::SUCCESS)
        }
        None => Err(Error::Failed(format!(
            "no tap answers at {}",
            config.addresses()
        ))),
    }
}
