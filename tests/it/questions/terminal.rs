//! What questions say where somebody sits at a terminal, made by script(1) as Linux has it.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::process::{Command, Stdio};

use super::{about, tap_of};
use crate::harness::ollama::reply;
use crate::harness::{ReceivedRequest, assert_contains, require, runs};

/// What a purge with these flags shows on a terminal on which somebody types, and its exit code.
pub fn purged_on_a_terminal(flags: &str, typed: &str) -> (Option<i32>, String) {
    let exe = env!("CARGO_BIN_EXE_ollama-tap");
    let words = format!("{exe} purge {flags}");
    let mut script = Command::new("script")
        .args(["-qec", &words, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("run script");
    let mut keys = script.stdin.take().expect("a pipe");
    keys.write_all(typed.as_bytes()).expect("type");
    let output = script.wait_with_output().expect("its output");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), shown)
}

#[test]
fn purge_asks_with_the_count_on_a_terminal_and_does_nothing_without_a_yes() {
    if !require("script", runs("script", &["--version"])) {
        return;
    }
    let counting = |matches: &str| {
        let header = format!("Ollama-Tap-Matches: {matches}");
        let answer = reply(
            "200 OK",
            &["Content-Type: application/json", &header],
            r#"{"deleted":1234}"#,
        );
        tap_of(vec![
            ("/analytics/messages", answer),
            ("/analytics/stats", about(2000)),
        ])
    };
    for (matches, typed, code, shown, deletes) in [
        (
            "1234",
            "n\n",
            1,
            &["delete 1,234 records in ", "[y/N]", "nothing was deleted"][..],
            false,
        ),
        (
            "1000+",
            "\n",
            1,
            &["delete 1,000 records or more in "],
            false,
        ),
        (
            "1234",
            "y\n",
            0,
            &["delete 1,234 records in ", "deleted 1,234 records in "],
            true,
        ),
        ("0", "", 0, &["deleted 1,234 records in "], true),
    ] {
        let tap = counting(matches);
        let (ended, text) =
            purged_on_a_terminal(&format!("--model phi4 --listen {}", tap.addr), typed);
        assert_eq!(ended, Some(code), "{text}");
        assert_contains(&text, shown);
        let received = tap.take_received();
        let is_deletion = |one: &ReceivedRequest| one.head.method() == "DELETE";
        assert_eq!(received.iter().any(is_deletion), deletes, "{text}");
    }
}
