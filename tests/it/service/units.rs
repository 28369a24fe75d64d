//! The units as systemd itself reads them, and their order.

use std::path::Path;

use super::{DROP_IN, Machine, UNIT, with_ollama, with_ollama_unit};
use crate::harness::{Options, require_tool};

/// The most that `systemd-analyze security` may find, in tenths, for each of the two units.
const PROXY_MAX: u32 = 20;
const SERVE_MAX: u32 = 40;

fn machine() -> Option<Machine> {
    if !require_tool("systemd-analyze", &["--version"]) {
        return None;
    }
    Machine::start()
}

fn is_good(machine: &Machine, unit: &str, max: u32) {
    let (code, stdout, stderr) = machine.run(&[], &["systemd-analyze", "verify", "--man=no", unit]);
    assert_eq!((code, &*stdout, &*stderr), (0, "", ""), "{unit}");
    let threshold = format!("--threshold={max}");
    machine.ok(
        &[],
        &[
            "systemd-analyze",
            "security",
            "--no-pager",
            "--offline=true",
            &threshold,
            unit,
        ],
    );
}

#[test]
fn the_unit_that_runs_proxy_is_valid_and_confined() {
    let Some(machine) = machine() else { return };
    with_ollama_unit(&machine, "");
    machine.service(&["install"]);
    is_good(&machine, UNIT, PROXY_MAX);
    // With all that it may need to be opened for.
    machine.service(&[
        "install",
        "--listen",
        "0.0.0.0:80",
        "--analytics-dir",
        "/srv/a history",
        "--shutdown-grace",
        "0",
    ]);
    is_good(&machine, UNIT, PROXY_MAX);
    let (code, stdout, stderr) = machine.run(
        &[],
        &["systemd-analyze", "verify", "--man=no", "ollama.service"],
    );
    assert_eq!(
        (code, &*stdout, &*stderr),
        (0, "", ""),
        "Ollama's own unit with our part"
    );
}

#[test]
fn the_unit_that_starts_ollama_is_valid_and_confined() {
    let Some(machine) = machine() else { return };
    with_ollama(&machine);
    for user in ["alice", "root"] {
        let _ = machine.run(
            &[],
            &[
                "useradd",
                "--create-home",
                "--home-dir",
                "/srv/alice",
                "alice",
            ],
        );
        machine.ok(
            &[("SUDO_USER", user), ("OLLAMA_MODELS", "/srv/100%/models")],
            &["ollama-tap", "service", "install"],
        );
        is_good(&machine, UNIT, SERVE_MAX);
        machine.service(&["uninstall", "--purge"]);
    }
}

#[test]
fn the_units_as_they_are_packaged_are_valid_too() {
    let Some(machine) = machine() else { return };
    machine.ok(
        &[],
        &["cp", "/usr/bin/ollama-tap", "/usr/local/bin/ollama-tap"],
    );
    for (name, max) in [
        ("ollama-tap.service", PROXY_MAX),
        ("ollama-tap-serve.service", SERVE_MAX),
    ] {
        let packaged = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("packaging/systemd")
            .join(name);
        let installed = format!("/etc/systemd/system/{name}");
        machine.write(
            &installed,
            &std::fs::read_to_string(packaged).expect("a unit"),
        );
        is_good(&machine, &installed, max);
    }
}

#[test]
fn the_units_leave_room_for_as_many_threads_and_descriptors_as_workers_may_be() {
    /// The most that `--workers` takes.
    const WORKERS: u64 = 4096;
    /// The event loop, those of pages and history, watcher and watchdog, and what libraries start.
    const OTHERS: u64 = 64;
    let (code, _, stderr) =
        Options::bare(&["proxy", "--workers", &(WORKERS + 1).to_string()]).run();
    assert!(
        code == 2 && stderr.contains(&format!("a number from 1 to {WORKERS}")),
        "{stderr}"
    );
    for (name, of_ollama) in [
        ("ollama-tap.service", 0),
        ("ollama-tap-serve.service", 4096),
    ] {
        let packaged = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("packaging/systemd")
            .join(name);
        let unit = std::fs::read_to_string(packaged).expect("a unit");
        let number = |key: &str| -> u64 {
            let value = unit
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            value
                .unwrap_or_else(|| panic!("no {key} in {name}"))
                .parse()
                .expect("a number")
        };
        assert!(number("TasksMax") >= WORKERS + OTHERS + of_ollama, "{name}");
        assert!(
            number("LimitNOFILE") / 4 >= WORKERS,
            "a worker needs a descriptor, and clients need more: {name}"
        );
    }
}

#[test]
fn systemd_reads_our_part_of_ollamas_unit_after_what_users_write() {
    let Some(machine) = machine() else { return };
    with_ollama_unit(&machine, "Environment=OLLAMA_HOST=unit");
    for name in ["override", "50-local", "ollama", "zz-last"] {
        machine.write(
            &DROP_IN.replace("zz-ollama-tap", name),
            "[Service]\nEnvironment=OLLAMA_HOST=0.0.0.0\n",
        );
    }
    machine.service(&["install"]);
    let read = machine.ok(
        &[],
        &[
            "systemd-analyze",
            "cat-config",
            "--no-pager",
            "systemd/system/ollama.service",
        ],
    );
    let hosts: Vec<&str> = read
        .lines()
        .filter(|line| line.contains("OLLAMA_HOST="))
        .collect();
    assert_eq!(hosts.len(), 6, "{read}");
    assert_eq!(
        hosts.last(),
        Some(&"Environment=\"OLLAMA_HOST=127.0.0.1:11435\""),
        "{read}"
    );
}
