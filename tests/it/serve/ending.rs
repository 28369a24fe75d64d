//! However the tap ends, nothing of Ollama is left.

use std::time::{Duration, Instant};

use super::{Machine, ready};
use crate::harness::process::{SIGSTOP, asking_to_end, send};
use crate::harness::runner::{under_wine, within};
use crate::harness::{Client, Proxy, SIGINT, SIGKILL, SIGTERM, post};

/// A tap whose Ollama has a child and a stream under way.
fn busy(machine: &Machine, behaviour: &str) -> (Proxy, Client) {
    let tap = machine
        .serve(behaviour)
        .args(&["--shutdown-grace", "0.2"])
        .start();
    ready(&tap);
    let mut client = tap.connect();
    client
        .send(post(
            "/api/generate",
            r#"{"model":"talk","prompt":"for ever"}"#,
        ))
        .head("POST");
    client.read_until("on and ");
    assert_eq!(machine.run(1).children.len(), 1);
    (tap, client)
}

#[test]
fn a_tap_that_is_killed_leaves_no_process() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (tap, _client) = busy(&machine, "parent");
    assert!(!machine.run(1).is_gone());
    tap.signal(SIGKILL);
    machine.nothing_is_left();
}

#[test]
fn a_tap_that_is_killed_while_ollama_starts_leaves_no_process() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("late,parent,deaf").start();
    machine.run(1);
    tap.signal(SIGKILL);
    machine.nothing_is_left();
}

#[test]
fn a_signal_ends_both_and_leaves_no_process() {
    for signal in asking_to_end() {
        let Some(machine) = Machine::new() else {
            return;
        };
        let (mut tap, _client) = busy(&machine, "parent");
        tap.signal(signal);
        assert_eq!(tap.wait_exit(Duration::from_secs(5)).code(), Some(0));
        assert!(
            machine.run(1).is_gone(),
            "something is left after signal {signal}"
        );
    }
}

#[test]
fn a_server_that_is_deaf_to_signals_is_killed() {
    let Some(machine) = Machine::unless_on_windows(
        "the stand-in is deaf to none; one that is stopped is killed as well",
    ) else {
        return;
    };
    let (mut tap, _client) = busy(&machine, "parent,deaf");
    tap.signal(SIGTERM);
    assert_eq!(tap.wait_exit(Duration::from_secs(5)).code(), Some(0));
    assert!(machine.run(1).is_gone());
}

#[test]
fn a_server_that_is_stopped_is_killed() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (mut tap, _client) = busy(&machine, "parent");
    send(machine.run(1).ollama, SIGSTOP);
    tap.signal(SIGTERM);
    assert_eq!(tap.wait_exit(Duration::from_secs(5)).code(), Some(0));
    if under_wine() {
        return machine.nothing_is_left(); // it takes its time with one that is stopped
    }
    assert!(machine.run(1).is_gone());
}

#[test]
fn a_second_signal_ends_it_at_once_and_leaves_no_process() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine
        .serve("parent")
        .args(&["--shutdown-grace", "60"])
        .start();
    ready(&tap);
    let mut tap = tap;
    let mut client = tap.connect();
    client
        .send(post(
            "/api/generate",
            r#"{"model":"talk","prompt":"for ever"}"#,
        ))
        .head("POST");
    client.read_until("on and ");
    tap.signal(SIGTERM);
    tap.wait_log("stopping");
    tap.signal(SIGTERM);
    let sent = Instant::now();
    tap.wait_exit(Duration::from_secs(5));
    assert!(
        sent.elapsed() < within(Duration::from_secs(1)),
        "took {:?}",
        sent.elapsed()
    );
    machine.nothing_is_left();
}

#[test]
fn a_signal_while_ollama_starts_or_waits_to_be_started_again_ends_it() {
    for behaviour in ["late", "crash"] {
        let Some(machine) = Machine::new() else {
            return;
        };
        let mut tap = machine.serve(behaviour).start();
        machine.run(1);
        tap.signal(SIGINT);
        assert_eq!(
            tap.wait_exit(Duration::from_secs(5)).code(),
            Some(0),
            "{behaviour}"
        );
        machine.nothing_is_left();
    }
}

#[test]
fn streams_end_in_peace_before_ollama_is_ended() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let mut tap = machine.serve("").start();
    ready(&tap);
    let mut client = tap.connect();
    client
        .send(post("/api/generate", r#"{"model":"talk","prompt":"held"}"#))
        .head("POST");
    client.read_until("It is ");
    tap.signal(SIGTERM);
    tap.wait_log("stopping");
    machine.touch("go");
    client.read_until("\"done\":true");
    assert!(client.piece().expect("a clean end").is_none());
    assert_eq!(tap.wait_exit(Duration::from_secs(5)).code(), Some(0));
    machine.nothing_is_left();
}
