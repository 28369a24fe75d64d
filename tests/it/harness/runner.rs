//! Which executable is tested, and what runs it: the one that cargo built, as it is; or a Windows one under Wine.
//!
//! - `OLLAMA_TAP_TEST_EXE` is the path of another executable.
//! - `OLLAMA_TAP_TEST_RUNNER` is what it is started with, such as `wine64`. The process that this becomes must be the
//!   executable's own: tests end it by its id, and look up what it uses.

/// The words that start the executable, before its arguments.
pub fn command() -> Vec<String> {
    let built = || env!("CARGO_BIN_EXE_ollama-tap").to_owned();
    let mut words: Vec<String> = runner().split_whitespace().map(str::to_owned).collect();
    words.push(std::env::var("OLLAMA_TAP_TEST_EXE").unwrap_or_else(|_| built()));
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
        println!("LEFT OUT: {why}");
    }
    is_windows()
}
