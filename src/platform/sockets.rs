//! Our own sockets, found by their peers: tiny_http never hands out a connection, yet some can only be ended by closing
//! it, and only a connection itself tells that its client left.
//!
//! The system's table of all connections (/proc/net/tcp) knows as much, but the kernel walks a hash table sized by the
//! machine's memory and every TIME_WAIT in it: 5 to 9 ms a look were measured, against about 1 us for each socket of ours.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{BorrowedFd, FromRawFd, RawFd};

use socket2::SockRef;

use super::Connection;
use super::system::{MAY_HAVE_CLOSED, descriptors, peer_has_closed};

/// The connections that we accepted on `port`; `None` where the system does not say. `meet` is shown
/// each of them.
pub fn connections(port: u16, mut meet: impl FnMut(SocketAddr, SockRef)) -> Option<Vec<Connection>> {
    // A connection has several descriptors; they all tell the same.
    let ours: HashMap<SocketAddr, RawFd> = descriptors().into_iter().filter_map(|fd| Some((peer_of(fd, port)?, fd))).collect();
    let (peers, fds): (Vec<SocketAddr>, Vec<RawFd>) = ours.into_iter().unzip();
    let ask = |fd| libc::pollfd { fd, events: libc::POLLIN | MAY_HAVE_CLOSED, revents: 0 };
    let mut asked: Vec<libc::pollfd> = fds.into_iter().map(ask).collect();
    // SAFETY: pointer and length are those of a valid array; a descriptor closed meanwhile is answered by POLLNVAL.
    if unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, 0) } < 0 {
        return None;
    }
    let told = peers.into_iter().zip(asked).map(|(peer, answer)| {
        // SAFETY: borrowed for one call, for which a closed descriptor is an error and nothing else.
        meet(peer, SockRef::from(&unsafe { BorrowedFd::borrow_raw(answer.fd) }));
        let hint = answer.revents & (MAY_HAVE_CLOSED | libc::POLLHUP | libc::POLLERR) != 0;
        Connection { peer, peer_closed: hint && peer_has_closed(answer.fd), unread: answer.revents & libc::POLLIN != 0 }
    });
    Some(told.collect())
}

/// A second handle to the connection that we accepted on `port` from `peer`.
pub fn socket_of(port: u16, peer: SocketAddr) -> Option<TcpStream> {
    descriptors().into_iter().find_map(|fd| {
        if peer_of(fd, port)? != peer {
            return None;
        }
        // SAFETY: fcntl touches no memory of ours; a closed descriptor is an error.
        let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
        // SAFETY: a new descriptor, owned by nobody else.
        let stream = (copy >= 0).then(|| unsafe { TcpStream::from_raw_fd(copy) })?;
        // Another thread may have closed the descriptor between the two looks, and its number been used again.
        (stream.peer_addr().ok()? == peer).then_some(stream)
    })
}

/// The peer of a connection accepted on `port`; `None` for every other descriptor.
fn peer_of(fd: RawFd, port: u16) -> Option<SocketAddr> {
    // SAFETY: only asked for its ends, which is an error and nothing else where it is closed or no socket.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) };
    let socket = SockRef::from(&socket);
    (socket.local_addr().ok()?.as_socket()?.port() == port).then(|| socket.peer_addr().ok()?.as_socket())?
}
