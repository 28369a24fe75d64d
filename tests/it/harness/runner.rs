//! Which executable is tested, and what runs it: the one that cargo built, as it is; or from Linux a Windows one under Wine.
//!
//! - `OLLAMA_TAP_TEST_EXE` is the path of another executable.
//! - `OLLAMA_TAP_TEST_RUNNER` is what it is started with, such as `wine64`. The process that this becomes must be the
//!   executable's own: tests end it by its id, and look up what it uses.
//! - `OLLAMA_TAP_TEST_STANDIN` is then the path of the stand-in for Ollama's program.
//! - `OLLAMA_TAP_TEST_SLOW_FACTOR` multiplies every limit of time, for a slow machine.
//! - `OLLAMA_TAP_TEST_WINE=1` says that the tests themselves are a Windows program, and Wine is beneath.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The words that start the executable, before its arguments.
pub fn command() -> Vec<String> {
    let built = || env!("CARGO_BIN_EXE_ollama-tap").to_owned();
    command_of(Path::new(
        &std::env::var("OLLAMA_TAP_TEST_EXE").unwrap_or_else(|_| built()),
    ))
}

/// The words that start this program, before its arguments.
pub fn command_of(program: &Path) -> Vec<String> {
    let mut words: Vec<String> = runner().split_whitespace().map(str::to_owned).collect();
    words.push(program.to_string_lossy().into_owned());
    words
}

fn runner() -> String {
    std::env::var("OLLAMA_TAP_TEST_RUNNER").unwrap_or_default()
}

/// Returns whether the executable is one for Windows, whatever runs it.
pub fn is_windows() -> bool {
    cfg!(windows) || !runner().is_empty()
}

/// Returns whether Wine runs it, which is slower than Windows and lacks some of it.
pub fn under_wine() -> bool {
    !runner().is_empty() || std::env::var("OLLAMA_TAP_TEST_WINE").as_deref() == Ok("1")
}

/// Says aloud that a test is left out where the executable is one for Windows, and why.
pub fn skip_on_windows(why: &str) -> bool {
    if is_windows() {
        super::skip(why);
    }
    is_windows()
}

/// Says aloud that a test is left out where Wine is beneath, and why.
pub fn skip_under_wine(why: &str) -> bool {
    if under_wine() {
        super::skip(why);
    }
    under_wine()
}

/// Returns a limit of time, longer on a slow machine: every assertion about time goes through here.
pub fn within(limit: Duration) -> Duration {
    limit * slow_factor()
}

/// `OLLAMA_TAP_TEST_SLOW_FACTOR`; without it 4 under Wine, where all programs wait for one server, else 1.
fn slow_factor() -> u32 {
    match std::env::var("OLLAMA_TAP_TEST_SLOW_FACTOR") {
        Ok(factor) => factor
            .parse()
            .expect("OLLAMA_TAP_TEST_SLOW_FACTOR is a number"),
        Err(_) if under_wine() => 4,
        Err(_) => 1,
    }
}

/// Returns the words for the end of a program with this code.
pub fn exit_text(code: i32) -> String {
    let words = if is_windows() {
        "exit code"
    } else {
        "exit status"
    };
    format!("{words}: {code}")
}

/// Returns the stand-in for Ollama's program, where that is one for Windows; unless a variable names it, it is among cargo's examples.
pub fn fake_ollama_program() -> Option<PathBuf> {
    let beside_the_tests = || {
        let tests = std::env::current_exe().expect("this program");
        tests
            .parent()
            .and_then(Path::parent)
            .expect("a directory of cargo's")
            .join("examples")
            .join("ollama.exe")
    };
    is_windows().then(|| {
        std::env::var_os("OLLAMA_TAP_TEST_STANDIN").map_or_else(beside_the_tests, PathBuf::from)
    })
}
