//! `service` and its verbs.

use argh::{ArgsInfo, FromArgs};

use super::tap::{ProxyArgs, into_proxy_args, tap_command};

/// Have the system start Ollama Tap, keep it running, and start it again at boot.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(subcommand, name = "service", help_triggers("--help", "-h", "help"))]
pub struct ServiceArgs {
    #[argh(subcommand)]
    pub verb: ServiceCommand,
}

#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(subcommand)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of it, and argh describes nothing in a box"
)]
pub enum ServiceCommand {
    Install(InstallArgs),
    Uninstall(UninstallArgs),
    Start(StartArgs),
    Stop(StopArgs),
    Restart(RestartArgs),
    Status(StatusArgs),
    Logs(LogsArgs),
    Test(TestArgs),
    Run(RunArgs),
}

tap_command! {
    /// Install it, or bring what is installed up to date: what is not given stays as it was set before.
    #[argh(subcommand, name = "install", help_triggers("--help", "-h", "help"))]
    #[argh(note = "An Ollama that is a service already stays one: it moves to the backend port, and the tap takes its address.")]
    #[argh(note = "With --upstream the tap stands in front of an Ollama elsewhere. Otherwise the service starts Ollama itself.")]
    #[argh(note = "The flags are those of serve and proxy; they are written to a file that you may edit: /etc/ollama-tap.env, on Windows %ProgramData%\\OllamaTap\\ollama-tap.env.")]
    pub struct InstallArgs {
        /// print every step and do none
        #[argh(switch)]
        pub dry_run: bool,

        /// write what is installed anew from its settings alone, for the executable that took the place of an older one
        #[argh(switch)]
        pub keep: bool,

        /// address to listen on (default where Ollama listens now, else 127.0.0.1:11434; with --upstream [::]:8000)
        #[argh(option, arg_name = "ADDR")]
        pub listen: Option<String>,

        /// address of an Ollama elsewhere; the one of this machine is left alone
        #[argh(option, arg_name = "URL")]
        pub upstream: Option<String>,

        /// port of this machine's Ollama behind the tap (default 11435)
        #[argh(option, arg_name = "PORT")]
        pub backend_port: Option<String>,

        /// the ollama to start (default the one on PATH, else in its usual places)
        #[argh(option, arg_name = "PATH")]
        pub ollama: Option<String>,

        /// directory of the history (default ollama_analytics in the service's own)
        #[argh(option, arg_name = "DIR")]
        pub analytics_dir: Option<String>,
    }
}

into_proxy_args! {
    InstallArgs: listen admin_listen upstream workers shutdown_grace idle_timeout log_level track_embeddings metrics_category client_header token
    analytics_backend name retention_days store_text loki_url analytics_max_bytes
}

/// Stop it and remove it, and put Ollama's own service back as it was; the history stays, and its place is printed.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "uninstall", help_triggers("--help", "-h", "help"))]
pub struct UninstallArgs {
    /// delete the history, the log and the service's own user as well
    #[argh(switch)]
    pub purge: bool,

    /// print every step and do none
    #[argh(switch)]
    pub dry_run: bool,
}

/// Start it.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "start", help_triggers("--help", "-h", "help"))]
pub struct StartArgs {}

/// Stop it, until it is started or the machine boots.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "stop", help_triggers("--help", "-h", "help"))]
pub struct StopArgs {}

/// Stop it and start it, with the settings as they are now.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "restart", help_triggers("--help", "-h", "help"))]
pub struct RestartArgs {}

/// Show whether it runs, where it listens, and what it counted; exit 3 if it does not run.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "status", help_triggers("--help", "-h", "help"))]
pub struct StatusArgs {}

/// Show its log.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "logs", help_triggers("--help", "-h", "help"))]
pub struct LogsArgs {
    /// go on with new lines as they come
    #[argh(switch, short = 'f')]
    pub follow: bool,
}

/// Run what the service runs, here in the terminal; stop the service first.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "test", help_triggers("--help", "-h", "help"))]
pub struct TestArgs {}

/// Run what the service runs, with its settings.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "run", help_triggers("--help", "-h", "help"))]
pub struct RunArgs {}
