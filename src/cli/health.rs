//! `health`: the one query about the tap and not about its history.

use argh::{ArgsInfo, FromArgs};

/// Say whether a tap answers; exit 1 where none does. For container health checks and scripts.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "health", help_triggers("--help", "-h", "help"))]
#[argh(
    note = "Where the variables of `ollama-tap proxy` say that it listens, or has its pages, it is looked for there."
)]
#[argh(note = "Whether Ollama answers is `curl ADDR/test`.")]
pub struct HealthArgs {
    /// address of the running tap to ask (default the one that runs; of several that of port 11434, of 8000, or the newest)
    #[argh(option, arg_name = "ADDR")]
    pub listen: Option<String>,
}
