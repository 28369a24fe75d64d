//! The state of the service, as the system tells it, and of the tap, as it tells itself.

use std::process::ExitCode;

use serde::Deserialize;

use super::command::{output, systemctl_property};
use super::layout::{LAUNCHD_TARGET, UNIT};
use super::report::print_line;
use super::{executable, installed, registered, settings};
use crate::cli::LocationArgs;
use crate::commands::discovery;
use crate::commands::history::format::pluralize;
use crate::commands::history::tap_client::TapClient;
use crate::commands::metrics_text::sum_series;
use crate::config::{ENV_LISTEN, QueryConfig};
use crate::error::Result;
use crate::history::record;
use crate::platform;
use crate::platform::service::ServiceManager;
use crate::util::numbers::thousands;

/// The exit code of a service that does not run, as systemctl has it.
const NOT_RUNNING: u8 = 3;

/// The answer of /test, as much as is shown of it.
#[derive(Deserialize)]
struct TestPage {
    ollama_host: String,
    ollama_reachable: bool,
    models: Vec<serde_json::Value>,
}

pub fn run(manager: ServiceManager) -> Result<ExitCode> {
    let (state, is_running) = match manager {
        ServiceManager::Systemd => systemd_state(),
        ServiceManager::Windows => windows_state(),
        ServiceManager::Launchd => launchd_state(),
    };
    print_field("service", &state);
    if let Ok(Some(path)) = registered::executable(manager) {
        print_field("executable", &executable::describe(&path));
    }
    match find(manager) {
        Ok(tap) => about(&tap),
        Err(_) if is_running => print_field("listening", no_tap(manager)),
        Err(addresses) => print_field("listening", &format!("no tap answers at {addresses}")),
    }
    Ok(if is_running {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_RUNNING)
    })
}

fn no_tap(manager: ServiceManager) -> &'static str {
    match manager {
        ServiceManager::Windows => "no tap answers where the service should",
        ServiceManager::Systemd | ServiceManager::Launchd => {
            "no tap answers where the settings say (without root they cannot be read: use sudo)"
        }
    }
}

fn print_field(name: &str, value: &str) {
    print_line(format_args!("{name:<11} {value}"));
}

/// The running tap, looked for where the service's settings say, as far as we may read them.
/// Where none answers, the addresses that were asked.
fn find(manager: ServiceManager) -> Result<TapClient, String> {
    let mut values = settings::read(&installed::settings_text(manager).unwrap_or_default());
    if values.is_empty() {
        values.extend(installed::public_listen().map(|address| (ENV_LISTEN.to_owned(), address)));
    }
    let config = QueryConfig::resolve(LocationArgs::of_tap(&None), &|name| {
        values.get(name).cloned()
    })
    .map_err(|_| "the address of its settings, which makes no sense".to_owned())?;
    discovery::find(&config).ok_or_else(|| config.addresses())
}

fn about(tap: &TapClient) {
    print_field("listening", tap.address());
    match tap
        .text("/test")
        .map(|text| serde_json::from_str::<TestPage>(&text))
    {
        Ok(Ok(ollama)) if ollama.ollama_reachable => print_field(
            "upstream",
            &format!(
                "{} ({})",
                ollama.ollama_host,
                pluralize(ollama.models.len() as u64, "model")
            ),
        ),
        Ok(Ok(ollama)) => print_field(
            "upstream",
            &format!("{} (does not answer)", ollama.ollama_host),
        ),
        Ok(Err(cause)) => print_field("upstream", &format!("unknown: {cause}")),
        Err(cause) => print_field("upstream", &format!("unknown: {cause}")),
    }
    match tap.text("/metrics") {
        Ok(metrics) => counts(&metrics),
        Err(cause) => print_field("requests", &format!("unknown: {cause}")),
    }
    match tap.about() {
        Ok(about) => print_field(
            "history",
            &format!(
                "{} in {}, {}",
                about.backend,
                about.data_dir.as_deref().unwrap_or("-"),
                pluralize(about.records, "record")
            ),
        ),
        Err(cause) => print_field("history", &cause.to_string()),
    }
}

fn counts(metrics: &str) {
    let restarts =
        sum_series(metrics, "ollama_tap_backend_restarts_total", "").filter(|count| *count > 0.0);
    let restarts = restarts
        .map(|count| format!(", started again {count} times"))
        .unwrap_or_default();
    let version = metrics.lines().find_map(|line| {
        line.strip_prefix("ollama_version_info{version=\"")?
            .split('"')
            .next()
    });
    print_field(
        "backend",
        &version.map_or("unknown".to_owned(), |version| {
            format!("ollama {version}{restarts}")
        }),
    );
    if let Some(start) = sum_series(metrics, "process_start_time_seconds", "") {
        print_field("uptime", &uptime(record::now() - start));
    }
    let tokens = sum_series(metrics, "ollama_tokens_generated_total", "").unwrap_or_default();
    let tokens = thousands(tokens as u64);
    print_field(
        "requests",
        &format!(
            "{} done, {} failed, {} cancelled",
            requests(metrics, "success"),
            requests(metrics, "error"),
            requests(metrics, "cancelled")
        ),
    );
    print_field("tokens", &format!("{tokens} generated"));
}

fn requests(metrics: &str, status: &str) -> String {
    let label = format!("status=\"{status}\"");
    let count = sum_series(metrics, "ollama_requests_total", &label).unwrap_or_default();
    thousands(count as u64)
}

/// Writes a time (seconds) in its two largest units.
fn uptime(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", whole % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// Asks systemd for the state in words, and whether the service runs.
fn systemd_state() -> (String, bool) {
    let names = [
        "LoadState",
        "ActiveState",
        "SubState",
        "MainPID",
        "NRestarts",
        "ActiveEnterTimestamp",
    ];
    let wanted = format!("--property={}", names.join(","));
    let Some(shown) = output(&["systemctl", "show", UNIT, &wanted]) else {
        return ("unknown: systemd does not answer".to_owned(), false);
    };
    let property = |name| systemctl_property(&shown, name);
    if property("LoadState") == "not-found" {
        return (
            "not installed (`ollama-tap service install`)".to_owned(),
            false,
        );
    }
    let is_running = property("ActiveState") == "active";
    let mut state = format!("{} ({})", property("ActiveState"), property("SubState"));
    if is_running {
        state += &format!(
            " since {}, process {}, {} restarts",
            property("ActiveEnterTimestamp"),
            property("MainPID"),
            property("NRestarts")
        );
    }
    (state, is_running)
}

/// Asks Windows for the state in words, and whether the service runs.
fn windows_state() -> (String, bool) {
    match platform::service::service_state() {
        Ok(Some(state)) => {
            let process = state
                .process
                .map(|id| format!(", process {id}"))
                .unwrap_or_default();
            (format!("{}{process}", state.name), state.is_running)
        }
        Ok(None) => (
            "not installed (`ollama-tap service install`)".to_owned(),
            false,
        ),
        Err(cause) => (format!("unknown: {cause}"), false),
    }
}

/// Asks launchd for the state in words, and whether the service runs.
fn launchd_state() -> (String, bool) {
    let Some(shown) = output(&["launchctl", "print", LAUNCHD_TARGET]) else {
        return ("not installed, or stopped".to_owned(), false);
    };
    let property = |name: &str| {
        shown
            .lines()
            .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(" = "))
            .unwrap_or("unknown")
    };
    (
        format!("{}, process {}", property("state"), property("pid")),
        property("state") == "running",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_is_written_in_its_two_largest_units() {
        let texts = [-1.0, 59.9, 61.0, 3_700.0, 90_000.0].map(uptime);
        assert_eq!(texts, ["0 s", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
    }
}
