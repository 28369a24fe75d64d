//! A descriptor store for systems without systemd: listening sockets do not outlive a run.

use std::collections::BTreeSet;
use std::net::TcpListener;

use socket2::Socket;

pub fn inherit() {}

pub fn take_inherited() -> Vec<(String, Socket)> {
    Vec::new()
}

pub fn store(_name: &str, _socket: &TcpListener) {}

pub fn remove(_names: &BTreeSet<String>) {}

pub fn remove_all() {}
