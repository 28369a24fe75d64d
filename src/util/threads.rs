//! THREADS: named threads with a small stack, and locks without poison.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{io, thread};

/// The stack size of a thread (bytes). The default of 2 MiB is for recursion, which we do not have.
pub const STACK: usize = 256 * 1024;

/// Starts a named thread, which is not joined.
pub fn spawn(
    name: impl Into<String>,
    stack: usize,
    run: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new()
        .name(name.into())
        .stack_size(stack)
        .spawn(run)
        .map(drop)
}

/// Locks a mutex, even if a thread panicked while it held it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
