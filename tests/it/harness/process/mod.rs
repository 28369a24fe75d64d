//! What tests do to processes and ask of them, in the words of Unix, on every system.

#[cfg_attr(windows, path = "windows.rs")]
#[cfg_attr(unix, path = "unix.rs")]
mod system;

#[cfg(target_os = "linux")]
pub use system::hand_over;
pub use system::{
    SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM, alone_at_its_console, asking_to_end, lives, send,
};
