//! Whatever `serve` and `proxy` can be told, `service install` takes and writes down for the service to read.

use std::collections::BTreeSet;
use std::process::Command;

use super::{Machine, with_ollama};

/// Every flag of both, with a value and the variable that the service reads.
const FLAGS: [(&str, &str, &str); 19] = [
    ("--listen", "0.0.0.0:9", "OLLAMA_TAP_LISTEN"),
    ("--admin-listen", "127.0.0.1:9", "OLLAMA_TAP_ADMIN_LISTEN"),
    ("--backend-port", "12000", "OLLAMA_BACKEND_PORT"),
    (
        "--ollama",
        "/usr/local/bin/ollama",
        "OLLAMA_EXECUTABLE_PATH",
    ),
    ("--workers", "8", "OLLAMA_TAP_WORKERS"),
    ("--shutdown-grace", "5", "OLLAMA_TAP_SHUTDOWN_GRACE"),
    ("--idle-timeout", "60", "OLLAMA_TAP_IDLE_TIMEOUT"),
    ("--log-level", "DEBUG", "LOG_LEVEL"),
    ("--track-embeddings", "false", "TRACK_EMBEDDINGS"),
    ("--metrics-category", "false", "OLLAMA_TAP_METRICS_CATEGORY"),
    ("--client-header", "X-User", "OLLAMA_TAP_CLIENT_HEADER"),
    ("--token", "s3cret", "OLLAMA_TAP_TOKEN"),
    ("--analytics-backend", "loki", "ANALYTICS_BACKEND"),
    ("--analytics-dir", "/srv/history", "ANALYTICS_DIR"),
    ("--name", "gpu-box", "OLLAMA_TAP_NAME"),
    ("--retention-days", "3", "ANALYTICS_RETENTION_DAYS"),
    ("--store-text", "none", "ANALYTICS_STORE_TEXT"),
    ("--loki-url", "http://loki:3100", "LOKI_URL"),
    ("--analytics-max-bytes", "1000000", "ANALYTICS_MAX_BYTES"),
];

fn flags_of(command: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ollama-tap"))
        .args(command)
        .arg("--help")
        .output()
        .expect("its help");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let flag = |line: &str| {
        Some(format!(
            "--{}",
            line.strip_prefix("  --")?.split([' ', ',']).next()?
        ))
    };
    help.lines()
        .filter_map(flag)
        .filter(|flag| flag != "--help")
        .collect()
}

#[test]
fn installing_takes_every_flag_of_serve_and_proxy() {
    let mut expected: BTreeSet<String> = flags_of(&["serve"])
        .union(&flags_of(&["proxy"]))
        .cloned()
        .collect();
    let known: BTreeSet<String> = FLAGS
        .iter()
        .map(|(flag, ..)| (*flag).to_owned())
        .chain(["--upstream".to_owned()])
        .collect();
    assert_eq!(expected, known);
    expected.extend(["--dry-run", "--keep"].map(str::to_owned));
    assert_eq!(flags_of(&["service", "install"]), expected);
}

#[test]
fn every_flag_and_every_variable_reaches_the_settings_and_flags_win() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama(&machine);
    let words: Vec<&str> = FLAGS
        .iter()
        .flat_map(|(flag, value, _)| [*flag, *value])
        .collect();
    let variables: Vec<(&str, &str)> = FLAGS
        .iter()
        .map(|(_, value, variable)| (*variable, *value))
        .collect();
    let other: Vec<(&str, &str)> = vec![
        ("OLLAMA_TAP_WORKERS", "9"),
        ("ANALYTICS_DIR", "elsewhere"),
        ("OLLAMA_BACKEND_PORT", "9"),
    ];
    let mut settings = Vec::new();
    for (environment, words) in [(&other, words), (&variables, Vec::new())] {
        machine.ok(
            environment,
            &[&["ollama-tap", "service", "install"], &words[..]].concat(),
        );
        settings.push(machine.read(super::ENV));
        machine.service(&["uninstall", "--purge"]);
    }
    assert_eq!(settings[0], settings[1]);
    for (_, value, variable) in FLAGS {
        assert!(
            settings[0]
                .lines()
                .any(|line| line == format!("{variable}={value}")),
            "no {variable}={value} in\n{}",
            settings[0]
        );
    }
}
