//! `ollama-tap service`, installed for real on a machine of the test's own.
#![cfg(target_os = "linux")]

/// Commands that run in a machine while the test asks.
mod background;
/// A systemd that was booted for it.
mod booted;
/// Flags of the service.
mod flags;
/// Installing and uninstalling.
mod install;
/// install.sh with the real executable.
mod installer;
/// Killed at every step.
mod interrupted;
/// The sockets that systemd keeps over a restart.
mod kept;
/// The same with launchd.
mod launchd;
mod machine;
/// Notifications to systemd.
mod notify;
/// What a package runs before it is removed.
mod packages;
/// `run`, `status`, `logs` and what the sandbox leaves visible.
mod running;
/// The units as systemd itself reads them.
mod units;

use machine::Machine;

const ENV: &str = "/etc/ollama-tap.env";
const UNIT: &str = "/etc/systemd/system/ollama-tap.service";
const DROP_IN: &str = "/etc/systemd/system/ollama.service.d/zz-ollama-tap.conf";

/// Ollama's own service as its installer makes it; it runs.
fn with_ollama_unit(machine: &Machine, environment: &str) {
    let unit = format!(
        "[Unit]\nDescription=Ollama Service\n\n[Service]\nExecStart=/usr/local/bin/ollama serve\n{environment}\n"
    );
    machine.write("/etc/systemd/system/ollama.service", &unit);
    machine.write("/run/fake-systemd/ollama.service.runs", "");
    with_ollama(machine);
}

/// The ollama executable, and no service.
fn with_ollama(machine: &Machine) {
    machine.script("/usr/local/bin/ollama", "#!/bin/sh\nexit 1\n");
}
