//! The property list, which holds the settings too, and the steps that install and remove it.

use std::path::Path;

use super::host_state::{CopyTarget, HostState};
use super::layout::{
    FORMER_HISTORY, LAUNCHD_TARGET, PLIST_COPIED, PLIST_PATH, REMOVED_PLIST_PATH, own_log,
};
use super::plan::{Plan, Start};
use super::role::Role;
use super::settings::{self, Values};
use super::step::{PRIVATE, Step};
use crate::platform;

const TEMPLATE: &str = include_str!("../../../packaging/launchd/io.github.ollama-tap.plist");

/// The tap needs this long after the grace to cut what still runs and write the rest of the history (seconds).
const STOP_MARGIN: u64 = 15;

/// What else version 0.1.0 had elsewhere: its directory, and a log that launchd kept and nothing bounded.
const FORMER_DIRECTORY: &str = "/var/lib/ollama-tap";
const FORMER_LOG: &str = "/var/log/ollama-tap.log";

/// Files of the history are private; models that Ollama pulls may be read by others, as without us.
const UMASK_PRIVATE: u32 = 0o077;
const UMASK_USUAL: u32 = 0o022;

/// `bootout` returns before the service has ended, and `bootstrap` fails until then (tries, a second apart).
const BOOTSTRAP_ATTEMPTS: u32 = 120;

/// The steps that install the service, or bring it up to date.
pub fn install(plan: &Plan, host: &HostState) -> Vec<Step> {
    let owned = [
        platform::folders::service_directory(),
        platform::folders::runtime_directory(),
        platform::folders::service_logs(),
    ]
    .into_iter()
    .chain(plan.history.clone());
    let mut steps: Vec<Step> = owned
        .map(|path| Step::Directory {
            path,
            owner: plan.user.clone(),
        })
        .collect();
    steps.push(Step::write(PLIST_PATH, plist(plan, host), PRIVATE));
    steps.push(Step::Remove(REMOVED_PLIST_PATH.into()));
    if plan.copy_executable {
        steps.push(Step::Copy {
            from: host.executable.clone(),
            to: plan.executable.clone(),
        });
    }
    if host.unit.is_some() {
        if plan.start != Start::No {
            steps.push(Step::attempt(&["launchctl", "bootout", LAUNCHD_TARGET]));
        }
        steps.extend(leave_former_places());
    }
    steps.extend(start_steps(plan.start));
    steps
}

fn start_steps(start: Start) -> Vec<Step> {
    let bootstrap = format!(
        "n=0; until launchctl bootstrap system {PLIST_PATH}; do n=$((n+1)); [ $n -lt {BOOTSTRAP_ATTEMPTS} ] || exit 1; sleep 1; done"
    );
    let enable = Step::run(&["launchctl", "enable", LAUNCHD_TARGET]);
    let bootstrap = Step::run(&["sh", "-c", &bootstrap]);
    match start {
        Start::Enable => vec![enable, bootstrap],
        Start::Again => vec![bootstrap],
        Start::No => Vec::new(),
    }
}

/// The steps that bring what version 0.1.0 wrote to where it is written now, unless something is there.
fn leave_former_places() -> Vec<Step> {
    let places = [
        (FORMER_HISTORY, platform::folders::service_history()),
        (FORMER_LOG, own_log()),
    ];
    let mut steps: Vec<Step> = places
        .into_iter()
        .filter(|(from, to)| Path::new(from).exists() && !to.exists())
        .map(|(from, to)| Step::Move {
            from: from.into(),
            to,
        })
        .collect();
    if platform::folders::service_directory() != Path::new(FORMER_DIRECTORY) {
        steps.push(Step::RemoveEmpty(FORMER_DIRECTORY.into()));
    }
    steps
}

/// The steps that remove it. The registration goes before what it needs, and what says what is left to do goes last.
pub fn uninstall(host: &HostState, purge: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    if host.unit.is_some() {
        steps.push(Step::attempt(&["launchctl", "bootout", LAUNCHD_TARGET]));
    }
    steps.push(Step::Move {
        from: PLIST_PATH.into(),
        to: REMOVED_PLIST_PATH.into(),
    });
    if purge {
        steps.extend(super::plan::purge_history(host));
        steps.push(Step::RemoveTree(platform::folders::service_logs()));
        steps.push(Step::Remove(FORMER_LOG.into()));
    }
    if host.copy_target == CopyTarget::Copy {
        steps.push(Step::Remove(platform::folders::service_program()));
    }
    steps.push(Step::RemoveTree(platform::folders::runtime_directory()));
    steps.push(Step::RemoveEmpty(platform::folders::service_directory()));
    steps.push(Step::Remove(REMOVED_PLIST_PATH.into()));
    steps
}

/// The property list for this machine. launchd gives a daemon no home, which Ollama needs.
fn plist(plan: &Plan, host: &HostState) -> String {
    let mut values: Values = settings::read(&plan.settings);
    values.insert("HOME".to_owned(), plan.home.to_string_lossy().into_owned());
    let umask = if plan.role == Role::Managed {
        UMASK_USUAL
    } else {
        UMASK_PRIVATE
    };
    let fillings = [
        ("@COMMAND@", plan.role.command().to_owned()),
        ("@USER@", escaped(&plan.user)),
        ("@STOP_SECONDS@", (plan.grace + STOP_MARGIN).to_string()),
        ("@UMASK@", umask.to_string()),
        (
            "@DIRECTORY@",
            escaped(&platform::folders::service_directory().to_string_lossy()),
        ),
        ("@EXECUTABLE@", escaped(&plan.executable.to_string_lossy())),
        ("@SETTINGS@", settings_pairs(&values)),
    ];
    let text = fillings
        .iter()
        .fold(TEMPLATE.to_owned(), |text, (name, value)| {
            text.replacen(name, value, 1)
        });
    if plan.copy_executable || host.copy_target == CopyTarget::Copy {
        text + PLIST_COPIED
    } else {
        text
    }
}

fn settings_pairs(values: &Values) -> String {
    let pairs: Vec<String> = values
        .iter()
        .map(|(name, value)| {
            let (name, value) = (escaped(name), escaped(value));
            format!("        <key>{name}</key>\n        <string>{value}</string>")
        })
        .collect();
    pairs.join("\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
