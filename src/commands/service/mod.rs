//! `ollama-tap service`: what the system's own manager of services starts, watches and stops.
//!
//! - `facts` looks everything up, `plan` decides from that alone, `systemd`, `launchd` or `scm` turns the plan into steps
//!   (what the settings file will say is a question of its own: `wanted`)
//! - `step` says and does them; `--dry-run` only says them
//! - an installation that fails on a machine that had none is taken back, so that Ollama is where it was

mod command;
mod facts;
mod files;
mod launchd;
mod ollama_unit;
mod plan;
mod run;
mod scm;
mod settings;
mod status;
mod step;
mod systemd;
mod tail;
mod wanted;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::{InstallArgs, ServiceCommand, UninstallArgs};
use crate::config::{self, test_overrides};
use crate::error::{Error, Result};
use crate::platform;
use crate::platform::service::{ServiceCall, ServiceManager};
use facts::Facts;
use plan::{Plan, Role};
use step::Step;

pub fn run(verb: &ServiceCommand) -> Result<ExitCode> {
    let manager = manager()?;
    match verb {
        ServiceCommand::Install(args) => install(args, manager),
        ServiceCommand::Uninstall(args) => uninstall(args, manager),
        ServiceCommand::Start(_) => control(manager, "start"),
        ServiceCommand::Stop(_) => control(manager, "stop"),
        ServiceCommand::Restart(_) => control(manager, "restart"),
        ServiceCommand::Status(_) => status::run(manager),
        ServiceCommand::Logs(args) if manager == ServiceManager::Windows && args.follow => {
            tail::follow(&scm::log())
        }
        ServiceCommand::Logs(_) if manager == ServiceManager::Windows => tail::show(&scm::log()),
        ServiceCommand::Logs(args) => command::become_command(&logs(manager, args.follow)),
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
    let missing = |what: &str| {
        Error::Failed(format!(
            "find {what}: it is not on PATH; start `ollama-tap serve` or `ollama-tap proxy` by your own means"
        ))
    };
    let Some(manager) = manager else {
        return Err(Error::Failed(
            "services of this system are not supported yet".to_owned(),
        ));
    };
    match manager {
        ServiceManager::Systemd => command::output(&["systemctl", "--version"])
            .map(|_| manager)
            .ok_or_else(|| missing("systemctl")),
        ServiceManager::Launchd => command::output(&["launchctl", "version"])
            .map(|_| manager)
            .ok_or_else(|| missing("launchctl")),
        ServiceManager::Windows => Ok(manager),
    }
}

fn install(args: &InstallArgs, manager: ServiceManager) -> Result<ExitCode> {
    let facts = Facts::gather(manager)?;
    let plan = Plan::decide(args, &facts)?;
    let steps = match manager {
        ServiceManager::Systemd => systemd::install(&plan, &facts),
        ServiceManager::Windows => scm::install(&plan, &facts),
        _ => launchd::install(&plan, &facts),
    };
    if args.dry_run {
        step::show(&steps);
        return Ok(ExitCode::SUCCESS);
    }
    needs_root(manager, "install")?;
    if manager == ServiceManager::Systemd && !Path::new(systemd::RUNS).exists() {
        let way_out = "start `ollama-tap serve` or `ollama-tap proxy` by your own means";
        return Err(Error::Failed(format!(
            "install the service: systemd does not run here; {way_out}"
        )));
    }
    ports_are_free(&plan, &facts)?;
    step::perform(&steps).or_else(|failure| take_back(&facts, failure))?;
    step::say(format_args!(
        "installed: listening on http://{}; see `ollama-tap service status`",
        plan.listen
    ));
    Ok(ExitCode::SUCCESS)
}

/// An Ollama that moves to a port that somebody has would be gone from both, and a tap that cannot listen fails again and again.
fn ports_are_free(plan: &Plan, facts: &Facts) -> Result<()> {
    let taken = |doing: String, host: &str, port: u16, way_out: &str| {
        if facts::is_free(host, port) {
            return Ok(());
        }
        let holder = platform::sockets::port_holder(port)
            .map(|holder| format!(" by {holder}"))
            .unwrap_or_default();
        Err(Error::Failed(format!(
            "{doing} {port}: the port is taken{holder}; {way_out}"
        )))
    };
    let was_there = settings::read(&facts.settings).get(config::ENV_BACKEND_PORT)
        == Some(&plan.backend_port.to_string());
    match plan.role {
        Role::Beside if !(facts.is_moved && was_there) => taken(
            "move Ollama to port".to_owned(),
            facts::LOOPBACK,
            plan.backend_port,
            "choose another one with --backend-port",
        ),
        Role::Elsewhere | Role::Serve if facts.unit.is_none() => {
            let doing = format!("listen on {}, port", plan.listen.host);
            taken(
                doing,
                &plan.listen.host,
                plan.listen.port,
                "stop what has it, or choose another address with --listen",
            )
        }
        _ => Ok(()),
    }
}

/// Undoes an installation that failed where there was none before, as far as that goes.
fn take_back(before: &Facts, failure: Error) -> Result<()> {
    if before.unit.is_some() {
        return Err(Error::Failed(format!(
            "{failure}; what was installed before is changed in part: do it again, or `ollama-tap service uninstall`"
        )));
    }
    step::complain(format_args!("{failure}; taking it back"));
    if before.manager == ServiceManager::Windows {
        let _ = tail::show(&scm::log()); // it goes too; where there is none, the failure says it all
    }
    let mut steps = removal(&Facts::gather(before.manager)?, false);
    if let Some(path) = settings_path(before.manager).filter(|_| !before.settings.is_empty()) {
        steps.push(Step::write(path, before.settings.clone(), step::PRIVATE));
    }
    if !before.has_state {
        steps.push(Step::RemoveTree(platform::folders::service_home()));
    }
    if before.tap_user.is_none() && before.manager == ServiceManager::Systemd {
        steps.push(Step::attempt(&["userdel", plan::TAP_USER]));
    }
    step::perform(&steps)?;
    Err(Error::Failed(format!(
        "{failure}; nothing was installed (see `ollama-tap service logs`)"
    )))
}

fn uninstall(args: &UninstallArgs, manager: ServiceManager) -> Result<ExitCode> {
    let facts = Facts::gather(manager)?;
    let steps = removal(&facts, args.purge);
    if args.dry_run {
        step::show(&steps);
        return Ok(ExitCode::SUCCESS);
    }
    needs_root(manager, "uninstall")?;
    let history = plan::history(&facts.settings);
    step::perform(&steps)?;
    if !args.purge && history.exists() {
        step::say(format_args!(
            "the history stays in {}; `ollama-tap service uninstall --purge` deletes it",
            history.display()
        ));
    }
    if args.purge && manager == ServiceManager::Systemd {
        step::say(format_args!(
            "lines of the log, which never hold a prompt, stay in the journal until it is rotated"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn removal(facts: &Facts, purge: bool) -> Vec<Step> {
    match facts.manager {
        ServiceManager::Systemd => systemd::uninstall(facts, purge),
        ServiceManager::Windows => scm::uninstall(facts, purge),
        _ => launchd::uninstall(facts, purge),
    }
}

fn control(manager: ServiceManager, verb: &str) -> Result<ExitCode> {
    if manager == ServiceManager::Windows {
        needs_root(manager, verb)?;
    }
    control_steps(manager, verb)
        .iter()
        .try_for_each(Step::perform)?;
    Ok(ExitCode::SUCCESS)
}

fn control_steps(manager: ServiceManager, verb: &str) -> Vec<Step> {
    let bootstrap = Step::attempt(&["launchctl", "bootstrap", "system", launchd::PLIST_PATH]);
    match (manager, verb) {
        (ServiceManager::Systemd, verb) => vec![Step::run(&["systemctl", verb, systemd::UNIT])],
        (ServiceManager::Windows, "start") => vec![Step::Service(ServiceCall::Start)],
        (ServiceManager::Windows, "stop") => vec![Step::Service(ServiceCall::Stop)],
        (ServiceManager::Windows, _) => vec![
            Step::Service(ServiceCall::Stop),
            Step::Service(ServiceCall::Start),
        ],
        (_, "start") => vec![
            bootstrap,
            Step::run(&["launchctl", "kickstart", launchd::TARGET]),
        ],
        (_, "stop") => vec![Step::run(&["launchctl", "bootout", launchd::TARGET])],
        _ => vec![
            bootstrap,
            Step::run(&["launchctl", "kickstart", "-k", launchd::TARGET]),
        ],
    }
}

fn logs(manager: ServiceManager, follow: bool) -> Vec<&'static str> {
    let mut words = match manager {
        ServiceManager::Systemd => vec!["journalctl", "--unit", systemd::UNIT],
        _ => vec!["tail", "-n", "1000", launchd::LOG_PATH],
    };
    words.extend(follow.then_some("-f"));
    words
}

/// The settings as a settings file has them; empty where there are none.
fn settings_text(manager: ServiceManager) -> Result<String> {
    match settings_path(manager) {
        Some(path) => facts::read_if_there(path).map(Option::unwrap_or_default),
        None => launchd::settings(),
    }
}

/// The settings file; `None` where the settings are in the property list.
fn settings_path(manager: ServiceManager) -> Option<PathBuf> {
    match manager {
        ServiceManager::Systemd => Some(settings::PATH.into()),
        ServiceManager::Windows => Some(scm::settings()),
        _ => None,
    }
}

/// Where the service on Windows listens, as everybody may know; `None` where it is not installed.
pub fn public_listen() -> Option<String> {
    scm::listens(&std::fs::read_to_string(scm::record()).ok()?)
}

/// The log of the service on Windows, which everybody may read.
pub fn public_log() -> PathBuf {
    scm::log()
}

fn needs_root(manager: ServiceManager, verb: &str) -> Result<()> {
    if platform::users::is_root() {
        return Ok(());
    }
    let (who, way_out) = match manager {
        ServiceManager::Windows => (
            "an administrator",
            "open a terminal with \"Run as administrator\" and use `ollama-tap service",
        ),
        _ => ("root", "use `sudo ollama-tap service"),
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
