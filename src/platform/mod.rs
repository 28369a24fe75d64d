//! All code for one system, and all unsafe code: nothing else in the tree has `cfg` or `unsafe`.
//!
//! - a face for each subject (`platform::sockets`, …) is what callers see, the same on every system
//! - `unix` and `windows` are twins behind the faces: the same names, one body for each system. What Linux and the other Unixes
//!   do not share is in a pair of twins again, `unix::linux` and `unix::other`.

#![allow(unsafe_code)]

pub mod files;
pub mod folders;
pub mod keyboard;
pub mod notify;
pub mod ollama;
pub mod process;
pub mod resources;
pub mod service;
pub mod socket_store;
pub mod sockets;
pub mod terminal;
pub mod terminal_command;
pub mod tray;
pub mod users;

mod log_file;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;
