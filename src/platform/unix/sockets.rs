//! Sockets of a Unix.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::{SockRef, Socket};

use super::kernel::{BROKEN, MAY_HAVE_CLOSED};
pub use super::kernel::{LINGER, end_unless_acknowledged, port_holder};
use crate::platform::sockets::{Interest, SocketState};

/// Lets a port be bound again while connections of the last run are ending; one that is listened on is refused all the same.
pub fn claim_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// Shuts a connection down, which wakes whoever waits at it.
pub fn interrupt<'a>(socket: impl Into<SockRef<'a>>, how: Shutdown) {
    let _ = socket.into().shutdown(how);
}

/// Looks, without waiting or taking anything, whether `stream` has bytes to read, and copies the first of them.
/// `None` means that there is nothing yet, `Some(Ok(0))` that the peer has closed the connection. An error, as of one that the peer
/// has reset, is told once.
pub fn has_input(stream: &TcpStream, first: &mut [u8]) -> Option<io::Result<usize>> {
    // SAFETY: the descriptor is open as long as `stream` lives; the pointer and length are those of a valid buffer.
    let got = unsafe {
        libc::recv(
            stream.as_raw_fd(),
            first.as_mut_ptr().cast(),
            first.len(),
            libc::MSG_PEEK | libc::MSG_DONTWAIT,
        )
    };
    match usize::try_from(got).map_err(|_| io::Error::last_os_error()) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
        result => Some(result),
    }
}

/// Whether this says that no descriptor is left for another socket.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Whether this says that the system has no such family of addresses, or keeps it from us.
pub fn is_no_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

/// See `sockets::wait`.
pub fn wait_for<const N: usize>(
    sockets: [(&TcpStream, Interest); N],
    time: Option<Duration>,
) -> io::Result<[SocketState; N]> {
    let mut pollfds = sockets.map(|(socket, interest)| {
        let events = [
            (interest.read, libc::POLLIN),
            (interest.write, libc::POLLOUT),
            (interest.end, MAY_HAVE_CLOSED),
        ];
        let events = events
            .into_iter()
            .filter(|(is_wanted, _)| *is_wanted)
            .fold(0, |all, (_, event)| all | event);
        // A system that cannot distinguish an end from a reset would report it again and again: such a socket is left out.
        let fd = if events == 0 && BROKEN & libc::POLLHUP == 0 {
            -1
        } else {
            socket.as_raw_fd()
        };
        libc::pollfd {
            fd,
            events,
            revents: 0,
        }
    });
    if super::kernel::poll(&mut pollfds, time) < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted {
            Ok([SocketState::default(); N])
        } else {
            Err(error)
        };
    }
    Ok(pollfds.map(|answer| SocketState {
        readable: answer.revents & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) != 0,
        writable: answer.revents & (libc::POLLOUT | libc::POLLERR) != 0,
        ended: answer.revents & (MAY_HAVE_CLOSED | libc::POLLHUP) != 0,
        broken: answer.revents & BROKEN != 0,
    }))
}
