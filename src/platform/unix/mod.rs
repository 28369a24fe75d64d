//! Code that Linux, macOS and the other Unixes share.

pub mod files;
pub mod folders;
pub mod keyboard;
pub mod ollama;
pub mod process;
pub mod resources;
pub mod service;
pub mod sockets;
pub mod terminal;
pub mod tray;
pub mod users;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as kernel;

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as kernel;

pub use kernel::{notify, socket_store};
