//! One file a command.

pub mod proxy;
