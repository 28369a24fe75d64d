//! macOS and the other Unixes.

pub mod notify;
#[path = "../../no_socket_store.rs"]
pub mod socket_store;

use prometheus::core::Collector;
use std::io;
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::Duration;

use crate::platform::service::ServiceManager;

/// The service manager of this system; `None` where that is not known.
#[cfg(target_os = "macos")]
pub const SERVICE_MANAGER: Option<ServiceManager> = Some(ServiceManager::Launchd);
#[cfg(not(target_os = "macos"))]
pub const SERVICE_MANAGER: Option<ServiceManager> = None;

/// The service's own directory.
#[cfg(target_os = "macos")]
pub const SERVICE_DIRECTORY: &str = "/Library/Application Support/OllamaTap";
#[cfg(not(target_os = "macos"))]
pub const SERVICE_DIRECTORY: &str = "/var/lib/ollama-tap";

/// The directory of the instance files that all users may read.
#[cfg(target_os = "macos")]
pub const RUNTIME_DIRECTORY: &str = "/Library/Application Support/OllamaTap/run";
#[cfg(not(target_os = "macos"))]
pub const RUNTIME_DIRECTORY: &str = "/run/ollama-tap";

/// poll has no word of its own for a peer that has closed its side only.
pub const MAY_HAVE_CLOSED: i16 = libc::POLLHUP;

/// The time that a worker waits for the next request on a connection that it has answered, while no other request waits: a few turns of a busy
/// processor, since a client that is slower than this costs two changes of thread more.
pub const LINGER: Duration = Duration::from_millis(2);

/// poll's event for a connection that has ended; one that the peer has reset may look as if it had only ended.
pub const BROKEN: i16 = libc::POLLERR;

/// The clock of mach_continuous_time, which counts sleep.
#[cfg(target_vendor = "apple")]
pub const STEADY_CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_RAW;

/// No clock here counts sleep, so a machine that slept looks as if its clock had jumped: old records are deleted a day later.
#[cfg(not(target_vendor = "apple"))]
pub const STEADY_CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;

/// poll(2), whose times are whole milliseconds.
pub fn poll(asked: &mut [libc::pollfd], time: Option<Duration>) -> libc::c_int {
    let time = time.map_or(-1, |time| {
        time.as_micros().div_ceil(1000).min(i32::MAX as u128) as libc::c_int
    });
    // SAFETY: pointer and length are those of a valid array.
    unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, time) }
}

/// Does nothing: this system has no such option.
pub fn end_unless_acknowledged(_stream: &TcpStream, _time: Duration) -> io::Result<()> {
    Ok(())
}

/// Freed memory goes back by itself.
pub fn return_freed_memory() {}

pub fn memory_bytes() -> Option<u64> {
    None
}

/// Starts `command`. These systems cannot end a process with its parent.
pub fn spawn_to_end_with_us(command: &mut Command) -> io::Result<Child> {
    command.spawn()
}

/// The way to stop the Ollama of the desktop app, to follow "stop it".
pub const STOP_OLLAMA: &str =
    " (where it is the Ollama app: quit that, from its icon in the menu bar)";

/// Returns whether the desktop app of Ollama runs.
pub fn desktop_app_runs() -> bool {
    Command::new("pgrep")
        .args(["-x", "Ollama"])
        .output()
        .is_ok_and(|found| found.status.success())
}

pub fn port_holder(_port: u16) -> Option<String> {
    None
}

pub fn process_collector() -> Option<Box<dyn Collector>> {
    None
}
