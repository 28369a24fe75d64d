//! KEPT: a body that is read once it is whole, within a bound.

use memchr::memchr;
use serde::de::IgnoredAny;

use super::lenient::object;
use super::scraps::TAIL;

/// The head of a body, and its tail where the head is not all.
pub struct Kept {
    pub head: Vec<u8>,
    tail: Vec<u8>,
    pub limit: usize,
    /// The first line has ended, and the head is more than that.
    is_of_lines: bool,
}

impl Kept {
    pub fn new(limit: usize) -> Kept {
        Kept {
            head: Vec::new(),
            tail: Vec::new(),
            limit,
            is_of_lines: false,
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let (head, tail) = bytes.split_at(bytes.len().min(self.limit - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(tail);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    pub fn whole(&self) -> bool {
        self.tail.is_empty()
    }

    /// All that was kept, if the first line, of which the end is among the last `more` bytes, is an object by itself.
    pub fn take_lines(&mut self, more: usize) -> Option<Vec<u8>> {
        let begin = self.head.len().saturating_sub(more);
        if !self.whole() || self.is_of_lines {
            return None;
        }
        let end = begin + memchr(b'\n', &self.head[begin..])?;
        self.is_of_lines = true;
        object::<IgnoredAny>(&self.head[..end])
            .is_ok()
            .then(|| std::mem::take(&mut self.head))
    }

    /// The last bytes of the body, wherever the head ends.
    pub fn end(&self) -> Vec<u8> {
        let joined = [
            &self.head[self.head.len().saturating_sub(TAIL)..],
            &self.tail,
        ]
        .concat();
        joined[joined.len().saturating_sub(TAIL)..].to_vec()
    }
}
