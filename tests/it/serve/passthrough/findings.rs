//! What a command says at its end of what was found of its requests.

use super::super::Machine;
use crate::harness::ollama::{STREAM_HEAD, done, json};
use crate::harness::{FakeOllama, assert_contains, chunk, run_expecting};

/// An Ollama whose model thinks, and then says nothing.
fn silent() -> FakeOllama {
    FakeOllama::start(|conn| {
        let thought = r#"{"model":"talk","response":"","thinking":"Hm.","done":false}"#;
        let stream = [
            STREAM_HEAD.as_bytes(),
            &chunk(format!("{thought}\n")),
            &done(3, 2),
        ]
        .concat();
        conn.answer(match conn.head.path() {
            "/api/generate" => stream,
            _ => json(r#"{"models":[]}"#),
        })
    })
}

/// However busy the machine is, the tap has counted what it found by then.
const PATIENT: (&str, &str) = ("OLLAMA_TAP_TEST_FINDINGS_MS", "20000");

const SENTENCE: &str = "ollama-tap: talk thought for 2 tokens and answered nothing";

#[test]
fn a_command_through_a_tap_ends_with_what_was_found_of_its_requests() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = silent();
    let words = [
        "proxy",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        &ollama.url(),
    ];
    let tap = machine
        .tap(&words)
        .env("OLLAMA_TAP_TEST_FLUSH_MS", "5")
        .start();
    let command = machine
        .words(&["run", "talk", "Why?"])
        .env(PATIENT.0, PATIENT.1)
        .env("OLLAMA_TAP_LISTEN", &tap.addr.to_string());
    let (stdout, stderr) = run_expecting(command, 0);
    assert_eq!(stdout, "\n");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert_contains(&stderr, &[SENTENCE, ": ollama-tap why "]);
    // What was found of another command's requests is not told again.
    let (_, stderr) = run_expecting(
        machine
            .words(&["list"])
            .env("OLLAMA_TAP_LISTEN", &tap.addr.to_string()),
        0,
    );
    assert!(!stderr.contains("ollama-tap why"), "{stderr}");
}

#[test]
fn a_command_with_a_tap_of_its_own_says_that_something_was_found() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = silent();
    let command = machine
        .words(&["run", "talk", "Why?"])
        .env(PATIENT.0, PATIENT.1)
        .env("OLLAMA_HOST", &ollama.url());
    let (_, stderr) = run_expecting(command, 0);
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    let last = stderr.lines().last().unwrap_or_default();
    assert!(last.contains("ollama-tap why"), "{stderr}");
}
