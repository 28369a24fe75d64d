//! LAUNCHD: the property list, which holds the settings too, and the steps that install and remove it.

use serde_json::{Map, Value};

use super::command::output;
use super::facts::{Facts, Place, read_if_there};
use super::plan::{Plan, Role};
use super::settings::{self, Values};
use super::step::{PRIVATE, Step};
use crate::error::{Error, Result, failed};
use crate::platform;

pub const PLIST_PATH: &str = "/Library/LaunchDaemons/io.github.ollama-tap.plist";
pub const LOG_PATH: &str = "/var/log/ollama-tap.log";
pub const TARGET: &str = "system/io.github.ollama-tap";

const TEMPLATE: &str = include_str!("../../../packaging/launchd/io.github.ollama-tap.plist");

/// Says that the executable is a copy, for `uninstall` to remove.
pub const COPIED: &str = "<!-- the executable is a copy -->\n";

/// The tap needs this long after the grace to cut what still runs and write the rest of the history (seconds).
const STOP_MARGIN: u64 = 15;

/// Files of the history are private; models that Ollama pulls may be read by others, as without us.
const UMASK_PRIVATE: u32 = 0o077;
const UMASK_USUAL: u32 = 0o022;

/// `bootout` returns before the service has ended, and `bootstrap` fails until then (tries, a second apart).
const TRIES: u32 = 120;

/// The settings in the form of a settings file; empty where nothing is installed.
pub fn settings() -> Result<String> {
    if read_if_there(PLIST_PATH)?.is_none() {
        return Ok(String::new());
    }
    let json = output(&[
        "plutil",
        "-extract",
        "EnvironmentVariables",
        "json",
        "-o",
        "-",
        PLIST_PATH,
    ]);
    let json = json.ok_or_else(|| {
        Error::Failed(format!("read {PLIST_PATH}: plutil finds no settings in it"))
    })?;
    let values: Map<String, Value> =
        serde_json::from_str(&json).map_err(failed(format!("read {PLIST_PATH}")))?;
    let changes = values
        .into_iter()
        .filter_map(|(name, value)| Some((name, Some(value.as_str()?.to_owned()))));
    Ok(settings::changed("", &changes.collect()))
}

/// The user that the installed service runs as.
pub fn user() -> Option<String> {
    let name = output(&[
        "plutil", "-extract", "UserName", "raw", "-o", "-", PLIST_PATH,
    ])?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The steps that install the service, or bring it up to date.
pub fn install(plan: &Plan, facts: &Facts) -> Vec<Step> {
    let owned = [
        platform::folders::service_home(),
        platform::folders::runtime_directory(),
    ]
    .into_iter()
    .chain(plan.history.clone());
    let mut steps: Vec<Step> = owned
        .map(|path| Step::Directory {
            path,
            owner: plan.user.clone(),
        })
        .collect();
    steps.push(Step::run(&["touch", LOG_PATH]));
    steps.push(Step::run(&["chown", &plan.user, LOG_PATH]));
    steps.push(Step::write(PLIST_PATH, plist(plan, facts), PRIVATE));
    if plan.copy_executable {
        steps.push(Step::Copy {
            from: facts.executable.clone(),
            to: plan.executable.clone(),
        });
    }
    if facts.unit.is_some() {
        steps.push(Step::attempt(&["launchctl", "bootout", TARGET]));
    }
    steps.push(Step::run(&["launchctl", "enable", TARGET]));
    let bootstrap = format!(
        "n=0; until launchctl bootstrap system {PLIST_PATH}; do n=$((n+1)); [ $n -lt {TRIES} ] || exit 1; sleep 1; done"
    );
    steps.push(Step::run(&["sh", "-c", &bootstrap]));
    steps
}

/// The steps that remove it.
pub fn uninstall(facts: &Facts, purge: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    if facts.unit.is_some() {
        steps.push(Step::attempt(&["launchctl", "bootout", TARGET]));
    }
    if purge {
        steps.extend(super::plan::purge_history(facts));
        steps.push(Step::Remove(LOG_PATH.into()));
    }
    if facts.place == Place::Copy {
        steps.push(Step::Remove(platform::folders::service_program()));
    }
    let notes = platform::folders::runtime_directory();
    steps.push(Step::RemoveTree(notes.clone()));
    // On macOS it lies in a directory of ours.
    steps.extend(
        notes
            .parent()
            .filter(|dir| dir.ends_with("OllamaTap"))
            .map(|dir| Step::RemoveEmpty(dir.to_owned())),
    );
    steps.push(Step::RemoveEmpty(platform::folders::service_home()));
    steps.push(Step::Remove(PLIST_PATH.into()));
    steps
}

/// The property list for this machine. launchd gives a daemon no home, which Ollama needs.
fn plist(plan: &Plan, facts: &Facts) -> String {
    let mut values: Values = settings::read(&plan.settings);
    values.insert("HOME".to_owned(), plan.home.to_string_lossy().into_owned());
    let pair = |(name, value): (&String, &String)| {
        format!(
            "        <key>{}</key>\n        <string>{}</string>",
            escaped(name),
            escaped(value)
        )
    };
    let umask = if plan.role == Role::Serve {
        UMASK_USUAL
    } else {
        UMASK_PRIVATE
    };
    let fillings = [
        ("@COMMAND@", plan.role.command().to_owned()),
        ("@USER@", escaped(&plan.user)),
        ("@STOP_SECONDS@", (plan.grace + STOP_MARGIN).to_string()),
        ("@UMASK@", umask.to_string()),
        ("@EXECUTABLE@", escaped(&plan.executable.to_string_lossy())),
        (
            "@SETTINGS@",
            values.iter().map(pair).collect::<Vec<_>>().join("\n"),
        ),
    ];
    let text = fillings
        .iter()
        .fold(TEMPLATE.to_owned(), |text, (name, value)| {
            text.replacen(name, value, 1)
        });
    if plan.copy_executable || facts.place == Place::Copy {
        text + COPIED
    } else {
        text
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
