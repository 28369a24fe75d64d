//! launchd wants to hear nothing.

use std::time::Duration;

/// Does nothing.
pub fn notify_ready() {}

/// Does nothing.
pub fn notify_alive() {}

/// Does nothing.
pub fn notify_stopping() {}

/// Returns `None`: there is no watchdog.
pub fn watchdog() -> Option<Duration> {
    None
}
