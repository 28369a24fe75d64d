//! LISTEN: sockets that connections come to.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::platform;

/// Connections that may wait to be accepted; the usual 128 drops SYNs in a burst.
const BACKLOG: i32 = 1024;

/// A peer that vanished without a word is noticed after about this time of silence.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Binds a listening socket. Accepted connections inherit its options.
pub fn bind(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let mut failure = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in addresses {
        match bind_one(*address) {
            Ok(listener) => return Ok(listener),
            Err(e) => failure = e,
        }
    }
    Err(failure)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    platform::claim_port(&socket)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
