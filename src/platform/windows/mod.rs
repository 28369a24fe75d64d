//! Windows.

mod console;
mod event_log;
mod service_life;
mod shell;
mod tcp_table;
mod text;
mod tray_claim;

pub mod files;
pub mod folders;
pub mod keyboard;
pub mod notify;
pub mod ollama;
pub mod process;
pub mod resources;
pub mod service;
#[path = "../no_socket_store.rs"]
pub mod socket_store;
pub mod sockets;
pub mod terminal;
pub mod tray;
pub mod users;
