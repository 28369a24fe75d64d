//! `health`: the one question that is about the tap and not about its history.

use argh::{ArgsInfo, FromArgs};

/// Say whether a tap answers; exit 1 where none does. For container health checks and scripts.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "health", usage = "[--listen ADDR]", help_triggers("--help", "-h", "help"))]
#[argh(note = "It is looked for where the variables of `ollama-tap proxy` have it listen. Whether Ollama answers is `curl ADDR/test`.")]
pub struct HealthArgs {
    /// address of the running tap to ask (default 127.0.0.1, ports 11434 and 8000)
    #[argh(option)]
    pub listen: Option<String>,
}
