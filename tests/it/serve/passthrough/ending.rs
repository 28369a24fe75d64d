//! The end of a command through the tap: its exit code, signals, and what is stopped after it.

use std::fs::{File, TryLockError};
use std::time::Duration;

use crate::harness::process::lives;
use crate::harness::runner::{exit_text, is_windows, under_wine};
use crate::harness::{SIGINT, SIGKILL, SIGTERM, TIMEOUT, eventually, run_expecting};
use crate::serve::{Machine, port, ready};

#[test]
fn the_exit_code_is_the_commands() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("").start();
    ready(&tap);
    let through = |words: &[&str]| {
        machine
            .words(words)
            .env("OLLAMA_TAP_LISTEN", &tap.addr.to_string())
    };
    run_expecting(through(&["stop", "7"]), 7);
    run_expecting(machine.command(&["stop", "7"]), 7);
    if is_windows() {
        return; // nothing dies of signals there
    }
    run_expecting(machine.command(&["push", "9"]), 128 + 9);
    for run in machine.runs().iter().skip(1) {
        assert!(run.is_gone());
    }
}

#[cfg(unix)] // Windows has no such signals
#[test]
fn a_signal_reaches_the_command_whose_end_is_ours() {
    for (signal, heard, code) in [
        (SIGTERM, "told 15", 42),
        (libc::SIGHUP, "", 128 + libc::SIGHUP),
    ] {
        let Some(machine) = Machine::new() else {
            return;
        };
        let mut tap = machine.command(&["pull", "wait"]).spawn();
        tap.wait_log("waiting at http://127.0.0.1:");
        tap.signal(signal);
        assert_eq!(tap.wait_exit(Duration::from_secs(5)).code(), Some(code));
        tap.wait_log(heard);
        machine.nothing_is_left();
    }
}

#[test]
fn a_tap_that_is_killed_takes_its_command_and_its_server_with_it() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine
        .command(&["pull", "wait"])
        .env("STANDIN", "parent")
        .spawn();
    let line = tap.wait_log("waiting at ");
    let command = line
        .rsplit(' ')
        .next()
        .and_then(|id| id.parse().ok())
        .expect("a process id");
    assert!(lives(command));
    tap.signal(SIGKILL);
    machine.nothing_is_left();
    eventually("the command is gone", || !lives(command));
}

#[test]
fn a_signal_before_the_command_runs_ends_it_all() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let mut tap = machine.command(&["list"]).env("STANDIN", "late").spawn();
    let run = machine.run(1);
    tap.signal(SIGINT);
    assert_eq!(
        tap.wait_exit(Duration::from_secs(5)).code(),
        Some(128 + SIGINT)
    );
    eventually("ollama is gone", || !lives(run.ollama));
}

#[test]
fn a_server_that_cannot_start_is_reported_with_its_last_lines() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (stdout, stderr) = run_expecting(machine.command(&["list"]).env("STANDIN", "crash"), 1);
    assert!(
        stdout.is_empty()
            && stderr.contains(&format!("ollama ended: {}", exit_text(1)))
            && stderr.contains("Error: out of luck"),
        "{stderr}"
    );
    machine.nothing_is_left();
}

#[test]
fn of_commands_that_begin_at_once_one_starts_ollama_for_all() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (listened, backend) = (format!("127.0.0.1:{}", port()), port().to_string());
    let command = || {
        machine
            .words(&["pull", "wait"])
            .env("OLLAMA_TAP_LISTEN", &listened)
            .env("OLLAMA_BACKEND_PORT", &backend)
            .spawn()
    };
    let mut commands = [command(), command(), command()];
    for command in &commands {
        command.wait_log(&format!("waiting at http://{listened}"));
    }
    assert_eq!(machine.runs().len(), 1);
    let told = match (is_windows(), under_wine()) {
        (false, _) => 42,
        (true, false) => 128 + SIGINT,
        (true, true) => 0, // which Wine lets a program say that Ctrl-C ends
    };
    for command in &commands {
        command.signal(SIGTERM); // which is a key on Windows, where the first one then waits for the others
    }
    for command in &mut commands {
        assert_eq!(command.wait_exit(Duration::from_secs(5)).code(), Some(told));
    }
    machine.nothing_is_left();
}

#[test]
fn a_command_that_started_ollama_waits_for_another_that_found_it() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (listened, backend) = (format!("127.0.0.1:{}", port()), port().to_string());
    let command = |words: &[&str]| {
        machine
            .words(words)
            .env("OLLAMA_TAP_LISTEN", &listened)
            .env("OLLAMA_BACKEND_PORT", &backend)
            .spawn()
    };
    let mut first = command(&["run", "talk", "held"]);
    let run = machine.run(1);
    let mut second = command(&["pull", "wait"]);
    second.wait_log(&format!("waiting at http://{listened}"));
    first.signal(SIGINT); // the command's own, as a key is
    machine.touch("go");
    first.wait_log("waiting for another command");
    assert!(second.is_running() && lives(run.ollama));
    second.signal(SIGTERM);
    second.wait_exit(Duration::from_secs(5));
    let code = first.wait_exit(Duration::from_secs(5)).code();
    assert!(code == Some(0) || is_windows(), "{code:?}"); // a key ends its command there
    machine.nothing_is_left();
}

#[test]
fn a_command_that_comes_while_the_shared_ollama_ends_starts_one_of_its_own() {
    let Some(machine) =
        Machine::unless_on_windows("the stand-in is deaf to none, and so ends at once")
    else {
        return;
    };
    let (port, backend) = (port(), self::port().to_string());
    let command = |behaviour: &str| {
        machine
            .words(&["stop", "0"])
            .env("OLLAMA_TAP_LISTEN", &format!("127.0.0.1:{port}"))
            .env("OLLAMA_BACKEND_PORT", &backend)
            .env("STANDIN", behaviour)
            .spawn()
    };
    let mut first = command("deaf");
    let lock = machine
        .path("state")
        .join(format!("ollama-tap/{port}.users"));
    eventually("the first one ends what it started", || {
        let file = File::open(&lock);
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    });
    let mut second = command("");
    for command in [&mut first, &mut second] {
        assert_eq!(command.wait_exit(TIMEOUT).code(), Some(0));
    }
    assert_eq!(machine.runs().len(), 2);
    machine.nothing_is_left();
}
