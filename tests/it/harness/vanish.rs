//! A machine that is gone without a word: its connections are, and nobody was told. Linux's repair mode does that, for root.
#![cfg(target_os = "linux")]

use std::ffi::c_int;
use std::io;
use std::mem::size_of_val;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use super::require;

/// Forgets the connection, whoever else holds it, without a packet to its peer, whose next one is answered by a reset.
fn forget(stream: &TcpStream) -> io::Result<()> {
    let (on, nowhere) = (
        1 as c_int,
        libc::sockaddr {
            sa_family: libc::AF_UNSPEC as u16,
            sa_data: [0; 14],
        },
    );
    // SAFETY: the descriptor is open as long as `stream` lives; the pointers and lengths are those of a number and of an address.
    let failed = unsafe {
        let (value, length) = ((&raw const on).cast(), size_of_val(&on) as u32);
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_REPAIR,
            value,
            length,
        ) != 0
            || libc::connect(
                stream.as_raw_fd(),
                &raw const nowhere,
                size_of_val(&nowhere) as u32,
            ) != 0
    };
    if failed {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Forgets all of them. False where only root could, which is said aloud.
pub fn forget_all<'a>(streams: impl IntoIterator<Item = &'a TcpStream>) -> bool {
    let forgotten: io::Result<()> = streams.into_iter().try_for_each(forget);
    if let Err(error) = &forgotten {
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
    }
    require("the right to repair connections (root)", forgotten.is_ok())
}
