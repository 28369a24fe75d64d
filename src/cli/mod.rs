//! The command line as it was typed: argh structs, whose doc comments are the help text, and nothing checked yet.
//!
//! Every value stays text, so that `config` can report all that are wrong in one go.

mod health;
mod parse;
mod query;
mod secret;
mod service;
mod tap;
mod tray;

use argh::{ArgsInfo, FromArgs};
pub use health::HealthArgs;
pub use parse::{Invocation, REAPER_FLAG, parse};
pub use query::{ExportArgs, Flag, LocationArgs, PurgeArgs, SearchArgs, StatsArgs};
pub use secret::extract_token;
pub use service::{InstallArgs, ServiceArgs, ServiceCommand, UninstallArgs};
pub use tap::{DemoArgs, ProxyArgs, ServeArgs};
pub use tray::TrayArgs;

/// Ollama Tap stands where applications expect Ollama, forwards every byte unchanged, and turns what it saw into
/// metrics and a searchable history.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(help_triggers("--help", "-h"))]
pub struct Cli {
    /// print the version
    #[argh(switch, short = 'V')]
    version: bool,

    #[argh(subcommand)]
    command: Option<Command>,
}

/// What this version can do.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(subcommand)]
pub enum Command {
    Serve(ServeArgs),
    Proxy(ProxyArgs),
    Demo(DemoArgs),
    Stats(StatsArgs),
    Search(SearchArgs),
    Export(ExportArgs),
    Purge(PurgeArgs),
    Health(HealthArgs),
    Service(ServiceArgs),
    Tray(TrayArgs),
}
