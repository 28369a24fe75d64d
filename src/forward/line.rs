//! The line to Ollama: one worker's connection, and what the worker and the watcher say to it from outside.
//!
//! ureq keeps the connection, its TLS and the framing of replies. Heads pass it by, so that they
//! reach the other side byte for byte: what the worker puts into `load` is sent in place of the head that ureq made,
//! and the head of the reply is kept as it came (wire.rs does both).

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::platform;

/// Shared by a worker, its transport and, while a request is in flight, the watcher.
#[derive(Debug, Default)]
pub struct Line {
    outgoing: Mutex<Vec<u8>>,
    incoming: Mutex<ReplyHead>,
    /// Weak: the connection ends when its transport is dropped, whoever else knows of it.
    stream: Mutex<Weak<TcpStream>>,
    /// A body is being sent that was not read before.
    uploading: AtomicBool,
    /// The reply has begun, or the connection has ended, before the body was sent: no more of it is wanted.
    answered: AtomicBool,
    cut: AtomicBool,
    /// A read failed, which ureq takes for the end of a body that only the close delimits.
    broken: AtomicBool,
}

/// The head of a reply as it came from the wire.
#[derive(Debug, Default)]
pub struct ReplyHead {
    /// From the status line to the empty line, both included.
    pub bytes: Vec<u8>,
    /// The read that ended the head brought bytes of the body as well, so that the first read of the body will not wait.
    pub body_began: bool,
}

impl Line {
    /// Gets ready for a request: `bytes` are its head, and its body where that was read before.
    pub fn load(&self, bytes: Vec<u8>, uploading: bool) {
        *lock(&self.outgoing) = bytes;
        lock(&self.incoming).bytes.clear();
        self.answered.store(false, SeqCst);
        self.uploading.store(uploading, SeqCst);
        self.broken.store(false, SeqCst);
    }

    /// A new request begins, which nobody has cut yet.
    pub fn begin(&self) {
        self.cut.store(false, SeqCst);
    }

    /// Ends the request in flight from another thread: whatever waits on the connection fails at once.
    pub fn cut(&self) {
        self.cut.store(true, SeqCst);
        self.shutdown(Shutdown::Both);
    }

    /// Whether the body need not be read or sent any further.
    pub fn answered(&self) -> bool {
        self.answered.load(SeqCst)
    }

    /// Looks whether Ollama answered, or hung up, while the body is still being sent. True when it did: the sender is
    /// woken, and the caller wakes whoever waits for more of the body.
    pub fn answered_early(&self) -> bool {
        const INTERIM: &[u8] = b"HTTP/1.1 1";
        if !self.uploading.load(SeqCst) || self.answered() {
            return false;
        }
        let Some(stream) = lock(&self.stream).upgrade() else { return false };
        let mut first = [0; INTERIM.len()];
        match platform::has_input(&stream, &mut first) {
            None => false,
            Some(_) if first == INTERIM => false,
            Some(_) => {
                self.answered.store(true, SeqCst);
                platform::interrupt(&*stream, Shutdown::Write);
                true
            }
        }
    }

    /// Whether the connection ended by an error and not by a close.
    pub fn is_broken(&self) -> bool {
        self.broken.load(SeqCst)
    }

    /// The body was sent, or will not be sent any more.
    pub fn uploaded(&self) {
        self.uploading.store(false, SeqCst);
    }

    pub fn take_reply_head(&self) -> ReplyHead {
        std::mem::take(&mut *lock(&self.incoming))
    }

    pub(super) fn take_outgoing(&self) -> Vec<u8> {
        std::mem::take(&mut *lock(&self.outgoing))
    }

    pub(super) fn keep_reply_head(&self, head: ReplyHead) {
        *lock(&self.incoming) = head;
    }

    /// Sending failed: Ollama has closed its side, and if it said why, that can still be read.
    pub(super) fn stop_sending(&self) {
        self.answered.store(true, SeqCst);
    }

    pub(super) fn broke(&self) {
        self.broken.store(true, SeqCst);
    }

    /// `stream` is the connection from here on. False when the request was cut meanwhile.
    pub(super) fn connected(&self, stream: &Arc<TcpStream>) -> bool {
        *lock(&self.stream) = Arc::downgrade(stream);
        !self.cut.load(SeqCst)
    }

    fn shutdown(&self, how: Shutdown) {
        if let Some(stream) = lock(&self.stream).upgrade() {
            platform::interrupt(&*stream, how);
        }
    }
}

/// A thread that panicked while holding one of these locks left nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
