//! Messages to systemd.

use std::time::Duration;

use sd_notify::NotifyState;

/// Says that we listen: what was started after us may come.
pub fn notify_ready() {
    let _ = sd_notify::notify(&[NotifyState::Ready]);
}

/// Says that we still serve.
pub fn notify_alive() {
    let _ = sd_notify::notify(&[NotifyState::Watchdog]);
}

/// Says that we were told to stop, and let what runs finish.
pub fn notify_stopping() {
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
}

/// Returns the longest silence before systemd takes us for dead; `None` without a watchdog.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
