//! What systemd or Windows' service control manager is told of us, and asks of us. Where neither has started us, nobody listens and
//! nothing happens.
//!
//! A message that does not arrive is theirs to notice: they then act as if we had not started, or hung.

use std::time::Duration;

/// We listen: what was started after us may come.
pub fn notify_ready() {
    #[cfg(target_os = "linux")]
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    #[cfg(windows)]
    super::windows::service_life::ready();
}

/// We still serve.
pub fn notify_alive() {
    #[cfg(target_os = "linux")]
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
}

/// We were told to stop, and let what runs finish.
pub fn notify_stopping() {
    #[cfg(target_os = "linux")]
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    #[cfg(windows)]
    super::windows::service_life::stopping();
}

/// How long we may say nothing before we are taken for dead; `None` where nobody watches.
pub fn watchdog() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    return sd_notify::watchdog_enabled();
    #[cfg(not(target_os = "linux"))]
    None
}
