//! A newer release over an older one, and the service.

use std::fs;

use super::machine::{ACTIVE, EXE, Machine, UNIT, beside};
use super::site::{Site, executable};
use super::tools::{can_be_root, can_run};

/// Returns the commands that the executables got, without those that change nothing.
fn orders(machine: &Machine) -> Vec<String> {
    machine
        .read("log")
        .lines()
        .filter(|line| line.contains(" service ") && !line.starts_with("systemctl"))
        .map(str::to_owned)
        .collect()
}

/// Root's machine with 1.0.0 on it, whose service runs.
fn serving() -> Machine {
    let machine = Machine::new().root();
    let old = Site::of("1.0.0");
    machine.run(&["--base-url", &old.url(), "--service"]).well();
    assert_eq!(orders(&machine), ["1.0.0 service install"]);
    machine.file("log", "");
    machine
}

#[test]
fn a_newer_release_takes_the_place_of_an_older_one() {
    if !can_run() {
        return;
    }
    let site = Site::of("1.0.0");
    let machine = beside(&site);
    machine.run(&[]).well();
    let files: Vec<_> = machine.everything().into_keys().collect();
    machine
        .run(&[])
        .well()
        .says("ollama-tap 1.0.0 is installed, as it was before");
    assert_eq!(machine.everything().into_keys().collect::<Vec<_>>(), files);

    site.release("1.1.0", &executable("1.1.0"));
    machine
        .run(&["--version", "1.1.0"])
        .well()
        .says("replacing")
        .says("installed ollama-tap 1.1.0 in place of ollama-tap 1.0.0");
    assert_eq!(machine.read(EXE), executable("1.1.0"));
    assert_eq!(machine.everything().into_keys().collect::<Vec<_>>(), files);
    assert!(
        orders(&machine).is_empty(),
        "a service was touched: {:?}",
        orders(&machine)
    );
}

#[test]
fn a_service_is_renewed_by_the_new_executable_and_runs_if_it_ran() {
    if !can_be_root() {
        return;
    }
    let machine = serving();
    let new = Site::of("2.0.0");
    let upgrade = || {
        let ran = machine.run(&["--base-url", &new.url()]).well();
        ran.says("bringing the service up to date");
        assert!(machine.read(UNIT).contains("# 2.0.0"));
        assert_eq!(orders(&machine), ["2.0.0 service install --keep"]);
        machine.file("log", "");
        machine.read(ACTIVE)
    };
    assert_eq!(upgrade(), "ollama-tap 2.0.0\n");
    fs::remove_file(machine.at(ACTIVE)).unwrap(); // somebody has stopped it
    assert_eq!(upgrade(), "");
}

#[test]
fn an_executable_that_does_not_know_how_to_renew_it_starts_it_again() {
    if !can_be_root() {
        return;
    }
    let machine = serving();
    let older = Site::of("0.1.0");
    machine.run(&["--base-url", &older.url()]).well();
    assert_eq!(machine.read(ACTIVE), "ollama-tap 0.1.0\n");
    assert_eq!(
        orders(&machine),
        ["0.1.0 service install --keep", "0.1.0 service restart"]
    );
}

#[test]
fn a_new_executable_that_does_not_start_makes_way_for_the_old_one() {
    if !can_be_root() {
        return;
    }
    for (fails_at, args) in [
        ("service install --keep", &[][..]),
        ("service install", &["--service"]),
    ] {
        let machine = serving();
        let before = machine.everything();
        let new = Site::failing("2.0.0", fails_at);
        machine
            .run(&[args, &["--base-url", &new.url()]].concat())
            .badly("ollama-tap: the service ")
            .says("taking it back")
            .says("starting the service again");
        assert_eq!(machine.everything(), before, "{fails_at}");
    }
}

#[test]
fn a_new_executable_that_does_not_run_stops_nothing() {
    if !can_be_root() {
        return;
    }
    let machine = serving();
    let before = machine.everything();
    let new = Site::failing("2.0.0", "--version");
    machine
        .run(&["--base-url", &new.url()])
        .badly("does not run on this machine");
    assert_eq!(machine.everything(), before);
    assert!(orders(&machine).is_empty(), "{:?}", orders(&machine));
}

#[test]
fn a_service_that_cannot_be_installed_leaves_nothing() {
    if !can_be_root() {
        return;
    }
    let site = Site::failing("1.0.0", "service install");
    let machine = beside(&site).root().env("OLLAMA_TAP_SERVICE", "1");
    let before = machine.everything();
    machine.run(&[]).badly("the service cannot be installed");
    assert_eq!(machine.everything(), before);
}

#[test]
fn a_service_needs_root_and_says_so_before_anything_else() {
    let machine = Machine::new();
    machine.run(&["--service"]).badly("--service needs root");
    assert!(machine.everything().is_empty());
}
