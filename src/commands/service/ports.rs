//! The ports that an installation takes.

use super::host_state::{self, HostState};
use super::layout::LOOPBACK;
use super::plan::Plan;
use super::role::Role;
use super::settings;
use crate::config;
use crate::error::{Error, Result};
use crate::ollama::port::by_holder;

/// Refuses ports that are taken: an Ollama that moves to one would be gone from both, and a tap that cannot listen fails again and again.
pub fn check_free(plan: &Plan, host: &HostState) -> Result<()> {
    let was_there = settings::read(&host.settings).get(config::ENV_BACKEND_PORT)
        == Some(&plan.backend_port.to_string());
    match plan.role {
        Role::OllamaService if !(host.is_ollama_moved && was_there) => check_port_free(
            "move Ollama to port",
            LOOPBACK,
            plan.backend_port,
            "choose another one with --backend-port",
        ),
        Role::External | Role::Managed if host.registered.is_none() => {
            let operation = format!("listen on {}, port", plan.listen.host);
            check_port_free(
                &operation,
                &plan.listen.host,
                plan.listen.port,
                "stop the program that has it, or choose another address with --listen",
            )
        }
        Role::OllamaService | Role::External | Role::Managed => Ok(()),
    }
}

fn check_port_free(operation: &str, host: &str, port: u16, way_out: &str) -> Result<()> {
    if host_state::is_free(host, port) {
        return Ok(());
    }
    let holder = by_holder(port);
    Err(Error::Failed(format!(
        "{operation} {port}: the port is taken{holder}; {way_out}"
    )))
}
