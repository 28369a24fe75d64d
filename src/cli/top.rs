//! `top`: what runs now, which only a running tap knows.

use argh::{ArgsInfo, FromArgs};

use super::LocationArgs;

/// Show what runs now: requests, loaded models and the last minute, again each second. Into a pipe, once.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "top", help_triggers("--help", "-h", "help"))]
#[argh(note = "Keys: q or Esc ends, p pauses, arrows, Page Up, Page Down, Home and End scroll.")]
pub struct TopArgs {
    /// print what the tap answers, one JSON object, once
    #[argh(switch)]
    pub json: bool,

    /// address of the running tap to ask (default the one that runs; of several that of port 11434, of 8000, or the newest)
    #[argh(option, arg_name = "ADDR")]
    pub listen: Option<String>,

    /// bearer token of the running tap
    #[argh(option, arg_name = "TEXT")]
    pub token: Option<String>,

    /// colours: auto (on a terminal, by NO_COLOR, CLICOLOR and CLICOLOR_FORCE), always or never
    #[argh(option, arg_name = "WHEN")]
    pub color: Option<String>,
}

impl TopArgs {
    pub fn location(&self) -> LocationArgs<'_> {
        LocationArgs {
            token: &self.token,
            color: &self.color,
            ..LocationArgs::of_tap(&self.listen)
        }
    }
}
