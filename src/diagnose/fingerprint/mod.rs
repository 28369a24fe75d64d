//! FINGERPRINT: a prompt as keyed hashes, fine enough to find where the next one of its
//! conversation first differs.
//!
//! A model reads anew all that stands behind the first difference. Each message and each tool has a
//! hash, each block of 64 bytes the hash of its message up to there, and each of the first bytes a
//! short one. Of the text only the beginning is here, for an excerpt, and is not remembered.

pub mod difference;
pub mod excerpt;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher;

pub use difference::DifferencePlace;

use super::prompt::{Keys, MessageRole, chain};

/// How many tools and messages are told apart; those beyond are one with the last.
pub const PARTS_MAX: usize = 512;

/// Bytes of a block, and how many blocks are kept: behind them a difference is known by its message
/// alone.
pub const BLOCK: usize = 64;
pub const BLOCKS_MAX: usize = 2048;

/// How many bytes from the start of the prompt have a hash of their own: behind them a difference
/// is known by its block.
pub const MARKS_MAX: usize = 4096;

/// The fingerprint of one prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fingerprint {
    parts: Vec<Part>,
    /// The hash of its part up to the end of each block.
    blocks: Vec<u64>,
    /// The same after each byte, shortened.
    marks: Vec<u16>,
    /// These bytes.
    head: Vec<u8>,
}

impl Fingerprint {
    /// Puts the tools and the messages of one prompt together, whichever came first in its body.
    /// Only messages keep their blocks and marks: of tools it is not asked where they differ.
    pub fn of_parts(tools: Fingerprint, messages: Vec<Fingerprint>) -> Fingerprint {
        let mut print = Fingerprint {
            parts: tools.parts,
            ..Fingerprint::default()
        };
        for next in messages {
            print.append(next);
        }
        print
    }

    /// Returns the hash of the tools, in their order, and how many bytes they have; 0 without any.
    pub fn tools_digest(&self) -> (u64, u64) {
        let tools = self.parts.iter().take_while(|part| part.role.is_none());
        tools.fold((0, 0), |(hash, bytes), tool| {
            (chain(hash, tool.hash), bytes + tool.bytes as u64)
        })
    }

    fn append(&mut self, next: Fingerprint) {
        if self.parts.is_empty() {
            *self = next;
            return;
        }
        let (block, mark) = (self.blocks.len(), self.marks.len());
        for part in next.parts {
            self.push(Part {
                block: (block + part.block).min(BLOCKS_MAX),
                mark: mark + part.mark,
                ..part
            });
        }
        let (blocks, marks) = (BLOCKS_MAX - block, MARKS_MAX - mark);
        self.blocks.extend(first(&next.blocks, blocks));
        self.marks.extend(first(&next.marks, marks));
        self.head.extend(first(&next.head, marks));
    }

    fn push(&mut self, part: Part) {
        if self.parts.len() < PARTS_MAX {
            self.parts.push(part);
        } else if let Some(last) = self.parts.last_mut() {
            last.hash = chain(last.hash, part.hash);
            last.bytes += part.bytes;
        }
    }

    /// Forgets the text.
    pub fn without_text(self) -> Fingerprint {
        Fingerprint {
            head: Vec::new(),
            ..self
        }
    }

    /// Returns the memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.parts.capacity() * size_of::<Part>()
            + self.blocks.capacity() * size_of::<u64>()
            + self.marks.capacity() * size_of::<u16>()
            + self.head.capacity()
    }
}

/// A tool or a message.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    /// `None` is a tool.
    role: Option<MessageRole>,
    hash: u64,
    bytes: usize,
    /// Where its blocks and its marks begin.
    block: usize,
    mark: usize,
}

/// Takes the parts of a prompt in their order, tools first, the text of each in pieces.
pub struct Printer {
    print: Fingerprint,
    /// Odd, as a factor has to be.
    key: u64,
    start: u64,
    current: Current,
}

/// The part that is being taken.
#[derive(Debug)]
struct Current {
    hash: u64,
    bytes: usize,
    /// The bytes since the last block ended.
    rest: [u8; BLOCK],
    /// The hash byte by byte, as long as there is room for marks.
    rolling: u64,
    block: usize,
    mark: usize,
}

impl Printer {
    pub fn new(keys: &Keys) -> Printer {
        let (key, start) = (keys.hash_one("factor") | 1, keys.hash_one("start"));
        let print = Fingerprint::default();
        Printer {
            current: Current::new(start, &print),
            print,
            key,
            start,
        }
    }

    /// Takes the next piece of the part's text.
    pub fn text(&mut self, piece: &str) {
        let piece = piece.as_bytes();
        self.mark(&piece[..piece.len().min(MARKS_MAX - self.print.marks.len())]);
        let mut rest = piece;
        while !rest.is_empty() {
            let filled = self.current.bytes % BLOCK;
            let taken = rest.len().min(BLOCK - filled);
            self.current.rest[filled..filled + taken].copy_from_slice(&rest[..taken]);
            self.current.bytes += taken;
            rest = &rest[taken..];
            if filled + taken == BLOCK {
                self.end_block();
            }
        }
    }

    /// Ends a message, whose role is known by then.
    pub fn message(&mut self, role: MessageRole) {
        self.end_part(Some(role));
    }

    /// Ends the definition of a tool.
    pub fn tool(&mut self) {
        self.end_part(None);
    }

    /// Forgets the text of the part that is being taken: it comes anew.
    pub fn restart(&mut self) {
        self.print.blocks.truncate(self.current.block);
        self.print.marks.truncate(self.current.mark);
        self.print.head.truncate(self.current.mark);
        self.current = Current::new(self.start, &self.print);
    }

    pub fn end(self) -> Fingerprint {
        self.print
    }

    fn mark(&mut self, piece: &[u8]) {
        let (mut rolling, key) = (self.current.rolling, self.key);
        // Of known length, so that room is made once.
        self.print.marks.extend(piece.iter().map(|byte| {
            let mixed = (rolling ^ u64::from(*byte)).wrapping_mul(key);
            rolling = mixed ^ (mixed >> 29);
            (rolling >> 48) as u16
        }));
        self.current.rolling = rolling;
        self.print.head.extend_from_slice(piece);
    }

    fn end_block(&mut self) {
        self.current.hash = absorb(self.current.hash, &self.current.rest, self.key);
        if self.print.blocks.len() < BLOCKS_MAX {
            self.print.blocks.push(self.current.hash);
        }
    }

    fn end_part(&mut self, role: Option<MessageRole>) {
        let filled = self.current.bytes % BLOCK;
        self.current.rest[filled..].fill(0);
        let rest = absorb(self.current.hash, &self.current.rest, self.key);
        let hash = absorb_word(rest, self.current.bytes as u64, self.key);
        let Current {
            bytes, block, mark, ..
        } = self.current;
        self.print.push(Part {
            role,
            hash,
            bytes,
            block,
            mark,
        });
        self.current = Current::new(self.start, &self.print);
    }
}

impl Current {
    fn new(start: u64, print: &Fingerprint) -> Current {
        Current {
            hash: start,
            bytes: 0,
            rest: [0; BLOCK],
            rolling: start,
            block: print.blocks.len(),
            mark: print.marks.len(),
        }
    }
}

fn first<T>(items: &[T], most: usize) -> &[T] {
    &items[..items.len().min(most)]
}

fn absorb(mut hash: u64, block: &[u8; BLOCK], key: u64) -> u64 {
    for word in block.as_chunks::<8>().0 {
        hash = absorb_word(hash, u64::from_le_bytes(*word), key);
    }
    hash
}

fn absorb_word(hash: u64, word: u64, key: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(key);
    mixed ^ (mixed >> 32)
}
