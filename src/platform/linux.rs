//! Linux: what /proc tells, as far as a sandbox leaves it visible.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;

/// poll's word for a peer that has closed its side, or for our own having been shut for reading.
pub const MAY_HAVE_CLOSED: i16 = libc::POLLRDHUP;

/// Which of the two it was, by the state of the connection (enum in the kernel's tcp_states.h).
pub fn peer_has_closed(fd: i32) -> bool {
    const ESTABLISHED: u8 = 1;
    const FIN_WAIT_1: u8 = 4;
    const FIN_WAIT_2: u8 = 5;
    // The state is the first byte of struct tcp_info, and the kernel copies no more than it is asked for.
    let mut info = [0u8; 8];
    let mut length = info.len() as libc::socklen_t;
    // SAFETY: pointer and length are those of a valid buffer; a closed descriptor is an error.
    let failed = unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &mut length) } != 0;
    failed || !matches!(info[0], ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2)
}

/// The numbers of our open descriptors; in a root without /proc, all that there may be.
pub fn descriptors() -> Vec<i32> {
    match fs::read_dir("/proc/self/fd") {
        Ok(entries) => entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect(),
        Err(_) => super::unix::all_descriptors().collect(),
    }
}

/// Physical memory in bytes.
pub fn memory_bytes() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The `process_*` metrics of this process.
pub fn process_collector() -> Option<Box<dyn Collector>> {
    Some(Box::new(ProcessCollector::for_self()))
}

/// Ends what `command` starts when the thread that starts it ends, in whatever way.
pub fn end_with_us(command: &mut Command) {
    // SAFETY: between fork and exec only what is safe in a signal handler may run, and this is one system call.
    unsafe {
        command.pre_exec(|| if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) == 0 { Ok(()) } else { Err(io::Error::last_os_error()) })
    };
}

/// How to stop an Ollama that is a service here, to follow "stop it".
pub const STOP_OLLAMA: &str = " (where it is a service: `sudo systemctl stop ollama`)";

/// There is no desktop app of Ollama's for Linux.
pub fn desktop_app_runs() -> bool {
    false
}

/// The process that listens on `port`, as `name (pid N)`, where we may see it.
pub fn port_holder(port: u16) -> Option<String> {
    const LISTENING: &str = "0A";
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let inode = tables.iter().flat_map(|table| table.lines()).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let here = columns.get(1)?.rsplit_once(':')?.1;
        (columns.get(3) == Some(&LISTENING) && u16::from_str_radix(here, 16) == Ok(port)).then(|| columns.get(9).map(|i| i.to_string()))?
    })?;
    let socket = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(entry.path().join("fd"))
            .ok()?
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to.as_os_str() == &*socket));
        holds.then(|| format!("{} (pid {pid})", fs::read_to_string(entry.path().join("comm")).unwrap_or_default().trim()))
    })
}
