//! What a command of the service needs before it does anything: an error says what is missing.

use std::path::Path;

use super::installed;
use crate::cli::InstallArgs;
use crate::error::{Error, Result};
use crate::platform;
use crate::platform::service::ServiceManager;

/// An error where systemd is not what runs this machine.
pub fn require_manager(manager: ServiceManager, verb: &str) -> Result<()> {
    if manager != ServiceManager::Systemd || Path::new(platform::service::SYSTEMD_RUNS).exists() {
        return Ok(());
    }
    let way_out = "start `ollama-tap serve` or `ollama-tap proxy` by your own means";
    Err(Error::Failed(format!(
        "{verb} the service: systemd does not run here; {way_out}"
    )))
}

/// An error where there is no service to do this with.
pub fn require_installed(manager: ServiceManager, verb: &str) -> Result<()> {
    require_manager(manager, verb)?;
    match installed::unit(manager)? {
        Some(_) => Ok(()),
        None => Err(Error::Failed(format!(
            "{verb} the service: it is not installed; `ollama-tap service install` does it"
        ))),
    }
}

/// Refuses flags that `--keep` would have to pass over.
pub fn require_nothing_else(args: &InstallArgs) -> Result<()> {
    let alone = InstallArgs {
        keep: true,
        dry_run: args.dry_run,
        ..InstallArgs::default()
    };
    if *args == alone {
        return Ok(());
    }
    Err(Error::Usage(
        "--keep takes no other flag than --dry-run: the service stays as its settings say"
            .to_owned(),
    ))
}

pub fn require_root(manager: ServiceManager, verb: &str) -> Result<()> {
    if platform::users::is_root() {
        return Ok(());
    }
    let (who, way_out) = match manager {
        ServiceManager::Windows => (
            "an administrator",
            "open a terminal with \"Run as administrator\" and use `ollama-tap service",
        ),
        ServiceManager::Systemd | ServiceManager::Launchd => {
            ("root", "use `sudo ollama-tap service")
        }
    };
    let look = if verb.ends_with("install") {
        ", or --dry-run to see the steps"
    } else {
        ""
    };
    Err(Error::Failed(format!(
        "{verb} the service: only {who} may; {way_out} {verb}`{look}"
    )))
}
