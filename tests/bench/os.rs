//! What std cannot ask of the system: readiness of many sockets, the descriptor limit, a gentle signal, and what /proc tells. The only
//! unsafe code of the bench.
//!
//! One epoll reader instead of a thread per stream keeps the measuring side light: with 1,000 streams on two cores, a thousand readers would
//! compete with the proxy for the very time that is being measured. Linux only.
#![cfg(target_os = "linux")]

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Descriptors that 5,000 connections need, or 1,000 streams on both sides of one process, with room to spare.
const DESCRIPTORS: libc::rlim_t = 16_384;

/// Most sockets told of by one wait.
const BATCH: usize = 256;

/// Tells which of many sockets have bytes to read.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poller {
    /// Fails where the system has no descriptor left.
    pub fn new() -> io::Result<Poller> {
        // SAFETY: no pointers; a descriptor that is not negative is new and ours alone.
        let epoll =
            unsafe { OwnedFd::from_raw_fd(checked(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        Ok(Poller {
            epoll,
            events: vec![libc::epoll_event { events: 0, u64: 0 }; BATCH],
        })
    }

    /// Watches `stream`, which is called `name` from here on, until it is closed.
    pub fn add(&self, stream: &TcpStream, name: usize) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: (libc::EPOLLIN | libc::EPOLLRDHUP) as u32,
            u64: name as u64,
        };
        // SAFETY: both descriptors are open while borrowed, and the kernel copies the event before it returns.
        checked(unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                stream.as_raw_fd(),
                &mut event,
            )
        })?;
        Ok(())
    }

    /// Names of the sockets that can be read without blocking; none after `patience` (milliseconds count).
    pub fn wait(&mut self, patience: Duration) -> io::Result<impl Iterator<Item = usize>> {
        let millis = patience.as_millis() as libc::c_int;
        // SAFETY: the buffer holds BATCH events and lives through the call.
        let ready = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                BATCH as libc::c_int,
                millis,
            )
        };
        let ready = checked(ready)? as usize;
        Ok(self.events[..ready].iter().map(|event| event.u64 as usize))
    }
}

/// Raises the soft descriptor limit, which children inherit, as far as the hard limit allows.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel fills, then reads, a struct that lives through both calls.
    unsafe {
        checked(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit))?;
        limit.rlim_cur = limit.rlim_cur.max(DESCRIPTORS.min(limit.rlim_max));
        checked(libc::setrlimit(libc::RLIMIT_NOFILE, &limit))?;
    }
    Ok(())
}

/// Lets as many connections wait to be accepted as the system allows. Beyond the 128 of std, a client that finds no place tries again a second later.
pub fn widen_backlog(listener: &TcpListener) -> io::Result<()> {
    // SAFETY: no pointers; the descriptor is open while borrowed.
    checked(unsafe { libc::listen(listener.as_raw_fd(), libc::c_int::MAX) })?;
    Ok(())
}

/// Asks a process to end (SIGTERM), so that it can end its own children first.
pub fn terminate(pid: u32) -> io::Result<()> {
    // SAFETY: no pointers; the caller has not waited for its child yet, so the number is still that child's.
    checked(unsafe { libc::kill(pid as libc::pid_t, libc::SIGTERM) })?;
    Ok(())
}

/// A figure that the system keeps of the process: its number of `Threads`, or memory in kibibytes.
pub fn status(pid: u32, name: &str) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let value = status.lines().find_map(|line| {
        line.strip_prefix(name)?
            .strip_prefix(':')?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    });
    value.ok_or_else(|| io::Error::other(format!("no {name} in the status of the process")))
}

/// The processes that a process has started and that still run.
pub fn children(pid: u32) -> io::Result<Vec<u32>> {
    let mut children = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let named = fs::read_to_string(thread?.path().join("children"))?;
        children.extend(
            named
                .split_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    Ok(children)
}

/// Returns how long its threads have run on a processor, those that are gone too, for itself and within the system. The clock is exact, where the state
/// of the process counts hundredths of a second.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    let (mut clock, mut time) = (
        0,
        libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
    );
    // SAFETY: the calls write a number and a struct that live through them.
    let (no_clock, no_time) = unsafe {
        (
            libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock),
            libc::clock_gettime(clock, &mut time),
        )
    };
    if no_clock != 0 {
        return Err(io::Error::from_raw_os_error(no_clock));
    }
    checked(no_time)?;
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// The processor, and the release of the kernel.
pub fn machine() -> (String, String) {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    (
        model
            .map_or("unknown processor", |(_, model)| model)
            .to_owned(),
        kernel.trim().to_owned(),
    )
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
