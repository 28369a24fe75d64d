//! The unit, and the steps that install and remove it.
//!
//! The units are files of packaging/systemd, usable as they are; only what differs from machine to machine is put in.

use std::path::{Path, PathBuf};

use super::host_state::{self, CopyTarget, HostState};
use super::layout::{COPIED, LOOPBACK, REMOVED_UNIT_PATH, TAP_USER, UNIT, UNIT_PATH};
use super::ollama_unit::{self, DROP_IN};
use super::plan::{Plan, Start, purge_history};
use super::role::Role;
use super::settings;
use super::step::{PRIVATE, PUBLIC, Step};
use crate::platform;

/// Read by Ollama's own unit last of all such files. systemd takes only `.conf` for a part of the unit.
const DROP_IN_ENVIRONMENT: &str = "/etc/systemd/system/ollama.service.d/zz-ollama-tap.env";

const PROXY: &str = include_str!("../../../packaging/systemd/ollama-tap.service");
const SERVE: &str = include_str!("../../../packaging/systemd/ollama-tap-serve.service");

/// A section that systemd passes over. It says for `uninstall` what we made that might as well have been there.
const RECORD: &str = "\n[X-OllamaTap]\n";

const MADE: &str = "Made=";

/// The tap needs this long after the grace to cut what still runs and write the rest of the history (seconds).
const STOP_MARGIN: u64 = 15;

/// Ports below this need a capability.
const FIRST_FREE_PORT: u16 = 1024;

/// The steps that install the service, or bring it up to date.
pub fn install(plan: &Plan, host: &HostState) -> Vec<Step> {
    let mut steps = Vec::new();
    if plan.user == TAP_USER && host.tap_user.is_none() {
        steps.push(make_user());
    }
    steps.push(Step::write(settings::PATH, plan.settings.clone(), PRIVATE));
    // Before what it keeps a record of.
    steps.push(Step::write(UNIT_PATH, unit(plan, host), PUBLIC));
    steps.push(Step::Remove(REMOVED_UNIT_PATH.into()));
    steps.extend(writable(plan).map(|path| Step::Directory {
        path: path.clone(),
        owner: plan.user.clone(),
    }));
    if plan.copy_executable {
        steps.push(Step::Copy {
            from: host.executable.clone(),
            to: plan.executable.clone(),
        });
    }
    steps.extend(move_ollama(plan, host));
    steps.push(Step::run(&["systemctl", "daemon-reload"]));
    if must_restart_ollama(plan, host) {
        steps.push(Step::run(&["systemctl", "try-restart", ollama_unit::NAME]));
    }
    if plan.start == Start::Enable {
        steps.push(Step::run(&["systemctl", "enable", UNIT]));
    }
    if plan.start != Start::No {
        steps.push(Step::run(&["systemctl", "restart", UNIT]));
    }
    steps
}

/// The steps that remove it, and put everything else back. The registration goes before what it needs, and what says what is left
/// to do goes last.
pub fn uninstall(host: &HostState, purge: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    if host.unit.is_some() {
        steps.push(Step::attempt(&["systemctl", "disable", "--now", UNIT]));
    }
    steps.extend(move_back());
    steps.push(Step::Move {
        from: UNIT_PATH.into(),
        to: REMOVED_UNIT_PATH.into(),
    });
    steps.push(Step::attempt(&["systemctl", "daemon-reload"]));
    if host.is_ollama_moved {
        steps.push(Step::attempt(&[
            "systemctl",
            "try-restart",
            ollama_unit::NAME,
        ]));
    }
    if purge {
        steps.extend(purge_history(host)); // by a program that may be the copy
    }
    if host.copy_target == CopyTarget::Copy {
        steps.push(Step::Remove(platform::folders::service_program()));
    }
    steps.extend(made(host).into_iter().map(Step::RemoveEmpty));
    if purge && host.tap_user.is_some() {
        steps.push(Step::attempt(&["userdel", TAP_USER]));
    }
    steps.push(Step::Remove(settings::PATH.into()));
    steps.push(Step::Remove(REMOVED_UNIT_PATH.into()));
    steps
}

/// Restarts Ollama unless it answers at its new address already: a reply under way would be lost.
fn must_restart_ollama(plan: &Plan, host: &HostState) -> bool {
    match plan.role {
        Role::OllamaService => {
            !host.is_ollama_moved || host_state::is_free(LOOPBACK, plan.backend_port)
        }
        Role::External | Role::Managed => host.is_ollama_moved,
    }
}

/// Ollama's own service aside, or back where the tap is not in front of it any more.
fn move_ollama(plan: &Plan, host: &HostState) -> Vec<Step> {
    if plan.role != Role::OllamaService {
        return if host.is_ollama_moved {
            move_back()
        } else {
            Vec::new()
        };
    }
    let reads_files = host
        .ollama_unit
        .as_ref()
        .is_some_and(|unit| unit.has_environment_files);
    let host = format!("OLLAMA_HOST=127.0.0.1:{}", plan.backend_port);
    let mut text = format!(
        "# Ollama Tap answers where this service did, so this service moves aside.\n\
         # Written by `ollama-tap service install`; `ollama-tap service uninstall` takes it back.\n\
         [Service]\nEnvironment=\"{host}\"\n"
    );
    let mut steps = Vec::new();
    if reads_files {
        text += &format!(
            "# The files that this service reads win over the line above.\nEnvironmentFile={DROP_IN_ENVIRONMENT}\n"
        );
        steps.push(Step::write(DROP_IN_ENVIRONMENT, host + "\n", PUBLIC));
    }
    steps.push(Step::write(DROP_IN, text, PUBLIC));
    steps
}

fn move_back() -> Vec<Step> {
    vec![
        Step::Remove(DROP_IN.into()),
        Step::Remove(DROP_IN_ENVIRONMENT.into()),
    ]
}

/// Lists the directories that the sandbox lets the service write to. They must exist before it starts.
fn writable(plan: &Plan) -> impl Iterator<Item = &PathBuf> {
    plan.ollama_directories.iter().chain(&plan.history)
}

fn make_user() -> Step {
    let home = platform::folders::service_directory();
    let home = &*home.to_string_lossy();
    Step::run(&[
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        home,
        "--shell",
        "/usr/sbin/nologin",
        TAP_USER,
    ])
}

/// Reads the records that `install` left in the unit.
fn recorded(host: &HostState) -> impl Iterator<Item = &str> {
    host.unit
        .as_ref()
        .and_then(|unit| unit.split_once(RECORD))
        .map_or("", |(_, record)| record)
        .lines()
}

/// Directories that were not there before us, the innermost first.
fn made(host: &HostState) -> Vec<PathBuf> {
    let mut made: Vec<PathBuf> = recorded(host)
        .filter_map(|line| line.strip_prefix(MADE))
        .map(PathBuf::from)
        .collect();
    made.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    made
}

/// The record of this installation, with that of the one before.
fn record(plan: &Plan, host: &HostState) -> String {
    let copied =
        (plan.copy_executable || host.copy_target == CopyTarget::Copy).then(|| COPIED.to_owned());
    let drop_in = (plan.role == Role::OllamaService).then(|| PathBuf::from(DROP_IN));
    let copy = plan.copy_executable.then(|| plan.executable.clone());
    let files = [drop_in, copy]
        .into_iter()
        .flatten()
        .filter_map(|path| Some(path.parent()?.to_owned()));
    let new = files
        .chain(writable(plan).cloned())
        .flat_map(|path| host_state::missing(&path));
    let mut lines: Vec<String> = copied.into_iter().collect();
    for path in new.chain(made(host)) {
        let line = format!("{MADE}{}", path.display());
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        String::new()
    } else {
        format!("{RECORD}{}\n", lines.join("\n"))
    }
}

/// The unit for this machine.
fn unit(plan: &Plan, host: &HostState) -> String {
    let template = if plan.role == Role::Managed {
        SERVE
    } else {
        PROXY
    };
    let start = format!(
        "{} {}",
        quote_path(&plan.executable.to_string_lossy()),
        plan.role.command()
    );
    let paths: Vec<String> = writable(plan)
        .map(|path| quote_path(&path.to_string_lossy()))
        .collect();
    let mut text = with(template, "ExecStart", &start);
    text = with(&text, "User", &plan.user);
    text = with(
        &text,
        "TimeoutStopSec",
        &(plan.grace + STOP_MARGIN).to_string(),
    );
    text = with(&text, "ReadWritePaths", &paths.join(" "));
    if writable(plan)
        .chain([&plan.executable])
        .any(|path| is_in_a_home(path))
    {
        text = with(&text, "ProtectHome", "read-only");
    }
    if (1..FIRST_FREE_PORT).contains(&plan.listen.port) {
        text = with(&text, "CapabilityBoundingSet", "CAP_NET_BIND_SERVICE");
        text = with(&text, "AmbientCapabilities", "CAP_NET_BIND_SERVICE");
        text = with(&text, "PrivateUsers", "no"); // a capability of another user namespace opens no port of this network
    }
    text + &record(plan, host)
}

/// Replaces the value of a key that the unit has.
fn with(text: &str, key: &str, value: &str) -> String {
    text.lines()
        .map(|line| match line.split_once('=') {
            Some((name, _)) if name == key => format!("{key}={value}\n"),
            Some(_) | None => format!("{line}\n"),
        })
        .collect()
}

/// Quotes a path as one word of a unit, where `%` and `$` have a meaning.
fn quote_path(path: &str) -> String {
    let path = path.replace('%', "%%").replace('$', "$$");
    if path
        .chars()
        .all(|c| c.is_alphanumeric() || "_-./%$+@:".contains(c))
    {
        path
    } else {
        format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn is_in_a_home(path: &Path) -> bool {
    ["home", "root", "run/user"]
        .iter()
        .any(|place| path.starts_with(PathBuf::from("/").join(place)))
}
