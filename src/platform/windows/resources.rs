//! Memory, the clock and the name of this machine, and the `process_*` metrics: what this process uses of it.

use std::time::Duration;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge};
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::SystemInformation::{
    ComputerNamePhysicalDnsHostname, GetComputerNameExW, GetTickCount64, GlobalMemoryStatusEx,
    MEMORYSTATUSEX,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessHandleCount, GetProcessTimes,
};

/// The time since the machine was started, its sleep included.
pub fn steady_clock() -> Duration {
    // SAFETY: takes nothing and cannot fail.
    Duration::from_millis(unsafe { GetTickCount64() })
}

/// Windows knows no such limit but memory.
pub fn raise_descriptor_limit(wanted: u64) -> u64 {
    wanted
}

/// Freed memory goes back by itself.
pub fn return_freed_memory() {}

/// Physical memory in bytes.
pub fn memory_bytes() -> Option<u64> {
    let mut status = MEMORYSTATUSEX {
        dwLength: size_of::<MEMORYSTATUSEX>() as u32,
        ..Default::default()
    };
    // SAFETY: `status` is writable for the call and says how large it is.
    let is_known = unsafe { GlobalMemoryStatusEx(&mut status) } != 0;
    is_known.then_some(status.ullTotalPhys)
}

/// The name of this machine.
pub fn host_name() -> Option<String> {
    let mut name = [0u16; 256];
    let mut length = name.len() as u32;
    // SAFETY: pointer and length are those of a valid buffer; the call puts the length of the name there.
    let is_known = unsafe {
        GetComputerNameExW(
            ComputerNamePhysicalDnsHostname,
            name.as_mut_ptr(),
            &mut length,
        )
    } != 0;
    is_known.then(|| String::from_utf16(name.get(..length as usize)?).ok())?
}

/// The stack of every thread that does not ask for its own. Call it before the first thread starts.
pub fn set_thread_stack(bytes: usize) {
    // SAFETY: Windows guards the environment by a lock of its own.
    unsafe { std::env::set_var("RUST_MIN_STACK", bytes.to_string()) };
}

/// Does nothing: below the pages that a stack has used is the guard page that makes it grow, which we must not move. What a stack
/// has used once it keeps, at most what `set_thread_stack` said.
pub fn release_stack() {}

/// The time between 1601, from which Windows counts, and 1970 (seconds).
const EPOCH: f64 = 11_644_473_600.0;

/// The `process_*` metrics of this process.
pub fn process_collector() -> Option<Box<dyn Collector>> {
    Some(Box::new(Usage::new().ok()?))
}

struct Usage {
    cpu: Counter,
    started: Gauge,
    resident: Gauge,
    committed: Gauge,
    handles: Gauge,
}

impl Usage {
    fn new() -> prometheus::Result<Usage> {
        Ok(Usage {
            cpu: Counter::new(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
            )?,
            started: Gauge::new(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
            )?,
            resident: Gauge::new(
                "process_resident_memory_bytes",
                "Resident memory size in bytes.",
            )?,
            committed: Gauge::new(
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes.",
            )?,
            handles: Gauge::new("process_open_fds", "Number of open handles.")?,
        })
    }

    fn gauges(&self) -> [&Gauge; 4] {
        [
            &self.started,
            &self.resident,
            &self.committed,
            &self.handles,
        ]
    }

    /// Sets what the system tells; what it does not stays as it was.
    fn update(&self) {
        if let Some((started, cpu)) = times() {
            self.started.set(started - EPOCH);
            self.cpu.inc_by((cpu - self.cpu.get()).max(0.0));
        }
        if let Some(memory) = memory() {
            self.resident.set(memory.WorkingSetSize as f64);
            self.committed.set(memory.PagefileUsage as f64);
        }
        let mut handles = 0;
        // SAFETY: the number is writable for the call.
        if unsafe { GetProcessHandleCount(GetCurrentProcess(), &mut handles) } != 0 {
            self.handles.set(handles.into());
        }
    }
}

impl Collector for Usage {
    fn desc(&self) -> Vec<&Desc> {
        self.cpu
            .desc()
            .into_iter()
            .chain(self.gauges().into_iter().flat_map(Collector::desc))
            .collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.update();
        self.cpu
            .collect()
            .into_iter()
            .chain(self.gauges().into_iter().flat_map(Collector::collect))
            .collect()
    }
}

/// Returns the start of the process, and the CPU time that it has used (seconds).
fn times() -> Option<(f64, f64)> {
    let [mut created, mut exited, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: four times that are writable for the call.
    let is_known = unsafe {
        GetProcessTimes(
            GetCurrentProcess(),
            &mut created,
            &mut exited,
            &mut kernel,
            &mut user,
        )
    } != 0;
    is_known.then(|| (seconds(created), seconds(kernel) + seconds(user)))
}

/// Windows counts in steps of 100 ns.
fn seconds(time: FILETIME) -> f64 {
    (u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)) as f64 / 1e7
}

fn memory() -> Option<PROCESS_MEMORY_COUNTERS> {
    let size = size_of::<PROCESS_MEMORY_COUNTERS>() as u32;
    let mut memory = PROCESS_MEMORY_COUNTERS {
        cb: size,
        ..Default::default()
    };
    // SAFETY: the counters are writable for the call, and so large.
    let is_known = unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &mut memory, size) } != 0;
    is_known.then_some(memory)
}
