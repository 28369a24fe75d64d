//! Linux: what /proc tells, as far as a sandbox leaves it visible.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{Gauge, MetricFamily};

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

/// Physical memory in bytes. Asked of the kernel itself: a sandbox hides /proc/meminfo.
pub fn memory_bytes() -> Option<u64> {
    let mut info = std::mem::MaybeUninit::<libc::sysinfo>::zeroed();
    // SAFETY: the pointer is that of a valid buffer.
    let failed = unsafe { libc::sysinfo(info.as_mut_ptr()) } != 0;
    // SAFETY: every field is a number, of which zero is one, and the kernel has filled them in.
    let info = unsafe { info.assume_init() };
    #[allow(clippy::useless_conversion)] // 32 bits on some machines
    let total = u64::from(info.totalram);
    (!failed).then(|| total.checked_mul(u64::from(info.mem_unit)))?
}

/// The `process_*` metrics of this process.
pub fn process_collector() -> Option<Box<dyn Collector>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Box::new(Process { collector: ProcessCollector::for_self(), now: now.as_secs_f64().floor() }))
}

/// The library's collector, which finds no start of the process where a sandbox hides /proc/stat: there it is about `now`, when
/// this was made.
struct Process {
    collector: ProcessCollector,
    now: f64,
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.collector.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = self.collector.collect();
        let start = families.iter_mut().filter(|family| family.name() == "process_start_time_seconds");
        for metric in start.flat_map(MetricFamily::mut_metric).filter(|metric| metric.get_gauge().get_value() == 0.0) {
            let mut gauge = Gauge::default();
            gauge.set_value(self.now);
            metric.set_gauge(gauge);
        }
        families
    }
}

/// Starts `command`, which ends when the thread that starts it does, in whatever way.
pub fn spawn_to_end_with_us(command: &mut Command) -> io::Result<Child> {
    // SAFETY: between fork and exec only what is safe in a signal handler may run, and this is one system call.
    unsafe {
        command.pre_exec(|| if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) == 0 { Ok(()) } else { Err(io::Error::last_os_error()) })
    };
    command.spawn()
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
