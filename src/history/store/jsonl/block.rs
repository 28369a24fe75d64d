//! A block: the part of a day file that is read at once.

/// Lines that are read together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// The offset of its member in the file.
    pub member: u64,
    pub start: u64,
    pub end: u64,
    pub kind: BlockKind,
    /// Bytes, inflated.
    pub inflated: u64,
    pub lines: u64,
    /// Unix seconds. Where nothing in it can be read, `first` is greater than `last`.
    pub first: f64,
    pub last: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Sorted; a deflate stream of its own within a member.
    Native,
    /// In any order; a whole gzip member.
    Foreign,
}

impl Block {
    /// Makes the block of a foreign member that begins at `start`, of which nothing else is known.
    pub fn foreign(start: u64) -> Block {
        let (first, last) = (f64::INFINITY, f64::NEG_INFINITY);
        Block {
            member: start,
            start,
            end: start,
            kind: BlockKind::Foreign,
            inflated: 0,
            lines: 0,
            first,
            last,
        }
    }
}
