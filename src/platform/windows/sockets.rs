//! Our own sockets, found by their peers: tiny_http never hands out a connection, yet some can only be ended by closing
//! it, and only a connection itself tells that its client left.
//!
//! The system's table of all connections knows as much, but it has to be read as a whole: it is asked only where a connection looks as
//! if it had ended, which it also does when somebody reads its last bytes between two looks.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::io;
use std::mem::ManuallyDrop;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::windows::io::{AsRawSocket, BorrowedSocket, FromRawSocket, RawSocket};
use std::ptr;

use socket2::{SockRef, Socket};
use windows_sys::Win32::Networking::WinSock::{
    FIONREAD, MSG_PEEK, POLLERR, POLLHUP, POLLIN, SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET, WSAPOLLFD, WSAPoll, ioctlsocket, recv,
    setsockopt,
};
use windows_sys::Win32::System::IO::CancelIoEx;

use super::handles::likely_sockets;
use super::tcp_table;
use crate::platform::Connection;

/// Sees to it that a port which is about to be bound is ours alone: Windows else lets another program bind it too, and take our
/// connections.
pub fn claim_port(socket: &Socket) -> io::Result<()> {
    let yes = 1i32;
    let (value, length) = ((&raw const yes).cast(), size_of_val(&yes) as i32);
    // SAFETY: the socket is open as long as it is borrowed; pointer and length are those of a valid number.
    match unsafe { setsockopt(socket.as_raw_socket() as SOCKET, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, value, length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The connections that we accepted on `port`; `None` where the system does not say. `meet` is shown every handle of each of them:
/// a time-out is a handle's own.
pub fn connections(port: u16, mut meet: impl FnMut(SocketAddr, SockRef)) -> Option<Vec<Connection>> {
    let mut ours: HashMap<SocketAddr, Connection> = HashMap::new();
    let closed = LazyCell::new(|| tcp_table::closed_by_peers(port));
    for handle in likely_sockets()? {
        let Some(peer) = peer_of(handle, port) else { continue };
        let peer_closed = match look_at(handle) {
            Look::Ended => true,
            Look::MayHaveEnded => closed.contains(&(peer.ip(), peer.port())),
            Look::Goes => false,
        };
        ours.entry(peer).or_insert(Connection { peer, peer_closed, unread: peer_closed || has_unread(handle) });
        // SAFETY: borrowed for one call, for which a closed handle is an error and nothing else.
        meet(peer, SockRef::from(&unsafe { BorrowedSocket::borrow_raw(handle) }));
    }
    Some(ours.into_values().collect())
}

/// A second handle to the connection that we accepted on `port` from `peer`.
pub fn socket_of(port: u16, peer: SocketAddr) -> Option<TcpStream> {
    likely_sockets()?.into_iter().find_map(|handle| {
        if peer_of(handle, port)? != peer {
            return None;
        }
        // SAFETY: never dropped, so the handle stays its owner's; a closed one is an error.
        let stream = ManuallyDrop::new(unsafe { TcpStream::from_raw_socket(handle) });
        let copy = stream.try_clone().ok()?;
        // Another thread may have closed the handle between the two looks, and its number been used again.
        (copy.peer_addr().ok()? == peer).then_some(copy)
    })
}

/// Shuts a connection down and wakes whoever waits at it: a socket that is shut down lets a wait that has begun go on.
///
/// Where only reading ends, nothing is shut down: what a client goes on sending would then reset the connection, and with it
/// the answer that is on its way.
pub fn interrupt<'a>(socket: impl Into<SockRef<'a>>, how: Shutdown) {
    let socket = socket.into();
    if how != Shutdown::Read {
        let _ = socket.shutdown(how);
    }
    // SAFETY: the handle is open as long as it is borrowed, and no operation of ours is named.
    unsafe { CancelIoEx(socket.as_raw_socket() as _, ptr::null()) };
}

/// Looks, without waiting or taking anything, whether `stream` has bytes to read, and copies the first of them.
/// `Some(0)` means that the peer has closed or reset the connection, `None` that there is nothing yet.
///
/// Nobody else may read from the stream meanwhile, or this would wait.
pub fn has_input(stream: &TcpStream, first: &mut [u8]) -> Option<usize> {
    let socket = stream.as_raw_socket() as SOCKET;
    if poll(socket) == 0 {
        return None;
    }
    // SAFETY: the socket is open as long as `stream` lives; the pointer and length are those of a valid buffer.
    let got = unsafe { recv(socket, first.as_mut_ptr(), first.len() as i32, MSG_PEEK) };
    match usize::try_from(got) {
        Ok(count) => Some(count),
        Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock => None,
        Err(_) => Some(0),
    }
}

/// The peer of a connection accepted on `port`; `None` for every other handle.
fn peer_of(handle: RawSocket, port: u16) -> Option<SocketAddr> {
    // SAFETY: only asked for its ends, which is an error and nothing else where it is closed or no socket.
    let socket = unsafe { BorrowedSocket::borrow_raw(handle) };
    let socket = SockRef::from(&socket);
    (socket.local_addr().ok()?.as_socket()?.port() == port).then(|| socket.peer_addr().ok()?.as_socket())?
}

fn has_unread(handle: RawSocket) -> bool {
    let mut count = 0;
    // SAFETY: the number is writable for the call; a closed handle is an error.
    unsafe { ioctlsocket(handle as SOCKET, FIONREAD, &mut count) == 0 && count > 0 }
}

/// What a connection looks like.
enum Look {
    Ended,
    /// There was something to see, and there are no bytes.
    MayHaveEnded,
    Goes,
}

/// Whether the peer has closed its side: `interrupt` never closes the reading one alone.
fn look_at(handle: RawSocket) -> Look {
    match poll(handle as SOCKET) {
        events if events & (POLLHUP | POLLERR) != 0 => Look::Ended,
        0 => Look::Goes,
        _ if has_unread(handle) => Look::Goes,
        _ => Look::MayHaveEnded,
    }
}

/// What there is to see of a socket without waiting: bytes or an end.
fn poll(socket: SOCKET) -> i16 {
    let mut asked = WSAPOLLFD { fd: socket, events: POLLIN, revents: 0 };
    // SAFETY: the array is this one entry.
    if unsafe { WSAPoll(&mut asked, 1, 0) } > 0 { asked.revents } else { 0 }
}
