//! Sockets: how a port is claimed, how one is looked at and how one waits for several.

use super::tcp_table;
use crate::platform::sockets::{Interest, SocketState};
use socket2::{SockRef, Socket};
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::windows::io::AsRawSocket;
use std::path::Path;
use std::ptr;
use std::time::Duration;
use windows_sys::Win32::Foundation::CloseHandle;
use windows_sys::Win32::Networking::WinSock::{
    MSG_PEEK, POLLERR, POLLHUP, POLLIN, POLLOUT, SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET,
    WSAEAFNOSUPPORT, WSAEMFILE, WSAPOLLFD, WSAPoll, recv, setsockopt,
};
use windows_sys::Win32::System::IO::CancelIoEx;
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
};

/// How long a worker waits at a connection that it has answered for the next request on it: not at all, where a time has whole
/// milliseconds and connections in the lobby starve behind who waits (measured).
pub const LINGER: Duration = Duration::ZERO;

/// How long a wait may miss that one of its own sockets was shut down by another thread.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Sees to it that a port which is about to be bound is ours alone: Windows else lets another program bind it too, and take our
/// connections.
pub fn claim_port(socket: &Socket) -> io::Result<()> {
    let yes = 1i32;
    let (value, length) = ((&raw const yes).cast(), size_of_val(&yes) as i32);
    // SAFETY: the socket is open as long as it is borrowed; pointer and length are those of a valid number.
    match unsafe {
        setsockopt(
            socket.as_raw_socket() as SOCKET,
            SOL_SOCKET,
            SO_EXCLUSIVEADDRUSE,
            value,
            length,
        )
    } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Shuts a connection down and wakes whoever waits at it: a socket that is shut down lets a wait that has begun go on.
pub fn interrupt<'a>(socket: impl Into<SockRef<'a>>, how: Shutdown) {
    let socket = socket.into();
    let _ = socket.shutdown(how);
    // SAFETY: the handle is open as long as it is borrowed, and no operation of ours is named.
    unsafe { CancelIoEx(socket.as_raw_socket() as _, ptr::null()) };
}

/// Looks, without waiting or taking anything, whether `stream` has bytes to read, and copies the first of them.
/// `None` means that there is nothing yet, `Some(Ok(0))` that the peer has closed the connection. An error, as of one that the peer
/// has reset, may be told once only.
///
/// Nobody else may read from the stream meanwhile, or this would wait.
pub fn has_input(stream: &TcpStream, first: &mut [u8]) -> Option<io::Result<usize>> {
    let socket = stream.as_raw_socket() as SOCKET;
    let mut pollfds = [WSAPOLLFD {
        fd: socket,
        events: POLLIN,
        revents: 0,
    }];
    // SAFETY: the array is this one entry.
    if unsafe { WSAPoll(pollfds.as_mut_ptr(), 1, 0) } <= 0 || pollfds[0].revents == 0 {
        return None;
    }
    // SAFETY: the socket is open as long as `stream` lives; the pointer and length are those of a valid buffer.
    let got = unsafe { recv(socket, first.as_mut_ptr(), first.len() as i32, MSG_PEEK) };
    match usize::try_from(got).map_err(|_| io::Error::last_os_error()) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
        result => Some(result),
    }
}

/// There is no such option.
pub fn end_unless_acknowledged(_stream: &TcpStream, _time: Duration) -> io::Result<()> {
    Ok(())
}

/// Whether this says that no descriptor is left for another socket.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WSAEMFILE)
}

/// Whether this says that the system has no such family of addresses.
pub fn is_no_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WSAEAFNOSUPPORT)
}

/// See `sockets::wait`. An end and a reset look alike here and are reported again and again, so a socket without interest is left
/// out.
pub fn wait_for<const N: usize>(
    sockets: [(&TcpStream, Interest); N],
    time: Option<Duration>,
) -> io::Result<[SocketState; N]> {
    let events = |interest: Interest| {
        (if interest.read { POLLIN } else { 0 }) | (if interest.write { POLLOUT } else { 0 })
    };
    let ask = |(socket, interest): &(&TcpStream, Interest)| {
        (*interest != Interest::NONE).then(|| WSAPOLLFD {
            fd: socket.as_raw_socket() as SOCKET,
            events: events(*interest),
            revents: 0,
        })
    };
    let mut pollfds: Vec<WSAPOLLFD> = sockets.iter().filter_map(ask).collect();
    let time = time
        .unwrap_or(POLL_INTERVAL)
        .min(POLL_INTERVAL)
        .as_micros()
        .div_ceil(1000) as i32;
    // SAFETY: pointer and length are those of a valid array.
    if unsafe { WSAPoll(pollfds.as_mut_ptr(), pollfds.len() as u32, time) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut answers = pollfds.into_iter();
    Ok(sockets.map(|(_, interest)| {
        let revents = if interest == Interest::NONE {
            0
        } else {
            answers.next().map_or(0, |answer| answer.revents)
        };
        SocketState {
            readable: revents & (POLLIN | POLLHUP | POLLERR) != 0,
            writable: revents & (POLLOUT | POLLERR) != 0,
            ended: revents & POLLHUP != 0,
            broken: revents & POLLERR != 0,
        }
    }))
}

/// The process that listens on `port`, as `name (pid N)`, where we may see it.
pub fn port_holder(port: u16) -> Option<String> {
    let process = tcp_table::listener(port)?;
    let name = name_of(process).unwrap_or_else(|| "a process".to_owned());
    Some(format!("{name} (pid {process})"))
}

/// The name of a process's file.
fn name_of(process: u32) -> Option<String> {
    let mut path = [0u16; 1024];
    let mut length = path.len() as u32;
    // SAFETY: takes no memory of ours; null where we may not ask.
    let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process) };
    if handle.is_null() {
        return None;
    }
    // SAFETY: pointer and length are those of a valid buffer; the call puts the length of the path there.
    let is_known = unsafe {
        QueryFullProcessImageNameW(handle, PROCESS_NAME_WIN32, path.as_mut_ptr(), &mut length)
    } != 0;
    // SAFETY: opened above, and closed once.
    unsafe { CloseHandle(handle) };
    let path = is_known.then(|| String::from_utf16(path.get(..length as usize)?).ok())??;
    Some(Path::new(&path).file_name()?.to_string_lossy().into_owned())
}
