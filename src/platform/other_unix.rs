//! macOS and the other Unixes.

use std::io;
use std::process::{Child, Command};

use prometheus::core::Collector;

/// poll has no word of its own for a peer that has closed its side only.
pub const MAY_HAVE_CLOSED: i16 = libc::POLLHUP;

pub fn peer_has_closed(_fd: i32) -> bool {
    true
}

pub fn descriptors() -> Vec<i32> {
    super::unix::all_descriptors().collect()
}

pub fn memory_bytes() -> Option<u64> {
    None
}

/// Starts `command`. There is no word here for a process that is to end with its parent.
pub fn spawn_to_end_with_us(command: &mut Command) -> io::Result<Child> {
    command.spawn()
}

/// How to stop the Ollama of the desktop app, to follow "stop it".
pub const STOP_OLLAMA: &str = " (where it is the Ollama app: quit that, from its icon in the menu bar)";

/// Whether the desktop app of Ollama runs.
pub fn desktop_app_runs() -> bool {
    Command::new("pgrep").args(["-x", "Ollama"]).output().is_ok_and(|found| found.status.success())
}

pub fn port_holder(_port: u16) -> Option<String> {
    None
}

pub fn process_collector() -> Option<Box<dyn Collector>> {
    None
}
