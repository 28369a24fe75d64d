//! The command line as it was typed: argh structs, whose doc comments are the help text, and nothing checked yet.
//!
//! Every value stays text, so that `config` can report all that are wrong in one go.

pub mod command;
pub mod definition;
mod health;
mod own_words;
mod parse;
mod query;
mod secret;
mod service;
pub mod spelling;
mod tap;
mod top;
mod tray;
mod usage;

pub use command::Command;
pub use health::HealthArgs;
pub use own_words::CompletionsArgs;
pub use parse::{Invocation, OLLAMA_COMMANDS, PROGRAM_NAME, REAPER_FLAG, SERVE_ALIAS, parse};
pub use query::{
    ExportArgs, Flag, LocationArgs, PurgeArgs, SearchArgs, ShowArgs, StatsArgs, WhyArgs,
};
pub use secret::extract_token;
pub use service::{InstallArgs, ServiceCommand, UninstallArgs};
pub use tap::{DemoArgs, ProxyArgs, ServeArgs};
pub use top::TopArgs;
pub use tray::TrayArgs;
