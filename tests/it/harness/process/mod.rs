//! Signals and questions to processes, with the names of Unix, on every system.

#[cfg_attr(windows, path = "windows.rs")]
#[cfg_attr(unix, path = "unix.rs")]
mod system;

#[cfg(target_os = "linux")]
pub use system::hand_over;
pub use system::{
    SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM, alone_at_its_console, asking_to_end, lives, send,
};
