//! The command line: one of the commands, or a flag of its own.

use argh::{ArgsInfo, FromArgs};

use super::health::HealthArgs;
use super::own_words::{CompletionsArgs, ManArgs, VersionArgs};
use super::query::{ExportArgs, PurgeArgs, SearchArgs, ShowArgs, StatsArgs, WhyArgs};
use super::service::ServiceArgs;
use super::tap::{DemoArgs, ProxyArgs, ServeArgs};
use super::top::TopArgs;
use super::tray::TrayArgs;

/// Ollama Tap stands where applications expect Ollama, forwards every byte unchanged, and turns what it saw into
/// metrics and a searchable history.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(help_triggers("--help", "-h"))]
#[argh(
    example = "ollama-tap  # start Ollama and answer in its place; Ctrl-C ends both",
    example = "ollama-tap proxy  # tap an Ollama that runs already, from port 8000",
    example = "ollama-tap demo --traffic  # something to look at, without a model",
    example = "ollama-tap run llama3.2  # Ollama's own command, measured",
    example = "ollama-tap stats --by model  # how much was asked, and how fast",
    example = "ollama-tap search sky --since 2d  # what was asked and answered",
    example = "ollama-tap show 3f2a  # one request whole, by the beginning of its id",
    example = "ollama-tap top  # what runs now",
    example = "ollama-tap why  # what made requests slow or wrong",
    example = "sudo ollama-tap service install  # run it now, and at boot"
)]
#[argh(
    error_code(0, "done, or found"),
    error_code(1, "not possible, or nothing found"),
    error_code(2, "the command line or a setting makes no sense"),
    error_code(3, "`service status`: it does not run")
)]
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
    Show(ShowArgs),
    Top(TopArgs),
    Why(WhyArgs),
    Export(ExportArgs),
    Purge(PurgeArgs),
    Health(HealthArgs),
    Service(ServiceArgs),
    Tray(TrayArgs),
    Version(VersionArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}
