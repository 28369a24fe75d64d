//! Memory, descriptors, stacks, the clock and the name of a Unix.

use std::time::Duration;

pub use super::kernel::{memory_bytes, process_collector, return_freed_memory};

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

/// Sets the stack of every thread that does not ask for its own (bytes). Call it before the first thread starts.
pub fn set_thread_stack(bytes: usize) {
    // SAFETY: no other thread runs yet that could read the environment at the same time.
    unsafe { std::env::set_var("RUST_MIN_STACK", bytes.to_string()) };
}

/// Reads a clock that cannot be set and that counts the machine's sleep, from some moment on.
pub fn steady_clock() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid and writable for the call.
    unsafe { libc::clock_gettime(super::kernel::STEADY_CLOCK, &mut time) };
    Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec.max(0) as u32)
}

/// Returns the name of this machine.
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
    /// The most that this function itself uses below its first variable (bytes).
    const MARGIN: usize = 1024;
    /// A depth that earlier calls reached, and far less than a stack has left (bytes).
    const DEPTH: usize = 64 * 1024;
    const PAGE: usize = 4 * 1024;
    let here = 0u8;
    let top = (&raw const here as usize - MARGIN) & !(PAGE - 1);
    // SAFETY: the pages from DEPTH below `top` up to it belong to this thread's stack, which is at least four times as large
    // and used by no more than a quarter here; they are below every live frame, so that nothing is lost when they read as
    // zeros from now on.
    unsafe {
        libc::madvise(
            (top - DEPTH) as *mut libc::c_void,
            DEPTH,
            libc::MADV_DONTNEED,
        )
    };
}
