//! Listening sockets that systemd stores from one run of ours to the next, so that clients that connect meanwhile wait instead of
//! being refused. Under any other parent no socket is stored.

pub use super::system::socket_store::{inherit, remove, remove_all, store, take_inherited};
