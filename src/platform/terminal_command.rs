//! The command that this process runs in its terminal: what those who hear of signals know of it.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The command that this process runs in its terminal.
#[derive(Default)]
pub struct TerminalCommand {
    id: Mutex<Option<u32>>,
    /// Whether it was asked to end, and not by a key.
    pub is_told_to_end: AtomicBool,
}

impl TerminalCommand {
    /// The id of its process, while it runs. A signal that comes meanwhile waits for this lock.
    pub fn id(&self) -> MutexGuard<'_, Option<u32>> {
        self.id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
