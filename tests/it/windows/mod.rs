//! Features of Windows alone, with the executable for Windows under Wine: the service, the icon in the notification area, and
//! the console.
#![cfg(target_os = "linux")]

mod console;
mod machine;
mod manager;
mod screen;
mod tray;

use crate::harness::{runner::is_windows, skip};

/// Returns whether the executable is one for Windows. Says so aloud where it is not.
fn on_windows() -> bool {
    if !is_windows() {
        skip("this is for an executable for Windows (OLLAMA_TAP_TEST_RUNNER)");
    }
    is_windows()
}
