//! Every line, oldest first, in bounded memory.
//!
//! Where requests took long, blocks overlap in time, thousands of them in the worst case. So they
//! are not read side by side but one after the other, in passes: each takes the oldest lines that
//! are left, as many as there is room for.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use super::block::Block;
use super::day::Day;
use super::files::{DayFile, DayFiles};
use super::line::{RecordLine, position, split};
use super::lines::BlockLines;
use crate::history::record::Position;
use crate::history::store::{Query, Result};
use crate::util::interrupt;

/// Bytes of lines that a pass holds; more means fewer passes over blocks that span much time.
const PASS_MEMORY_MAX: usize = 16 << 20;

/// The bytes, about, that a line takes beside its text.
const LINE_OVERHEAD: usize = 200;

/// Bytes of lines that a block hands over at a time.
const CHUNK_SIZE: usize = 64 * 1024;

/// Lines of many blocks, merged.
pub struct Merge {
    /// Blocks that have lines left, sorted by their first time.
    sources: Vec<Source>,
    /// The beginning of the next pass.
    from: Key,
    /// The lines of the last pass that were not returned yet.
    held: BTreeMap<Key, Arc<DayFile>>,
    room: usize,
    /// The lines are an answer that may become unwanted. (Else they are to be written again.)
    may_end_early: bool,
}

struct Source {
    file: Arc<DayFile>,
    /// Number of the block in the file's index.
    block: u32,
    /// A pass has read it, and counted what cannot be read.
    seen: bool,
}

/// A line, and its place, so that no two are equal.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    line: RecordLine,
    place: Option<(Day, u64, u64)>,
}

impl Key {
    /// Makes a key before every line of this time, and behind every older one.
    fn at(timestamp: f64) -> Key {
        Key {
            line: RecordLine {
                position: Position {
                    timestamp,
                    id: String::new(),
                },
                text: Vec::new(),
            },
            place: None,
        }
    }

    fn time(&self) -> f64 {
        self.line.position.timestamp
    }

    fn bytes(&self) -> usize {
        self.line.text.len() + LINE_OVERHEAD
    }
}

impl Merge {
    pub fn new() -> Merge {
        Merge::with_room(PASS_MEMORY_MAX)
    }

    pub fn with_room(room: usize) -> Merge {
        Merge {
            sources: Vec::new(),
            from: Key::at(f64::NEG_INFINITY),
            held: BTreeMap::new(),
            room,
            may_end_early: false,
        }
    }

    /// Adds those blocks of a file that are wanted. They must not have a line that is older than
    /// one that was returned already.
    pub fn add(&mut self, file: &Arc<DayFile>, wanted: impl Fn(&Block) -> bool) {
        let blocks = (0..)
            .zip(&file.index.blocks)
            .filter(|(_, block)| wanted(block));
        self.sources.extend(blocks.map(|(block, _)| Source {
            file: file.clone(),
            block,
            seen: false,
        }));
        self.sources
            .sort_by(|one, other| one.block().first.total_cmp(&other.block().first));
    }

    /// Returns the oldest line that is left, and its file, if it is from before `end`. After it
    /// returned one, the next call must name the same end.
    pub fn next(&mut self, end: f64) -> Option<(RecordLine, Arc<DayFile>)> {
        if self.held.is_empty() {
            self.pass(end);
        }
        self.held.pop_first().map(|(key, file)| (key.line, file))
    }

    #[cfg(test)]
    pub fn bytes_held(&self) -> usize {
        self.held.keys().map(Key::bytes).sum()
    }

    /// Reads the oldest lines from before `end`.
    fn pass(&mut self, end: f64) {
        let mut pass = Pass {
            from: &self.from,
            until: Key::at(end),
            held: BTreeMap::new(),
            bytes: 0,
            room: self.room,
            may_end_early: self.may_end_early,
        };
        for source in &mut self.sources {
            if source.block().first > pass.until.time() {
                break;
            }
            pass.read(source);
        }
        (self.held, self.from) = (pass.held, pass.until);
        let from = self.from.time();
        // A block in which nothing can be read has its first time at infinity, and is read then, to
        // be counted.
        self.sources
            .retain(|source| source.block().last >= from || source.block().first > from);
    }
}

impl Source {
    fn block(&self) -> &Block {
        &self.file.index.blocks[self.block as usize]
    }
}

/// The oldest lines from `from` on that there is room for: all before `until`.
struct Pass<'a> {
    from: &'a Key,
    until: Key,
    held: BTreeMap<Key, Arc<DayFile>>,
    bytes: usize,
    room: usize,
    may_end_early: bool,
}

impl Pass<'_> {
    fn read(&mut self, source: &mut Source) {
        let file = source.file.clone();
        let (first_time, start) = (!mem::replace(&mut source.seen, true), source.block().start);
        let mut lines = BlockLines::open(&file, source.block());
        let (mut chunk, mut number, mut unreadable) = (Vec::new(), 0, 0);
        loop {
            unreadable += u64::from(lines.chunk(&mut chunk, CHUNK_SIZE).is_err());
            if chunk.is_empty() || self.may_end_early && interrupt::is_unwanted() {
                break;
            }
            for text in split(&chunk) {
                number += 1;
                match position(text) {
                    Some(position) => self.offer(position, text, (file.day, start, number), &file),
                    None => unreadable += 1,
                }
            }
        }
        if first_time {
            file.count_unreadable(unreadable);
        }
    }

    fn offer(
        &mut self,
        position: Position,
        text: &[u8],
        place: (Day, u64, u64),
        file: &Arc<DayFile>,
    ) {
        if position < self.from.line.position || position > self.until.line.position {
            return;
        }
        let key = Key {
            line: RecordLine {
                position,
                text: text.to_vec(),
            },
            place: Some(place),
        };
        if key < *self.from || key >= self.until {
            return;
        }
        self.bytes += key.bytes();
        self.held.insert(key, file.clone());
        while self.bytes > self.room
            && self.held.len() > 1
            && let Some((newest, _)) = self.held.pop_last()
        {
            self.bytes -= newest.bytes();
            self.until = newest;
        }
    }
}

/// The lines of many days that may match a query, merged. A day's file is opened when its time has
/// come.
pub struct DayMerge<'a> {
    files: &'a DayFiles,
    query: &'a Query,
    /// Days with the time of their first record, the oldest at the end.
    waiting: Vec<(f64, Day)>,
    merge: Merge,
}

impl<'a> DayMerge<'a> {
    pub fn new(files: &'a DayFiles, query: &'a Query) -> Result<DayMerge<'a>> {
        let mut indexes = files.indexes()?;
        indexes.retain(|(_, index)| query.overlaps(index.first(), index.last()));
        let mut waiting: Vec<(f64, Day)> = indexes
            .iter()
            .map(|(day, index)| (index.first(), *day))
            .collect();
        waiting.sort_by(|one, other| other.0.total_cmp(&one.0));
        Ok(DayMerge {
            files,
            query,
            waiting,
            merge: Merge {
                may_end_early: true,
                ..Merge::new()
            },
        })
    }

    /// Returns the oldest line that is left, and its file.
    pub fn next(&mut self) -> Result<Option<(RecordLine, Arc<DayFile>)>> {
        loop {
            let end = self
                .waiting
                .last()
                .map_or(f64::INFINITY, |(first, _)| *first);
            if let Some(found) = self.merge.next(end) {
                return Ok(Some(found));
            }
            let Some((_, day)) = self.waiting.pop() else {
                return Ok(None);
            };
            if let Some(file) = self.files.open(day)? {
                self.merge
                    .add(&file, |block| self.query.overlaps(block.first, block.last));
            }
        }
    }
}
