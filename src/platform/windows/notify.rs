//! Messages to the service control manager.

use std::time::Duration;

use super::service_life;

/// Says that we listen: what was started after us may come.
pub fn notify_ready() {
    service_life::ready();
}

/// Does nothing.
pub fn notify_alive() {}

/// Says that we were told to stop, and let what runs finish.
pub fn notify_stopping() {
    service_life::stopping();
}

/// Returns `None`: there is no watchdog.
pub fn watchdog() -> Option<Duration> {
    None
}
