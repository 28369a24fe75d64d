//! Installing over an installation, and copies of the executable.

use super::super::{ENV, Machine, UNIT, with_ollama_unit};
use super::{has_lines, value};

#[test]
fn installing_twice_changes_nothing_and_settings_survive_upgrades() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "");
    machine.service(&["install", "--retention-days", "30", "--token", "s3cret"]);
    machine.write(ENV, &(machine.read(ENV) + "# mine\nOLLAMA_TAP_WORKERS=8\n"));
    let (before, settings, unit) = (machine.tree(), machine.read(ENV), machine.read(UNIT));
    machine.service(&["install"]);
    assert_eq!(machine.changes(&before), [""; 0]);
    machine.service(&[
        "install",
        "--retention-days",
        "3",
        "--shutdown-grace",
        "100",
    ]);
    let (old, new) = (
        settings.replace("RETENTION_DAYS=30", "RETENTION_DAYS=3"),
        machine.read(ENV),
    );
    for line in old.lines() {
        has_lines(&new, &[line]);
    }
    assert_eq!(value(&new, "OLLAMA_TAP_SHUTDOWN_GRACE"), "100");
    assert_eq!(value(&machine.read(UNIT), "TimeoutStopSec"), "115");
    assert_eq!(value(&unit, "TimeoutStopSec"), "45");
}

#[test]
fn an_upgrade_does_not_end_what_a_moved_ollama_generates() {
    let Some(machine) = Machine::start() else {
        return;
    };
    with_ollama_unit(&machine, "");
    machine.service(&["install"]);
    // Somebody answers at the place where Ollama was sent.
    let listen = "import socket,sys; s=socket.create_server(('127.0.0.1',11435)); print('up',flush=True); sys.stdin.read()";
    let mut ollama = machine.command(&[], &["python3", "-c", listen]);
    ollama
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut ollama = ollama.spawn().expect("start python3");
    let mut line = [0; 3];
    std::io::Read::read_exact(ollama.stdout.as_mut().expect("stdout"), &mut line)
        .expect("it is up");
    machine.systemctl_calls();
    machine.service(&["install"]);
    assert_eq!(
        machine.systemctl_calls(),
        [
            "daemon-reload",
            "enable ollama-tap.service",
            "restart ollama-tap.service"
        ]
    );
    drop(ollama.stdin.take());
    ollama.wait().expect("its end");
}

#[test]
fn an_executable_that_may_go_away_is_copied_and_the_copy_goes_with_the_service() {
    const PLACE: &str = "/usr/local/bin/ollama-tap";
    let Some(machine) = Machine::start() else {
        return;
    };
    let from_srv =
        |words: &[&str]| machine.run(&[], &[&["/srv/ollama-tap", "service"], words].concat());
    let install = ["install", "--upstream", "http://gpu:11434"];
    let before = machine.tree();
    for _ in 0..2 {
        assert_eq!(from_srv(&install).0, 0);
        assert_eq!(
            value(&machine.read(UNIT), "ExecStart"),
            format!("{PLACE} proxy")
        );
        assert_eq!(machine.mode(PLACE), 0o755);
        machine.service(&["status"]);
    }
    assert_eq!(from_srv(&["uninstall", "--purge"]).0, 0);
    assert_eq!(machine.changes(&before), [""; 0]);

    machine.script(PLACE, "#!/bin/sh\n");
    let before = machine.tree();
    let (code, _, stderr) = from_srv(&install);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("a different program is there; install with that one"),
        "{stderr}"
    );
    assert_eq!(machine.changes(&before), [""; 0]);
}
