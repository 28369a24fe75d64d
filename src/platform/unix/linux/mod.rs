//! Linux: reads /proc, as far as a sandbox leaves it visible.

pub mod notify;
pub mod socket_store;

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{Gauge, MetricFamily};
use socket2::SockRef;
use std::fs;
use std::io;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::platform::service::ServiceManager;

/// The service manager of this system; `None` where that is not known.
pub const SERVICE_MANAGER: Option<ServiceManager> = Some(ServiceManager::Systemd);

/// The service's own directory.
pub const SERVICE_DIRECTORY: &str = "/var/lib/ollama-tap";

/// The directory of the instance files that all users may read.
pub const RUNTIME_DIRECTORY: &str = "/run/ollama-tap";

/// poll's event for a peer that has closed its side.
pub const MAY_HAVE_CLOSED: i16 = libc::POLLRDHUP;

/// The time that a worker waits for the next request on a connection that it has answered, while no other request waits: a few turns of a busy
/// processor, since a client that is slower than this costs two changes of thread more.
pub const LINGER: Duration = Duration::from_millis(2);

/// poll's events for a connection that has ended.
pub const BROKEN: i16 = libc::POLLHUP | libc::POLLERR;

/// CLOCK_MONOTONIC rests while the machine sleeps.
pub const STEADY_CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;

/// poll(2), with a time as short as it may be.
pub fn poll(asked: &mut [libc::pollfd], time: Option<Duration>) -> libc::c_int {
    let time = time.map(|time| libc::timespec {
        tv_sec: time.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(time.subsec_nanos() as i32),
    });
    let time = time
        .as_ref()
        .map_or(std::ptr::null(), |time| time as *const libc::timespec);
    // SAFETY: pointer and length are those of a valid array; the time is null or valid for the call.
    unsafe {
        libc::ppoll(
            asked.as_mut_ptr(),
            asked.len() as libc::nfds_t,
            time,
            std::ptr::null(),
        )
    }
}

/// Ends a connection whose peer has acknowledged nothing for so long while there was something to be acknowledged.
pub fn end_unless_acknowledged(stream: &TcpStream, time: Duration) -> io::Result<()> {
    SockRef::from(stream).set_tcp_user_timeout(Some(time))
}

/// Returns large pieces of memory to the system from now on when they are freed. glibc would keep up to 32 MiB for each thread.
pub fn return_freed_memory() {
    #[cfg(target_env = "gnu")]
    {
        /// Pieces from this size on (bytes) are the system's own.
        const LARGE: libc::c_int = 128 * 1024;
        // SAFETY: it sets a number that the allocator reads, which has a lock for it.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) };
    }
}

/// Returns the memory that we may use, in bytes: the machine's, or our part of it where a cgroup bounds us.
pub fn memory_bytes() -> Option<u64> {
    [physical_memory(), cgroup_memory()]
        .into_iter()
        .flatten()
        .min()
}

/// Returns the lowest limit of our cgroup and those that it is in.
fn cgroup_memory() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    own.lines().filter_map(least_of).min()
}

/// Returns the lowest limit of one line of /proc/self/cgroup. The second version has one, `0::/path`; the first one for each controller,
/// such as `4:memory:/path`. In a container the path may be another's, and its root ours.
fn least_of(line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':');
    let (controllers, path) = (parts.nth(1)?, parts.next()?);
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        _ if controllers
            .split(',')
            .any(|controller| controller == "memory") =>
        {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let root = Path::new(root);
    root.join(path.trim_start_matches('/'))
        .ancestors()
        .take_while(|dir| dir.starts_with(root))
        .filter_map(|dir| fs::read_to_string(dir.join(file)).ok()?.trim().parse().ok())
        .min()
}

/// Asks the kernel itself: a sandbox hides /proc/meminfo.
fn physical_memory() -> Option<u64> {
    let mut info = std::mem::MaybeUninit::<libc::sysinfo>::zeroed();
    // SAFETY: the pointer is that of a valid buffer.
    let failed = unsafe { libc::sysinfo(info.as_mut_ptr()) } != 0;
    // SAFETY: every field is a number, of which zero is one, and the kernel has filled them in.
    let info = unsafe { info.assume_init() };
    #[allow(clippy::useless_conversion)] // 32 bits on some machines
    let total = u64::from(info.totalram);
    (!failed).then(|| total.checked_mul(u64::from(info.mem_unit)))?
}

/// Returns the `process_*` metrics of this process.
pub fn process_collector() -> Option<Box<dyn Collector>> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Some(Box::new(Process {
        collector: ProcessCollector::for_self(),
        now: now.as_secs_f64().floor(),
    }))
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
        let start = families
            .iter_mut()
            .filter(|family| family.name() == "process_start_time_seconds");
        for metric in start
            .flat_map(MetricFamily::mut_metric)
            .filter(|metric| metric.get_gauge().get_value() == 0.0)
        {
            let mut gauge = Gauge::default();
            gauge.set_value(self.now);
            metric.set_gauge(gauge);
        }
        families
    }
}

/// Starts `command`, which ends when the thread that starts it does, in any way.
pub fn spawn_to_end_with_us(command: &mut Command) -> io::Result<Child> {
    // SAFETY: between fork and exec only what is safe in a signal handler may run, and this is one system call.
    unsafe {
        command.pre_exec(|| {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        })
    };
    command.spawn()
}

/// The way to stop an Ollama that is a service here, to follow "stop it".
pub const STOP_OLLAMA: &str = " (where it is a service: `sudo systemctl stop ollama`)";

/// Returns `false`: Ollama has no desktop app for Linux.
pub fn desktop_app_runs() -> bool {
    false
}

/// Returns the process that listens on `port`, as `name (pid N)`, where we may see it.
pub fn port_holder(port: u16) -> Option<String> {
    const LISTENING: &str = "0A";
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .map(|path| fs::read_to_string(path).unwrap_or_default());
    let inode = tables
        .iter()
        .flat_map(|table| table.lines())
        .find_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let here = columns.get(1)?.rsplit_once(':')?.1;
            (columns.get(3) == Some(&LISTENING) && u16::from_str_radix(here, 16) == Ok(port))
                .then(|| columns.get(9).map(|i| i.to_string()))?
        })?;
    let socket = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(entry.path().join("fd"))
            .ok()?
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to.as_os_str() == &*socket));
        holds.then(|| {
            format!(
                "{} (pid {pid})",
                fs::read_to_string(entry.path().join("comm"))
                    .unwrap_or_default()
                    .trim()
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_connection_knows_how_long_it_waits_to_be_acknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        end_unless_acknowledged(&stream, Duration::from_secs(60)).unwrap();
        assert_eq!(
            SockRef::from(&stream).tcp_user_timeout().unwrap(),
            Some(Duration::from_secs(60))
        );
    }
}
