//! The request's body on its way to Ollama: held whole where that is cheap, else passed on piece by piece.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::headers::Framing;
use super::line::Line;
use crate::client::Client;

/// An inference body up to this many bytes is held whole.
pub const HELD_MAX: usize = 64 * 1024 * 1024;

/// All held bodies together, in bytes. Beyond it bodies are streamed, whatever their size.
pub const HELD_TOGETHER_MAX: u64 = 512 * 1024 * 1024;

/// Of a body that is streamed, this many bytes at its head are kept to read model and prompt from.
pub const HEAD_KEPT: usize = 2 * 1024 * 1024;

/// The memory that held bodies share.
#[derive(Default)]
pub struct Budget {
    used: AtomicU64,
}

impl Budget {
    fn take(&self, bytes: u64) -> bool {
        self.used.fetch_update(Relaxed, Relaxed, |used| Some(used + bytes).filter(|sum| *sum <= HELD_TOGETHER_MAX)).is_ok()
    }
}

/// Bytes of a body in memory, counted in the budget as long as they are held.
pub struct Held {
    pub bytes: Vec<u8>,
    /// The body goes on after `bytes`.
    pub cut: bool,
    budget: Arc<Budget>,
    taken: u64,
}

impl Held {
    /// Reads the body until its end or until it is too large to hold.
    pub fn gather(client: &mut Client, framing: Framing, budget: &Arc<Budget>) -> io::Result<Held> {
        let mut held = Held { bytes: Vec::new(), cut: framing != Framing::Empty, budget: budget.clone(), taken: 0 };
        let announced = if let Framing::Length(length) = framing { length.min(HELD_MAX as u64 + 1) as usize } else { 0 };
        let mut filled = 0;
        while held.cut {
            if filled == held.bytes.len() && !held.grow(announced) {
                break;
            }
            match client.read(&mut held.bytes[filled..])? {
                0 => held.cut = false,
                amount => filled += amount,
            }
            if matches!(framing, Framing::Length(length) if filled as u64 == length) {
                held.cut = false;
            }
        }
        held.bytes.truncate(filled);
        Ok(held)
    }

    /// Makes room for more; false where a bound forbids it. A client that announces much and sends little gets
    /// little: at first 64 KiB, then twice as much each time.
    fn grow(&mut self, announced: usize) -> bool {
        const FIRST: usize = 64 * 1024;
        let old = self.bytes.len();
        let wanted = if announced > old { announced.min((old * 2).max(FIRST)) } else { (old * 2).max(FIRST / 16) }.min(HELD_MAX);
        if wanted <= old || !self.budget.take((wanted - old) as u64) {
            return false;
        }
        self.taken += (wanted - old) as u64;
        self.bytes.resize(wanted, 0);
        true
    }

    /// What is kept of a body to read model and prompt from.
    pub fn head(&self) -> &[u8] {
        let length = if self.cut { self.bytes.len().min(HEAD_KEPT) } else { self.bytes.len() };
        &self.bytes[..length]
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.taken, Relaxed);
    }
}

/// Appends a whole body to its request's head, framed as the client framed it.
pub fn append_framed(head: &mut Vec<u8>, body: &[u8], framing: Framing) {
    match framing {
        Framing::Chunked if body.is_empty() => head.extend_from_slice(b"0\r\n\r\n"),
        Framing::Chunked => {
            head.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
            head.extend_from_slice(body);
            head.extend_from_slice(b"\r\n0\r\n\r\n");
        }
        _ => head.extend_from_slice(body),
    }
}

/// A body on its way: first what was held, then what the client still sends, until Ollama wants no more.
pub struct Upload<'a> {
    pub held: &'a [u8],
    pub client: &'a mut Client,
    pub line: &'a Line,
    /// Bytes still announced, where a length was.
    pub left: Option<u64>,
    /// Bytes read from the client, held ones included.
    pub passed: u64,
    /// Why the client's side failed, if it did.
    pub failure: Option<io::Error>,
}

impl Read for Upload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.line.answered() {
            return Ok(self.feign(buffer.len()));
        }
        let amount = if self.held.is_empty() { self.client.read(buffer) } else { self.held.read(buffer) };
        match amount {
            Ok(amount) => {
                self.passed += amount as u64;
                self.left = self.left.map(|left| left.saturating_sub(amount as u64));
                if amount == 0 || self.left == Some(0) {
                    // Nobody waits for the client any more, so nobody need be woken when Ollama answers.
                    self.line.uploaded();
                }
                Ok(amount)
            }
            // The watcher woke us because Ollama has answered.
            Err(_) if self.line.answered() => Ok(self.feign(buffer.len())),
            Err(e) => {
                let kind = e.kind();
                self.failure = Some(e);
                Err(if kind == ErrorKind::Interrupted { ErrorKind::Other } else { kind }.into())
            }
        }
    }
}

impl Upload<'_> {
    /// Claims to have read what is still announced: ureq turns to the reply only after the body's end, and the
    /// transport sends nothing of it any more.
    fn feign(&mut self, space: usize) -> usize {
        let amount = self.left.unwrap_or(0).min(space as u64);
        self.left = self.left.map(|left| left - amount);
        amount as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_keeps_the_framing_it_came_with() {
        let framed = |body: &[u8], framing| {
            let mut head = Vec::new();
            append_framed(&mut head, body, framing);
            head
        };
        assert_eq!(framed(b"hello", Framing::Length(5)), b"hello");
        assert_eq!(framed(b"hello", Framing::Chunked), b"5\r\nhello\r\n0\r\n\r\n");
        assert_eq!(framed(b"", Framing::Chunked), b"0\r\n\r\n");
    }

    #[test]
    fn the_budget_is_shared_and_given_back() {
        let budget = Arc::new(Budget::default());
        assert!(budget.take(HELD_TOGETHER_MAX) && !budget.take(1));
        drop(Held { bytes: Vec::new(), cut: false, budget: budget.clone(), taken: HELD_TOGETHER_MAX });
        assert!(budget.take(1));
    }
}
