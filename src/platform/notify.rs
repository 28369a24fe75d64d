//! Notifications to systemd or Windows' service control manager, and their demands. Where neither has started this process, nothing
//! is told.
//!
//! A message that does not arrive is theirs to notice: they then act as if we had not started, or hung.

pub use super::system::notify::{notify_alive, notify_ready, notify_stopping, watchdog};
