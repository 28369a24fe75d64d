//! A body that is read once it is complete, within a bound.

use memchr::memchr;
use serde::de::IgnoredAny;

use crate::observe::lenient::object;
use crate::observe::limits::TAIL_SIZE;

/// The head of a body, and its tail if the head is not all of it.
pub struct BoundedBody {
    pub head: Vec<u8>,
    tail: Vec<u8>,
    /// The most bytes that `head` takes.
    pub limit: usize,
    /// The first line has ended, and it was not an object.
    is_one_object: bool,
}

impl BoundedBody {
    pub fn new(limit: usize) -> BoundedBody {
        BoundedBody {
            head: Vec::new(),
            tail: Vec::new(),
            limit,
            is_one_object: false,
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let (head, tail) = bytes.split_at(bytes.len().min(self.limit - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(tail);
        if self.tail.len() > 2 * TAIL_SIZE {
            self.tail.drain(..self.tail.len() - TAIL_SIZE);
        }
    }

    /// Returns whether `head` is all of it.
    pub fn is_complete(&self) -> bool {
        self.tail.is_empty()
    }

    /// Takes all that was kept if the first line is an object by itself. The last `added` bytes
    /// have not been searched for the end of that line yet.
    pub fn take_if_lines(&mut self, added: usize) -> Option<Vec<u8>> {
        if !self.is_complete() || self.is_one_object {
            return None;
        }
        let searched = self.head.len().saturating_sub(added);
        let end = searched + memchr(b'\n', &self.head[searched..])?;
        self.is_one_object = true;
        match object::<IgnoredAny>(&self.head[..end]) {
            Ok(_) => Some(std::mem::take(&mut self.head)),
            Err(_) => None,
        }
    }

    /// Returns the last bytes of the body, wherever the head ends.
    pub fn tail(&self) -> Vec<u8> {
        let end_of_head = &self.head[self.head.len().saturating_sub(TAIL_SIZE)..];
        let joined = [end_of_head, &self.tail].concat();
        joined[joined.len().saturating_sub(TAIL_SIZE)..].to_vec()
    }
}
