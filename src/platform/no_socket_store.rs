//! Where there is no systemd, listening sockets are not kept from one run to the next.

use std::collections::BTreeSet;
use std::net::TcpListener;

use socket2::Socket;

pub fn take_over() {}

pub fn handed_over() -> Vec<(String, Socket)> {
    Vec::new()
}

pub fn keep(_name: &str, _socket: &TcpListener) {}

pub fn let_go(_names: &BTreeSet<String>) {}

pub fn let_go_of_all() {}
