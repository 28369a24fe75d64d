//! Which executable is tested, and what runs it: the one that cargo built, as it is; or a Windows one under Wine.
//!
//! - `OLLAMA_TAP_TEST_EXE` is the path of another executable.
//! - `OLLAMA_TAP_TEST_RUNNER` is what it is started with, such as `wine64`. The process that this becomes must be the
//!   executable's own: tests end it by its id, and look up what it uses.
//! - `OLLAMA_TAP_TEST_STANDIN` is then the path of the stand-in for Ollama's program.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The words that start the executable, before its arguments.
pub fn command() -> Vec<String> {
    let built = || env!("CARGO_BIN_EXE_ollama-tap").to_owned();
    command_of(Path::new(&std::env::var("OLLAMA_TAP_TEST_EXE").unwrap_or_else(|_| built())))
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

/// Whether the executable is one for Windows, on a machine that is none.
pub fn is_windows() -> bool {
    !runner().is_empty()
}

/// Says aloud that a test is left out where the executable is one for Windows, and why.
pub fn left_out_on_windows(why: &str) -> bool {
    if is_windows() {
        super::left_out(why);
    }
    is_windows()
}

/// A limit of time for what the executable does. Wine has one server for all of them, which makes each wait for others.
pub fn within(limit: Duration) -> Duration {
    const SLOWER: u32 = 4;
    if is_windows() { limit * SLOWER } else { limit }
}

/// How a program that ended with this code is told of.
pub fn ended_with(code: i32) -> String {
    let words = if is_windows() { "exit code" } else { "exit status" };
    format!("{words}: {code}")
}

/// The program that this variable names, where the executable is one for Windows.
pub fn windows_program(variable: &str) -> Option<PathBuf> {
    is_windows().then(|| PathBuf::from(std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set"))))
}

/// A path of this machine as a program for Windows takes it.
pub fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}

/// Where this machine has what a program calls so: as it is, or in the prefix of Wine.
pub fn path_here(path: &str) -> PathBuf {
    match path.split_once(':') {
        Some((drive, rest)) if is_windows() => {
            let prefix = std::env::var_os("WINEPREFIX").expect("WINEPREFIX");
            Path::new(&prefix).join("dosdevices").join(format!("{}:{}", drive.to_lowercase(), rest.replace('\\', "/")))
        }
        _ => PathBuf::from(path),
    }
}
