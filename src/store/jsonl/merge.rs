//! Every line, oldest first, in flat memory: blocks are opened when their time has come, and merged through a heap.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use super::day::Day;
use super::files::{DayFile, Files};
use super::index::{Block, Kind};
use super::lines::{Line, Lines, split};
use crate::store::{Query, Result};

/// Bytes of lines that a block hands over at a time.
const CHUNK: usize = 64 * 1024;

/// Bytes of lines from a foreign member that are sorted in memory. It comes out sorted where no line is further from its place;
/// a history is written nearly in order.
const WINDOW: usize = 4 << 20;

/// Lines of many blocks, merged.
#[derive(Default)]
pub struct Merge {
    /// Blocks that wait for their time, the oldest at the end.
    waiting: Vec<(Arc<DayFile>, Block)>,
    open: BTreeMap<u64, Source>,
    opened: u64,
    heap: BinaryHeap<Reverse<(Line, u64)>>,
    chunk: Vec<u8>,
}

/// A block that has lines left, in it or in the heap.
struct Source {
    file: Arc<DayFile>,
    /// `None`: all of them are in the heap.
    lines: Option<Lines>,
    window: usize,
    /// Bytes of its lines in the heap.
    held: usize,
}

impl Merge {
    /// Adds those blocks of a file that are wanted.
    pub fn add(&mut self, file: &Arc<DayFile>, wanted: impl Fn(&Block) -> bool) {
        let blocks = file.index.blocks.iter().filter(|block| wanted(block));
        self.waiting.extend(blocks.map(|block| (file.clone(), *block)));
        self.waiting.sort_by(|(_, one), (_, other)| other.first.total_cmp(&one.first));
    }

    /// The oldest line that is left, and the file that it is of.
    pub fn next(&mut self) -> Option<(Line, Arc<DayFile>)> {
        loop {
            let now = self.heap.peek().map(|Reverse((line, _))| line.position.timestamp);
            match self.waiting.pop_if(|(_, block)| now.is_none_or(|now| block.first <= now)) {
                Some((file, block)) => self.open(file, &block),
                None => break,
            }
        }
        let Reverse((line, number)) = self.heap.pop()?;
        let file = self.open.get(&number)?.file.clone();
        self.refill(number, line.text.len());
        Some((line, file))
    }

    /// No line that is left is older than this. `None` where none is left.
    fn upcoming(&self) -> Option<f64> {
        let open = self.heap.peek().map(|Reverse((line, _))| line.position.timestamp);
        let waiting = self.waiting.last().map(|(_, block)| block.first);
        open.into_iter().chain(waiting).min_by(f64::total_cmp)
    }

    fn open(&mut self, file: Arc<DayFile>, block: &Block) {
        let window = if block.kind == Kind::Ours { 1 } else { WINDOW };
        let lines = Some(Lines::open(&file, block));
        self.opened += 1;
        self.open.insert(self.opened, Source { file, lines, window, held: 0 });
        self.refill(self.opened, 0);
    }

    /// Sees to it that the heap holds enough of a source, `left` bytes of which have just left it.
    fn refill(&mut self, number: u64, left: usize) {
        let Some(source) = self.open.get_mut(&number) else { return };
        source.held -= left;
        while source.held < source.window
            && let Some(lines) = &mut source.lines
        {
            lines.chunk(&mut self.chunk, CHUNK);
            if self.chunk.is_empty() {
                source.lines = None;
            }
            for text in split(&self.chunk) {
                match Line::read(text) {
                    Some(line) => {
                        source.held += line.text.len();
                        self.heap.push(Reverse((line, number)));
                    }
                    None => source.file.count_unreadable(),
                }
            }
        }
        if source.held == 0 {
            self.open.remove(&number);
        }
    }
}

/// The lines of many days that a query may mean, merged. A day's file is opened when its time has come.
pub struct Days<'a> {
    files: &'a Files,
    query: &'a Query,
    /// With the time of their first record, the oldest at the end.
    waiting: Vec<(f64, Day)>,
    merge: Merge,
}

impl<'a> Days<'a> {
    pub fn new(files: &'a Files, query: &'a Query) -> Result<Days<'a>> {
        let mut indexes = files.indexes()?;
        indexes.retain(|(_, index)| query.overlaps(index.first(), index.last()));
        let mut waiting: Vec<(f64, Day)> = indexes.iter().map(|(day, index)| (index.first(), *day)).collect();
        waiting.sort_by(|one, other| other.0.total_cmp(&one.0));
        Ok(Days { files, query, waiting, merge: Merge::default() })
    }

    /// The oldest line that is left, and the file that it is of.
    pub fn next(&mut self) -> Result<Option<(Line, Arc<DayFile>)>> {
        loop {
            let upcoming = self.merge.upcoming();
            let Some((_, day)) = self.waiting.pop_if(|(first, _)| upcoming.is_none_or(|time| *first <= time)) else {
                return Ok(self.merge.next());
            };
            if let Some(file) = self.files.open(day)? {
                self.merge.add(&file, |block| self.query.overlaps(block.first, block.last));
            }
        }
    }
}
