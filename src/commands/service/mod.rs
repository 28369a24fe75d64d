//! `ollama-tap service`: installs the tap as a service of the system, and controls it.
//!
//! - `host_state` looks everything up, `plan` decides from that alone (with `role`, and `changes` of the settings), `systemd`,
//!   `launchd` or `scm` turns the plan into steps
//! - `step` prints and performs them; `--dry-run` only prints them
//! - `requirements` are what each needs, `control` starts, stops and shows what is installed
//! - `layout` has the paths of an installation, `installed` reads it
//! - an installation that fails on a machine that had none is rolled back, so that Ollama is where it was

mod changes;
mod command;
mod control;
mod executable;
mod files;
mod host_state;
mod installed;
mod launchd;
mod layout;
mod ollama_unit;
mod plan;
mod ports;
mod registered;
mod report;
mod requirements;
mod role;
mod run;
mod scm;
mod settings;
mod status;
mod step;
mod systemd;
mod tail;

use std::process::ExitCode;

use control::Control;
use host_state::{CopyTarget, HostState};
pub use installed::public_listen;
use layout::TAP_USER;
pub use layout::own_log;
use plan::{Plan, Start};
use report::{print_line, warn};
use requirements::{require_manager, require_nothing_else, require_root};
use step::Step;

use crate::cli::{InstallArgs, ServiceCommand, UninstallArgs};
use crate::config::test_overrides;
use crate::error::{Error, Result};
use crate::instance::histories;
use crate::platform;
use crate::platform::service::ServiceManager;

/// Runs one of the commands below `ollama-tap service`.
pub fn run(command: &ServiceCommand) -> Result<ExitCode> {
    let manager = manager()?;
    match command {
        ServiceCommand::Install(args) => install(args, manager),
        ServiceCommand::Uninstall(args) => uninstall(args, manager),
        ServiceCommand::Start(_) => control::run(manager, Control::Start),
        ServiceCommand::Stop(_) => control::run(manager, Control::Stop),
        ServiceCommand::Restart(_) => control::run(manager, Control::Restart),
        ServiceCommand::Status(_) => status::run(manager),
        ServiceCommand::Logs(args) => control::show_logs(manager, args.follow),
        ServiceCommand::Run(_) if manager == ServiceManager::Windows => run::run_as_service(),
        ServiceCommand::Test(_) if manager == ServiceManager::Windows => run::run_here(),
        ServiceCommand::Test(_) | ServiceCommand::Run(_) => run::run(manager),
    }
}

fn manager() -> Result<ServiceManager> {
    let manager = match test_overrides::SERVICE_MANAGER.get::<String>().as_deref() {
        Some("systemd") => Some(ServiceManager::Systemd),
        Some("launchd") => Some(ServiceManager::Launchd),
        _ => platform::service::SERVICE_MANAGER,
    };
    let Some(manager) = manager else {
        return Err(Error::Failed(
            "services of this system are not supported yet".to_owned(),
        ));
    };
    match manager {
        ServiceManager::Systemd => command::output(&["systemctl", "--version"])
            .map(|_| manager)
            .ok_or_else(|| missing_command("systemctl")),
        ServiceManager::Launchd => command::output(&["launchctl", "version"])
            .map(|_| manager)
            .ok_or_else(|| missing_command("launchctl")),
        ServiceManager::Windows => Ok(manager),
    }
}

fn missing_command(name: &str) -> Error {
    Error::Failed(format!(
        "find {name}: it is not on PATH; start `ollama-tap serve` or `ollama-tap proxy` by your own means"
    ))
}

fn install(args: &InstallArgs, manager: ServiceManager) -> Result<ExitCode> {
    let mut host = HostState::gather(manager)?;
    let plan = if args.keep {
        require_nothing_else(args)?;
        host.environment.clear(); // the settings file alone counts
        Plan::keep(&host)?
    } else {
        Plan::decide(args, &host)?
    };
    let steps = install_steps(&plan, &host);
    if args.dry_run {
        step::show(&steps);
        if let Err(reason) = require_manager(manager, "install") {
            warn(format_args!("none of this would be done: {reason}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    require_root(manager, "install")?;
    require_manager(manager, "install")?;
    ports::check_free(&plan, &host)?;
    step::perform(&steps).or_else(|failure| roll_back(&host, failure))?;
    tell_installed(&plan, &host);
    Ok(ExitCode::SUCCESS)
}

/// Says what has come of it, and what of Ollama's app has not come along.
fn tell_installed(plan: &Plan, host: &HostState) {
    for setting in changes::left_to_app(plan.role, host, &settings::read(&plan.settings)) {
        print_line(format_args!(
            "Ollama's app has {setting} in its settings, and the service has not: to keep it, set that variable and install again"
        ));
    }
    match plan.start {
        Start::No => print_line("brought up to date, and stopped as it was"),
        Start::Enable | Start::Again => print_line(format_args!(
            "installed: listening on http://{}; see `ollama-tap service status`",
            plan.listen
        )),
    }
}

/// Undoes an installation that failed where there was none before, as far as that goes.
fn roll_back(before: &HostState, failure: Error) -> Result<()> {
    if before.unit.is_some() {
        return Err(Error::Failed(format!(
            "{failure}; what was installed before is partly changed: install again, or `ollama-tap service uninstall`"
        )));
    }
    warn(format_args!("{failure}; taking it back"));
    if before.manager != ServiceManager::Systemd {
        let _ = tail::show(&own_log()); // it is removed too; without it, the failure says it all
    }
    let mut steps = uninstall_steps(&HostState::gather(before.manager)?, false);
    if let Some(path) =
        installed::settings_path(before.manager).filter(|_| !before.settings.is_empty())
    {
        steps.push(Step::write(path, before.settings.clone(), step::PRIVATE));
    }
    if !before.has_service_directory {
        steps.push(Step::RemoveTree(platform::folders::service_directory()));
    }
    if before.tap_user.is_none() && before.manager == ServiceManager::Systemd {
        steps.push(Step::attempt(&["userdel", TAP_USER]));
    }
    step::perform(&steps)?;
    let log = match before.manager {
        ServiceManager::Systemd => "`journalctl --unit ollama-tap` has its log",
        ServiceManager::Launchd | ServiceManager::Windows => "its log is above",
    };
    Err(Error::Failed(format!(
        "{failure}; nothing was installed ({log})"
    )))
}

fn uninstall(args: &UninstallArgs, manager: ServiceManager) -> Result<ExitCode> {
    let host = HostState::gather(manager)?;
    if !is_anything_left(&host, args.purge) {
        print_line("nothing is removed: the service is not installed");
        return Ok(ExitCode::SUCCESS);
    }
    let steps = uninstall_steps(&host, args.purge);
    if args.dry_run {
        step::show(&steps);
        return Ok(ExitCode::SUCCESS);
    }
    require_root(manager, "uninstall")?;
    let history = plan::history(&host.settings);
    step::perform(&steps)?;
    if !args.purge && history.exists() {
        print_line(format_args!(
            "the history stays in {}; `ollama-tap service uninstall --purge` deletes it",
            history.display()
        ));
    }
    if args.purge {
        for other in histories::known(None) {
            print_line(format_args!("a history of another tap stays in {other}"));
        }
    }
    if args.purge && manager == ServiceManager::Systemd {
        print_line(format_args!(
            "lines of the log, which never hold a prompt, stay in the journal until it is rotated"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether an installation has left anything that removing it takes away.
fn is_anything_left(host: &HostState, purge: bool) -> bool {
    // Windows knows it even where somebody has deleted what we keep of it.
    let of_service = host.registered.is_some()
        || host.unit.is_some()
        || !host.settings.is_empty()
        || host.is_ollama_moved
        || host.copy_target == CopyTarget::Copy;
    of_service || purge && (host.has_service_directory || host.tap_user.is_some())
}

fn install_steps(plan: &Plan, host: &HostState) -> Vec<Step> {
    match host.manager {
        ServiceManager::Systemd => systemd::install(plan, host),
        ServiceManager::Windows => scm::install(plan, host),
        ServiceManager::Launchd => launchd::install(plan, host),
    }
}

fn uninstall_steps(host: &HostState, purge: bool) -> Vec<Step> {
    match host.manager {
        ServiceManager::Systemd => systemd::uninstall(host, purge),
        ServiceManager::Windows => scm::uninstall(host, purge),
        ServiceManager::Launchd => launchd::uninstall(host, purge),
    }
}
