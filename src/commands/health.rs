//! `ollama-tap health`: whether a tap answers, for those who have nothing but this executable to find out with.

use std::process::ExitCode;

use super::{reported, running, variable};
use crate::cli::{HealthArgs, PlaceArgs};
use crate::config::Question;
use crate::error::{Error, Result};

pub fn run(args: &HealthArgs) -> Result<ExitCode> {
    let question = reported(Question::resolve(
        PlaceArgs::of_tap(&args.listen),
        &variable,
    ))?;
    match running::find(&question) {
        Some(tap) => {
            println!("a tap answers at {}", tap.address());
            Ok(ExitCode::SUCCESS)
        }
        None => Err(Error::Failed(format!(
            "no tap answers at {}",
            question.addresses()
        ))),
    }
}
