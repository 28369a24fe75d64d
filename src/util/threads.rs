//! THREADS: what every thread of ours has, and what several share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{io, thread};

/// Stack of a thread of ours (bytes). The default of 2 MiB is for recursion we do not have.
pub const STACK: usize = 256 * 1024;

/// Starts a thread, by which nobody waits for its end.
pub fn spawn(
    name: impl Into<String>,
    stack: usize,
    life: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new()
        .name(name.into())
        .stack_size(stack)
        .spawn(life)
        .map(drop)
}

/// Locks what a thread that panicked with it has left whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
