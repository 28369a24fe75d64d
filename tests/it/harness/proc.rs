//! Facts about processes from Linux's /proc. Nothing else of the tests reads it, but for modules that are of Linux as a whole.
#![cfg(target_os = "linux")]

use std::fs;

/// A figure of the process's status, such as `VmRSS:`, whose kilobytes are 1,024 bytes.
pub fn status(id: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("/proc/PID/status");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .expect("a line of /proc/PID/status");
    line.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// Returns how many descriptors it has open.
pub fn descriptors(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd"))
        .expect("/proc/PID/fd")
        .count()
}

/// Returns whether it does anything yet; one that is dead and not yet waited for does not.
pub fn lives(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    status
        .rsplit(')')
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with(['Z', 'X']))
}

/// Every process here.
pub fn all() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .expect("list /proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The words that it was started with, each followed by a blank.
pub fn command_line(id: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default())
        .replace('\0', " ")
}
