//! What Linux and macOS share.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use socket2::{SockRef, Socket};

use super::readiness::{Awaited, Found};
use super::system::{BROKEN, MAY_HAVE_CLOSED};

/// Raises the limit of open descriptors to `wanted`, or to what the system allows. Returns the limit in force.
pub fn raise_descriptor_limit(wanted: u64) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid, writable rlimit for the whole call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return 0;
    }
    let target = wanted.min(limit.rlim_max);
    if limit.rlim_cur < target {
        let raised = libc::rlimit {
            rlim_cur: target,
            rlim_max: limit.rlim_max,
        };
        // SAFETY: `raised` is a valid rlimit, only read by the call.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raised) } == 0 {
            return target;
        }
    }
    limit.rlim_cur
}

/// Calls `on_signal` for each SIGINT and SIGTERM, on a thread of its own; and for each SIGHUP, which a terminal sends that closes,
/// unless we are to outlive that.
pub fn wait_for_signals(on_signal: impl Fn() + Send + 'static) -> io::Result<()> {
    let hang_up = Some(SIGHUP).filter(|signal| !super::processes::is_ignored(*signal));
    let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hang_up))?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || signals.forever().for_each(|_| on_signal()))?;
    Ok(())
}

/// Where the log goes instead of standard error: what starts services here keeps that.
pub fn log_target() -> Option<Box<dyn Write + Send>> {
    None
}

/// Whether our console was made for us: no Unix does that.
pub fn owns_console() -> bool {
    false
}

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

/// See `readiness::wait`.
pub fn wait_for<const N: usize>(
    sockets: [(&TcpStream, Awaited); N],
    time: Option<Duration>,
) -> io::Result<[Found; N]> {
    let mut asked = sockets.map(|(socket, awaited)| {
        let events = [
            (awaited.read, libc::POLLIN),
            (awaited.write, libc::POLLOUT),
            (awaited.end, MAY_HAVE_CLOSED),
        ];
        let events = events
            .into_iter()
            .filter(|(is_wanted, _)| *is_wanted)
            .fold(0, |all, (_, event)| all | event);
        // Where a system cannot tell an end from a reset, it would go on telling it: such a socket is left out.
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
    if super::system::poll(&mut asked, time) < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted {
            Ok([Found::default(); N])
        } else {
            Err(error)
        };
    }
    Ok(asked.map(|answer| Found {
        readable: answer.revents & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) != 0,
        writable: answer.revents & (libc::POLLOUT | libc::POLLERR) != 0,
        ended: answer.revents & (MAY_HAVE_CLOSED | libc::POLLHUP) != 0,
        broken: answer.revents & BROKEN != 0,
    }))
}

/// The stack of every thread that does not ask for its own. Call it before the first thread starts.
pub fn set_thread_stack(bytes: usize) {
    // SAFETY: no other thread runs yet that could read the environment at the same time.
    unsafe { std::env::set_var("RUST_MIN_STACK", bytes.to_string()) };
}

/// The time of a clock that nobody sets and that counts the machine's sleep, from some moment on.
pub fn steady_clock() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid and writable for the call.
    unsafe { libc::clock_gettime(super::system::STEADY_CLOCK, &mut time) };
    Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec.max(0) as u32)
}

/// The name of this machine.
pub fn host_name() -> Option<String> {
    let mut name = [0u8; 256];
    // SAFETY: pointer and length are those of a valid buffer, whose last byte stays 0.
    let failed = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } != 0;
    let end = name.iter().position(|b| *b == 0)?;
    if failed {
        None
    } else {
        String::from_utf8(name[..end].to_vec()).ok()
    }
}

/// Gives the memory of this thread's stack below the caller back to the system, where `set_thread_stack` or more was set for it.
/// Never inlined: in the caller's frame it would not know where that ends, and would take from it what is still used.
#[inline(never)]
pub fn release_stack() {
    /// What this function itself may use below its first variable (bytes).
    const MARGIN: usize = 1024;
    /// As deep as calls went before, and far less than a stack has left (bytes).
    const DEPTH: usize = 64 * 1024;
    const PAGE: usize = 4 * 1024;
    let here = 0u8;
    let top = (&raw const here as usize - MARGIN) & !(PAGE - 1);
    // SAFETY: the pages from DEPTH below `top` up to it belong to this thread's stack, which is at least four times as large
    // and used by no more than a quarter here; they lie below every live frame, so that nothing is lost when they read as
    // zeros from now on.
    unsafe {
        libc::madvise(
            (top - DEPTH) as *mut libc::c_void,
            DEPTH,
            libc::MADV_DONTNEED,
        )
    };
}
