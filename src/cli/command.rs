//! The command line: one of the commands, or a flag of its own.

use argh::{ArgsInfo, FromArgs};

use super::health::HealthArgs;
use super::query::{ExportArgs, PurgeArgs, SearchArgs, StatsArgs, WhyArgs};
use super::service::ServiceArgs;
use super::tap::{DemoArgs, ProxyArgs, ServeArgs};
use super::tray::TrayArgs;

/// Ollama Tap stands where applications expect Ollama, forwards every byte unchanged, and turns what it saw into
/// metrics and a searchable history.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(help_triggers("--help", "-h"))]
pub struct Cli {
    /// print the version
    #[argh(switch, short = 'V')]
    pub version: bool,

    #[argh(subcommand)]
    pub command: Option<Command>,
}

/// The commands of this version.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(subcommand)]
pub enum Command {
    Serve(ServeArgs),
    Proxy(ProxyArgs),
    Demo(DemoArgs),
    Stats(StatsArgs),
    Search(SearchArgs),
    Why(WhyArgs),
    Export(ExportArgs),
    Purge(PurgeArgs),
    Health(HealthArgs),
    Service(ServiceArgs),
    Tray(TrayArgs),
}
