//! An Ollama that dies or hangs is started again, and its clients are told the truth.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::{Machine, ready};
use crate::harness::process::{SIGCONT, SIGKILL, SIGSTOP, send};
use crate::harness::runner::{exit_text, is_windows, under_wine};
use crate::harness::{Client, Options, Proxy, eventually, metric, post};

const FOR_EVER: &str = r#"{"model":"talk","prompt":"for ever"}"#;

/// A stream that is under way.
fn stream(tap: &Proxy) -> Client {
    let mut client = tap.connect();
    client.send(post("/api/generate", FOR_EVER)).head("POST");
    client.read_until("on and ");
    client
}

/// Reads on until it breaks; whether it broke, rather than ended.
fn breaks(client: &mut Client) -> bool {
    loop {
        match client.piece() {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

fn restarted(tap: &Proxy, at_least: f64) {
    tap.scrape_until("a restart", |scrape| {
        metric("ollama_tap_backend_restarts_total").sum(scrape) >= at_least
    });
}

/// One that counts as hanging soon.
fn impatient(options: Options) -> Options {
    options.env("OLLAMA_TAP_TEST_HANG_MS", "600")
}

#[test]
fn a_server_that_dies_under_load_is_started_again_and_its_streams_are_broken() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("").start();
    ready(&tap);
    let mut streams: Vec<Client> = (0..8).map(|_| stream(&tap)).collect();
    let first = machine.run(1);
    send(first.ollama, SIGKILL);
    assert!(
        streams.iter_mut().all(breaks),
        "a stream that was cut looks whole"
    );
    let second = machine.run(2);
    ready(&tap);
    restarted(&tap, 1.0);
    assert!(first.is_gone() && !second.is_gone());
    let line = tap.wait_log("ollama ended");
    assert!(
        line.contains("WARN") && (line.contains("SIGKILL") || is_windows()),
        "{line}"
    );
    tap.scrape_until("eight errors", |scrape| {
        metric("ollama_requests_total")
            .label("status", "error")
            .sum(scrape)
            >= 8.0
    });
    let reply = tap.ask(
        "POST",
        post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#),
    );
    assert_eq!(reply.status(), 200, "a request after the restart");
}

#[test]
fn requests_while_it_is_down_get_503_and_are_never_refused_a_connection() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine
        .serve("")
        .env("OLLAMA_TAP_TEST_PAUSE_MS", "300")
        .start();
    ready(&tap);
    let mut statuses = Vec::new();
    send(machine.run(1).ollama, SIGKILL);
    while machine.runs().len() < 2 || tap.get("/api/version").status() != 200 {
        let reply = tap.get("/api/tags");
        statuses.push(reply.status());
        assert_eq!(
            reply.head.get("retry-after").is_some(),
            reply.status() == 503
        );
    }
    // One that was already sent when it died may be a 502; a refused connection is none.
    assert!(
        statuses.contains(&503) && statuses.iter().filter(|status| **status == 502).count() <= 1,
        "{statuses:?}"
    );
    assert!(
        statuses
            .iter()
            .all(|status| [200, 502, 503].contains(status)),
        "{statuses:?}"
    );
}

#[test]
fn an_unnoticed_death_of_ollama_is_not_a_refused_connection_either() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("").start();
    ready(&tap);
    let run = machine.run(1);
    send(run.guard, SIGSTOP); // who would tell us
    send(run.ollama, SIGKILL);
    let address = machine.environment()["OLLAMA_HOST"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    eventually("nobody listens any more", || {
        TcpStream::connect(&address).is_err()
    });
    let reply = tap.get("/api/tags");
    assert_eq!(
        (reply.status(), reply.head.get("retry-after")),
        (503, Some("2"))
    );
    send(run.guard, SIGCONT);
    machine.run(2);
    ready(&tap);
}

/// A tap whose only worker keeps a connection, and the answer to this prompt on it.
fn on_a_kept_connection(machine: &Machine, prompt: &str) -> (Proxy, u16) {
    let tap = machine.serve("").args(&["--workers", "1"]).start();
    ready(&tap);
    let status = tap
        .ask(
            "POST",
            post(
                "/api/generate",
                &format!(r#"{{"model":"talk","prompt":"{prompt}"}}"#),
            ),
        )
        .status();
    (tap, status)
}

#[test]
fn a_prompt_that_kills_its_server_is_never_sent_to_another_one() {
    let Some(machine) = Machine::unless_on_windows("the stand-in there resets nothing") else {
        return;
    };
    let (tap, status) = on_a_kept_connection(&machine, "die");
    assert_eq!(status, 502);
    machine.run(2);
    ready(&tap);
    assert_eq!(
        std::fs::read_to_string(machine.path("resets")).expect("resets"),
        "die\n"
    );
    assert_eq!(machine.runs().len(), 2);
    let stale = metric("ollama_tap_upstream_errors_total").label("kind", "stale");
    assert!(stale.value(0.0).is_in(&tap.scrape()));
}

#[test]
fn a_request_is_resent_when_a_living_server_reset_its_kept_alive_connection() {
    let Some(machine) = Machine::unless_on_windows("the stand-in there resets nothing") else {
        return;
    };
    let (tap, status) = on_a_kept_connection(&machine, "reset");
    assert_eq!((status, machine.runs().len()), (200, 1));
    tap.scrape_until("it", |scrape| {
        metric("ollama_tap_upstream_errors_total")
            .label("kind", "stale")
            .value(1.0)
            .is_in(scrape)
    });
}

#[test]
fn the_children_of_a_dead_server_do_not_outlive_it() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("parent").start();
    ready(&tap);
    let first = machine.run(1);
    assert!(!first.is_gone() && first.children.len() == 1);
    send(first.ollama, SIGKILL);
    machine.run(2);
    assert!(
        first.is_gone(),
        "something of the first run lives while the second one does"
    );
}

#[test]
fn its_last_lines_are_logged_when_it_ends() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("crash-once,chatty").start();
    ready(&tap);
    let log = tap.log();
    let told = log
        .split(&format!("ollama ended: {}; its last lines:", exit_text(1)))
        .nth(1)
        .unwrap_or_else(|| panic!("not told: {log}"));
    let lines: Vec<&str> = told
        .lines()
        .skip(1)
        .map_while(|line| line.split_once(" WARN    "))
        .map(|(_, line)| line)
        .collect();
    assert!(
        lines.contains(&"a line of no level") && lines.contains(&"Error: out of luck"),
        "{lines:?}"
    );
}

#[test]
fn one_that_always_crashes_is_tried_again_with_longer_and_longer_pauses() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("crash").start();
    machine.run(4);
    let pauses = ["in 0.0 s", "in 0.0 s", "in 0.1 s"];
    tap.wait_log(pauses[2]);
    assert_eq!(tap.get("/api/version").status(), 503);
    assert_eq!(tap.get("/healthz").status(), 200);
    let answers = tap.log().matches("starting ollama again").count();
    assert!(
        answers >= 3 && !tap.log().contains("ollama answers"),
        "{}",
        tap.log()
    );
}

#[test]
fn a_server_that_hangs_is_killed_and_started_again() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = impatient(machine.serve("parent")).start();
    ready(&tap);
    let mut client = stream(&tap);
    let first = machine.run(1);
    send(first.ollama, SIGSTOP);
    assert!(breaks(&mut client), "a stream that was cut looks whole");
    machine.run(2);
    tap.wait_log("ollama hangs");
    restarted(&tap, 1.0);
    assert!(first.is_gone() || under_wine()); // it takes a while to kill what is stopped
    eventually("the one that hung is gone", || first.is_gone());
    ready(&tap);
}

#[test]
fn a_silent_server_is_left_alone_as_long_as_something_streams() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = impatient(machine.serve("mute")).start();
    ready(&tap);
    let mut client = stream(&tap);
    machine.touch("mute");
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1400) {
        client.piece().expect("more of the stream");
    }
    assert_eq!(
        machine.runs().len(),
        1,
        "it was killed in the middle of a stream"
    );
    drop(client);
    machine.run(2);
    tap.wait_log("ollama hangs");
}

#[test]
fn a_server_that_never_answers_is_killed_in_the_end_and_started_again() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine
        .serve("late")
        .env("OLLAMA_TAP_TEST_START_MS", "400")
        .start();
    tap.wait_log("did not answer within");
    restarted(&tap, 1.0);
}

#[test]
fn a_guard_that_is_killed_takes_nothing_with_it_but_its_own() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("parent").start();
    ready(&tap);
    let first = machine.run(1);
    send(first.guard, SIGKILL);
    machine.run(2);
    assert!(first.is_gone(), "an ollama lives without its guard");
    ready(&tap);
}

#[test]
fn a_port_that_was_taken_meanwhile_is_reported_with_its_holder() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine
        .serve("")
        .env("OLLAMA_TAP_TEST_PAUSE_MS", "200")
        .env("OLLAMA_TAP_TEST_ANSWER_MS", "50")
        .start();
    ready(&tap);
    let address = machine.environment()["OLLAMA_HOST"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    send(machine.run(1).ollama, SIGKILL);
    tap.wait_log("starting ollama again");
    let holder = TcpListener::bind(&address).expect("bind");
    let line = tap.wait_log(" is taken");
    let is_named = line.contains(&format!("(pid {})", std::process::id()));
    assert!(
        line.contains("--backend-port") && (is_named || under_wine()),
        "{line}"
    ); // Wine knows none that has not used its socket yet
    drop(holder);
    ready(&tap);
}
