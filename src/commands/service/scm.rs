//! The steps that install the service on Windows, and remove it: its entry at the service control manager, and who may do what
//! with which file.
//!
//! The service has an account of its own, which owns nothing. What it needs of others' files it is given by name, and a record of
//! beside the settings, for `uninstall` to take it back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::executable;
use super::host_state::{CopyTarget, HostState};
use super::layout::{COPIED, GIVEN, LISTENS, windows_record, windows_settings};
use super::plan::{self, Plan, Start};
use super::role::Role;
use super::settings;
use super::step::{PRIVATE, PUBLIC, Step};
use crate::config;
use crate::platform;
use crate::platform::service::{SERVICE_ACCOUNT, ServiceCall, ServiceEntry};

/// Windows' own numbers for the system, its administrators and its users: the names depend on the language.
const SYSTEM: &str = "*S-1-5-18";
const ADMINISTRATORS: &str = "*S-1-5-32-544";
const USERS: &str = "*S-1-5-32-545";

/// Rights to a directory and all that is and will be in it, and to a file.
const FULL: &str = "(OI)(CI)F";
const CHANGE: &str = "(OI)(CI)M";
const USE: &str = "(OI)(CI)RX";
const READ: &str = "R";

/// The tap needs this long after the grace to cut what still runs and write the rest of the history.
const STOP_MARGIN: Duration = Duration::from_secs(15);

/// The steps that install the service, or bring it up to date.
pub fn install(plan: &Plan, host: &HostState) -> Vec<Step> {
    let home = platform::folders::service_directory();
    let mut steps = vec![Step::Service(ServiceCall::Stop), Step::Make(home.clone())];
    steps.extend(close(&home));
    // Before what it keeps a record of.
    steps.push(Step::write(windows_record(), recorded(plan, host), PUBLIC));
    steps.push(Step::write(
        windows_settings(),
        plan.settings.clone(),
        PRIVATE,
    ));
    // Users may read it and the service may change it, as all of its directory.
    steps.push(Step::Make(platform::folders::runtime_directory()));
    steps.extend(writable(plan).map(|path| Step::Make(path.clone())));
    if plan.copy_executable {
        steps.push(Step::Copy {
            from: host.executable.clone(),
            to: plan.executable.clone(),
        });
    }
    let entry = ServiceEntry {
        executable: plan.executable.clone(),
        stop_time: Duration::from_secs(plan.grace) + STOP_MARGIN,
    };
    steps.push(Step::Service(ServiceCall::Register(entry)));
    steps.push(give(&home, CHANGE));
    steps.push(give(&windows_settings(), READ));
    steps.extend(given(plan).iter().map(|(path, rights)| give(path, rights)));
    if plan.start != Start::No {
        steps.push(Step::Service(ServiceCall::Start));
    }
    steps
}

/// The steps that remove it. Rights go while the account has a name; what says what is left to do goes last.
pub fn uninstall(host: &HostState, purge: bool) -> Vec<Step> {
    let record_now = host.unit.as_deref().unwrap_or_default();
    let mut steps = vec![Step::Service(ServiceCall::Stop)];
    steps.extend(
        lines(record_now, GIVEN)
            .map(Path::new)
            .filter(|path| path.exists())
            .map(take),
    );
    steps.push(Step::Service(ServiceCall::Unregister));
    if host.copy_target == CopyTarget::Copy {
        let copy = platform::folders::service_program();
        let directory = copy.parent().map(Path::to_owned);
        steps.push(Step::RemoveProgram(copy));
        steps.extend(directory.map(Step::RemoveEmpty));
    }
    if purge {
        steps.extend(plan::purge_history(host));
    } else {
        steps.push(Step::RemoveTree(platform::folders::service_logs()));
        steps.push(Step::RemoveTree(platform::folders::runtime_directory()));
        steps.push(Step::Remove(windows_settings()));
        steps.push(Step::Remove(windows_record()));
        steps.push(Step::RemoveEmpty(platform::folders::service_directory()));
    }
    steps
}

/// Gives the service's directory to the administrators, also where another user made it; users may read what is not closed to them.
fn close(home: &Path) -> [Step; 2] {
    let home = &*home.to_string_lossy();
    let grant = |who: &str, rights: &str| format!("{who}:{rights}");
    let (system, administrators, users) = (
        grant(SYSTEM, FULL),
        grant(ADMINISTRATORS, FULL),
        grant(USERS, USE),
    );
    [
        Step::run(&["icacls", home, "/setowner", ADMINISTRATORS, "/q"]),
        Step::run(&[
            "icacls",
            home,
            "/inheritance:r",
            "/grant:r",
            &system,
            &administrators,
            &users,
            "/q",
        ]),
    ]
}

fn give(path: &Path, rights: &str) -> Step {
    Step::run(&[
        "icacls",
        &path.to_string_lossy(),
        "/grant:r",
        &format!("{SERVICE_ACCOUNT}:{rights}"),
        "/q",
    ])
}

fn take(path: &Path) -> Step {
    Step::attempt(&[
        "icacls",
        &path.to_string_lossy(),
        "/remove:g",
        SERVICE_ACCOUNT,
        "/q",
    ])
}

/// Directories outside the service's own that it writes to. They must be there before.
fn writable(plan: &Plan) -> impl Iterator<Item = &PathBuf> {
    plan.ollama_directories.iter().chain(&plan.history)
}

/// Others' directories, and what the service may do there: keep models and a history, and run an Ollama that is one user's.
fn given(plan: &Plan) -> Vec<(PathBuf, &'static str)> {
    let program = settings::read(&plan.settings)
        .remove(config::ENV_OLLAMA)
        .map(PathBuf::from);
    let program = program.filter(|path| plan.role == Role::Managed && !executable::is_stable(path));
    let directory = program.and_then(|path| path.parent().map(Path::to_owned));
    writable(plan)
        .map(|path| (path.clone(), CHANGE))
        .chain(directory.map(|path| (path, USE)))
        .collect()
}

/// The record of this installation, with what the one before gave.
fn recorded(plan: &Plan, host: &HostState) -> String {
    let old = host.unit.as_deref().unwrap_or_default();
    let copied =
        (plan.copy_executable || host.copy_target == CopyTarget::Copy).then(|| COPIED.to_owned());
    let new = given(plan)
        .into_iter()
        .map(|(path, _)| path.to_string_lossy().into_owned());
    let mut all = vec![format!("{LISTENS}{}", plan.listen)];
    all.extend(copied);
    for path in new.chain(lines(old, GIVEN).map(str::to_owned)) {
        let line = format!("{GIVEN}{path}");
        if !all.contains(&line) {
            all.push(line);
        }
    }
    format!(
        "# What `ollama-tap service install` did, for `ollama-tap service uninstall` to undo.\n{}\n",
        all.join("\n")
    )
}

/// Returns the rest of each line of a record that begins so.
fn lines<'a>(record: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    record
        .lines()
        .filter_map(move |line| line.strip_prefix(name))
}

#[cfg(test)]
mod tests;
