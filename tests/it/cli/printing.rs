//! Output that nobody takes: a reader that left, a full device.
#![cfg(target_os = "linux")] // it has a device that is always full

use std::fs::OpenOptions;
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Options, assert_contains, eventually};

fn tap(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-tap"));
    command.args(args).stdin(Stdio::null());
    command
}

fn full() -> Stdio {
    let device = OpenOptions::new().write(true).open("/dev/full");
    device.expect("open the full device").into()
}

const PRINTING: [&[&str]; 10] = [
    &["--help"],
    &["help"],
    &["serve", "--help"],
    &["service", "install", "--help"],
    &["--version"],
    &["-v"],
    &["version"],
    &["completions", "bash"],
    &["completions", "zsh"],
    &["man"],
];

/// The exit code and what was said, of which nothing is a panic.
fn quietly(args: &[&str], output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{args:?}: {said}");
    (output.status.code(), said)
}

#[test]
fn a_reader_that_left_is_no_failure() {
    for args in PRINTING {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = tap(args).stdout(writer).output().expect("run it");
        assert_eq!(quietly(args, &output), (Some(0), String::new()), "{args:?}");
    }
}

#[test]
fn a_full_device_is_told_and_fails() {
    for args in PRINTING {
        let output = tap(args)
            .stdout(full())
            .stderr(Stdio::piped())
            .output()
            .expect("run it");
        let (code, said) = quietly(args, &output);
        assert_eq!(code, Some(1), "{args:?}");
        assert_contains(
            &said,
            &["ollama-tap: write to standard output: No space left"],
        );
    }
}

#[test]
fn an_error_that_cannot_be_said_has_its_exit_code() {
    for (args, code) in [
        (&["--hlep"][..], 2),
        (&["health", "--listen", "127.0.0.1:1"], 1),
    ] {
        let status = tap(args).stderr(full()).status().expect("run it");
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn a_tap_whose_first_lines_cannot_be_written_runs_all_the_same() {
    let ollama = FakeOllama::always(json("{}"));
    let listen = format!("127.0.0.1:{}", super::free_port());
    let options = Options::bare(&["proxy", "--listen", &listen, "--upstream", &ollama.url()]);
    let mut tap = options
        .behind(&["sh", "-c", "exec \"$0\" \"$@\" 2>/dev/full"])
        .spawn();
    tap.addr = listen.parse().expect("an address");
    eventually("the tap answers", || TcpStream::connect(tap.addr).is_ok());
    assert_eq!(tap.get("/healthz").status(), 200);
}
