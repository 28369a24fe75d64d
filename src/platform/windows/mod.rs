//! Windows: memory, names and threads here; the rest in a file for each subject.

mod console;
mod desktop_app;
mod holder;
mod tcp_table;
mod usage;

pub mod folders;
pub mod log;
pub mod private;
pub mod processes;
pub mod service;
pub mod service_life;
pub mod shell;
pub mod sockets;
pub mod tray;

pub use console::{owns_console, wait_for_signals};
pub use desktop_app::{STOP_OLLAMA, desktop_app_runs};
pub use holder::port_holder;
pub use log::log_target;
pub use processes::spawn_to_end_with_us;
pub use sockets::{
    LINGER, claim_port, end_unless_acknowledged, has_input, interrupt, is_no_family,
    is_out_of_descriptors, wait_for,
};
pub use usage::process_collector;

use std::time::Duration;

use windows_sys::Win32::System::SystemInformation::{
    ComputerNamePhysicalDnsHostname, GetComputerNameExW, GetTickCount64, GlobalMemoryStatusEx,
    MEMORYSTATUSEX,
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

/// Does nothing: below the pages that a stack has used lies the page that makes it grow, which is not ours to move. What a stack
/// has used once it keeps, at most what `set_thread_stack` said.
pub fn release_stack() {}
