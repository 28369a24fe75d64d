//! LISTEN: opens and checks listening sockets.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::platform;

/// Connections that may wait to be accepted; the usual 128 drops SYNs in a burst.
const BACKLOG: i32 = 1024;

/// A peer that vanished without closing is noticed after about this time of silence.
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

/// Returns whether a socket of another process equals one that `bind` would open on one of `addresses`.
pub fn is_bound_to(socket: &Socket, addresses: &[SocketAddr]) -> bool {
    let is_stream =
        socket.r#type().is_ok_and(|kind| kind == Type::STREAM) && socket.peer_addr().is_err();
    let bound = socket
        .local_addr()
        .ok()
        .and_then(|address| address.as_socket());
    is_stream
        && bound.is_some_and(|bound| {
            addresses.contains(&bound) && (!is_every_interface(&bound) || is_dual_stack(socket))
        })
}

fn is_dual_stack(socket: &Socket) -> bool {
    socket.only_v6().is_ok_and(|only_v6| !only_v6)
}

/// Opens a socket for `address`. The IPv6 wildcard accepts IPv4 too, whatever the default of the system is.
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

/// Adapts `addresses` to this machine: without IPv6, the wildcard of both families becomes that of IPv4.
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

/// Returns the address of an IPv4 client in its IPv4 form; a socket of both families has it mapped into IPv6.
pub fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
