//! The role of the service: whether it starts Ollama, stands in front of its service, or taps one elsewhere.

use super::host_state::HostState;
use super::settings::{self, Values};
use crate::cli::InstallArgs;
use crate::config;

/// The relation of the service to the Ollama behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Others, elsewhere.
    External,
    /// Its own service on this machine, which moves to the backend port.
    OllamaService,
    /// The tap.
    Managed,
}

impl Role {
    /// Returns the command that the service runs.
    pub fn command(self) -> &'static str {
        match self {
            Role::External | Role::OllamaService => "proxy",
            Role::Managed => "serve",
        }
    }

    /// Decides from the flags, the machine and the settings of an installation before.
    pub fn choose(args: &InstallArgs, host: &HostState, old: &Values) -> Role {
        let was_elsewhere = Role::of_settings(old) == Some(Role::External);
        match &host.ollama_unit {
            _ if args.upstream.is_some() || was_elsewhere => Role::External,
            Some(_) => Role::OllamaService,
            None => Role::Managed,
        }
    }

    /// The role that a settings file says; `None` where it says none.
    pub fn of_settings(values: &Values) -> Option<Role> {
        match values.get(settings::COMMAND)?.as_str() {
            "serve" => Some(Role::Managed),
            "proxy" if values.contains_key(config::ENV_BACKEND_PORT) => Some(Role::OllamaService),
            "proxy" => Some(Role::External),
            _ => None,
        }
    }
}
