//! What questions say where somebody sits at a terminal, made by script(1) as Linux has it.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use super::statistics::enhanced;
use super::{about, record, tap_of};
use crate::harness::ollama::{json as ok, reply};
use crate::harness::{FakeOllama, ReceivedRequest, assert_contains, require_tool};

/// What these words of a shell show on a terminal on which somebody types, and their exit code. `None` where there is no script(1), which is
/// said aloud.
fn on_a_terminal(words: &str, typed: &str) -> Option<(Option<i32>, String)> {
    if !require_tool("script", &["--version"]) {
        return None;
    }
    let mut script = Command::new("script")
        .args(["-qec", words, "/dev/null"])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("run script");
    let mut keys = script.stdin.take().expect("a pipe");
    keys.write_all(typed.as_bytes()).expect("type");
    let output = script.wait_with_output().expect("its output");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    Some((output.status.code(), shown))
}

/// What a purge with these flags shows on a terminal on which somebody types, and its exit code.
pub fn purged_on_a_terminal(flags: &str, typed: &str) -> (Option<i32>, String) {
    let exe = env!("CARGO_BIN_EXE_ollama-tap");
    on_a_terminal(&format!("{exe} purge {flags}"), typed).expect("script(1)")
}

/// A question to this tap as words of a shell.
fn question(tap: &FakeOllama, words: &str) -> String {
    let exe = env!("CARGO_BIN_EXE_ollama-tap");
    format!("{exe} {words} --listen {}", tap.addr)
}

/// A text without our sequences.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + piece.split_once('m').expect("a sequence of colours").1
    })
}

#[test]
fn answers_fit_the_terminal_and_are_coloured_unless_somebody_minds() {
    let mut long = record("00000000000000ff", &"why is the sky blue ".repeat(20));
    long["model"] = "hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M".into();
    long["error"] = "空は青い".repeat(40).into();
    long["status"] = "error".into();
    let tap = tap_of(vec![
        ("/analytics/search", ok(&json!([long]).to_string())),
        ("/analytics/stats", about(5)),
        ("/analytics/stats/enhanced", enhanced(1_234_567)),
        ("/analytics/why", ok(&json!({"start_time": 1.0, "end_time": 2.0, "requests": 3, "findings": [], "hidden": 0}).to_string())),
    ]);
    for columns in [80, 40] {
        for words in ["stats", "stats --by model", "search sky", "why"] {
            let words = question(&tap, words);
            let on_screen = format!("stty cols {columns}; {words}");
            let Some((code, shown)) = on_a_terminal(&on_screen, "") else {
                return;
            };
            assert_eq!(code, Some(0), "{shown}");
            assert!(shown.contains("\u{1b}[1m"), "no heading in {shown}");
            for line in without_colours(&shown).lines() {
                // Of two columns are the characters of the error alone.
                let wide = line.chars().filter(|c| "空は青い".contains(*c)).count();
                let taken = line.chars().count() + wide;
                assert!(taken <= columns, "{taken} columns of {columns}: {line:?}");
            }
            for minding in ["NO_COLOR=1", "TERM=dumb", "CLICOLOR=0"] {
                let (_, shown) = on_a_terminal(&format!("{minding} {words}"), "").unwrap();
                assert!(!shown.contains('\u{1b}'), "{minding}: {shown:?}");
            }
        }
    }
    let failing = question(&tap, "export --format xml");
    let (_, shown) = on_a_terminal(&failing, "").unwrap();
    assert!(
        shown.contains("\u{1b}[31mollama-tap:\u{1b}[0m bad value"),
        "{shown:?}"
    );
}

#[test]
fn purge_asks_with_the_count_on_a_terminal_and_does_nothing_without_a_yes() {
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
        let words = question(&tap, "purge --model phi4");
        let Some((ended, text)) = on_a_terminal(&words, typed) else {
            return;
        };
        assert_eq!(ended, Some(code), "{text}");
        assert_contains(&text, shown);
        let received = tap.take_received();
        let is_deletion = |one: &ReceivedRequest| one.head.method() == "DELETE";
        assert_eq!(received.iter().any(is_deletion), deletes, "{text}");
    }
}
