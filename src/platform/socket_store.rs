//! Listening sockets that systemd keeps from one run of ours to the next, so that who connects meanwhile waits instead of being
//! refused. Where something else has started us, none is kept.

pub use super::system::socket_store::{handed_over, keep, let_go, let_go_of_all, take_over};
