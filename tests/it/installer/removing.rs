//! Removing it again: the machine is as it was, but for the history.

use super::machine::{EXE, UNIT, beside};
use super::site::Site;
use super::tools::{can_be_root, can_run};

#[test]
fn removed_it_leaves_the_machine_as_it_was() {
    if !can_run() {
        return;
    }
    let site = Site::of("1.0.0");
    let machine = beside(&site);
    machine.file("home/.local/share/man/man1/other.1", "somebody's");
    let before = machine.everything();
    machine.run(&[]).well();
    machine.run(&[]).well(); // what the first run made is still known after the second
    machine
        .run(&["--uninstall"])
        .well()
        .says(&format!("removing {}", machine.at(EXE).display()));
    assert_eq!(machine.everything(), before);
    machine
        .run(&["--uninstall"])
        .well()
        .says("no ollama-tap is installed");
    assert_eq!(machine.everything(), before);
}

#[test]
fn the_history_stays_unless_it_is_purged() {
    if !can_run() {
        return;
    }
    let site = Site::of("1.0.0");
    let machine = beside(&site);
    machine.file(
        "home/.local/state/ollama-tap/ollama_analytics/a",
        "precious",
    );
    machine.run(&[]).well();
    let ran = machine.run(&["--uninstall"]).well();
    ran.says(&format!(
        "the history stays in {}",
        machine.at("home/.local/state/ollama-tap").display()
    ))
    .says("--purge");
    assert_eq!(
        machine.read("home/.local/state/ollama-tap/ollama_analytics/a"),
        "precious"
    );
    machine.file("projects/my tap/ollama_20261130.jsonl.gz", "precious");
    let elsewhere = machine.at("projects/my tap");
    let notes = format!(
        "1796040000 jsonl {}\n1796030000 sqlite /gone\n",
        elsewhere.display()
    );
    machine.file("home/.local/state/ollama-tap/histories", &notes);
    let ran = machine.run(&["--purge"]).well();
    ran.says("deleting the history")
        .says(&format!("the history in {} stays", elsewhere.display()));
    assert!(!machine.at("home/.local/state/ollama-tap").exists());
    assert!(elsewhere.exists());
}

#[test]
fn the_service_is_removed_first_by_the_executable_that_is() {
    if !can_be_root() {
        return;
    }
    let site = Site::of("1.0.0");
    for (args, order) in [
        ("--uninstall", "1.0.0 service uninstall"),
        ("--purge", "1.0.0 service uninstall --purge"),
    ] {
        let machine = beside(&site).root();
        machine.run(&["--service"]).well();
        machine.run(&[args]).well();
        assert!(
            machine.read("log").lines().any(|line| line == order),
            "{}",
            machine.read("log")
        );
        assert!(!machine.at(EXE).exists() && !machine.at(UNIT).exists());

        let failing = Site::failing("1.0.0", &order["1.0.0 ".len()..]);
        machine
            .run(&["--service", "--base-url", &failing.url()])
            .well();
        let before = machine.everything();
        machine.run(&[args]).badly("the service cannot be removed");
        assert_eq!(machine.everything(), before);
    }
}
