//! LISTEN: sockets that connections come to.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::platform;

/// Connections that may wait to be accepted; the usual 128 drops SYNs in a burst.
const BACKLOG: i32 = 1024;

/// A peer that vanished without a word is noticed after about this time of silence.
const KEEPALIVE_TIME: Duration = Duration::from_secs(60);

/// Binds a listening socket to the first of `addresses` that can be bound.
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
    let socket = socket_for(address)?;
    platform::sockets::claim_port(&socket)?;
    socket.bind(&address.into())?;
    listen(socket)
}

/// Listens on a socket that is bound. Accepted connections inherit its options.
pub fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_TIME))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Returns whether a socket that another process has opened is like one that `bind` would make of one of `addresses`.
pub fn is_bound_to(socket: &Socket, addresses: &[SocketAddr]) -> bool {
    let is_stream =
        socket.r#type().is_ok_and(|kind| kind == Type::STREAM) && socket.peer_addr().is_err();
    let bound = socket
        .local_addr()
        .ok()
        .and_then(|address| address.as_socket());
    let is_whole = |bound: &SocketAddr| {
        !is_every_interface(bound) || socket.only_v6().is_ok_and(|only_v6| !only_v6)
    };
    is_stream && bound.is_some_and(|bound| addresses.contains(&bound) && is_whole(&bound))
}

/// Opens a socket for `address`. IPv6's wildcard is that of IPv4 too, whatever the system makes of it by default.
fn socket_for(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if is_every_interface(&address) {
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}

/// Fits `addresses` to this machine: where it has no IPv6, the wildcard of both families is IPv4's.
pub fn on_this_machine(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    for address in &mut addresses {
        if is_every_interface(address) && !has_ipv6() {
            address.set_ip(Ipv4Addr::UNSPECIFIED.into());
        }
    }
    addresses
}

fn is_every_interface(address: &SocketAddr) -> bool {
    address.ip() == Ipv6Addr::UNSPECIFIED
}

fn has_ipv6() -> bool {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let bound = socket_for(any).and_then(|socket| socket.bind(&any.into()));
    !bound.is_err_and(|e| {
        platform::sockets::is_no_family(&e) || e.kind() == ErrorKind::AddrNotAvailable
    })
}

/// Returns the address of an IPv4 client as IPv4 writes it; a socket of both families has it mapped.
pub fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
