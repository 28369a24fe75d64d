//! What systemd or Windows' service control manager is told of this process, and asks of it. Where neither has started it, nothing
//! is told.
//!
//! A message that does not arrive is theirs to notice: they then act as if we had not started, or hung.

pub use super::system::notify::{notify_alive, notify_ready, notify_stopping, watchdog};
