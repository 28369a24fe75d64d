//! The blocks of a day file, with their offsets and times. Members that this program wrote have
//! them in their headers; foreign ones are inflated once to learn them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use flate2::bufread::GzDecoder;

use super::block::{Block, BlockKind};
use super::line::{position, read_line, without_mark};
use super::member::{self, MemberLayout};

/// The first bytes of a gzip member: magic number, deflate.
pub const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// The blocks of one state of a file.
#[derive(Clone, Debug, Default)]
pub struct Index {
    pub length: u64,
    modified: Option<SystemTime>,
    /// The end of the last whole member. What follows is torn, or just being written.
    pub whole: u64,
    pub blocks: Vec<Block>,
    /// It was logged already that a part of it cannot be read.
    pub reported: Arc<AtomicBool>,
}

impl Index {
    /// Indexes `file`, and reuses what was known of it before.
    pub fn of(file: &File, before: Option<&Arc<Index>>) -> io::Result<Arc<Index>> {
        let state = file.metadata()?;
        let (length, modified) = (state.len(), state.modified().ok());
        let mut index = match before {
            Some(index) if (index.length, index.modified) == (length, modified) => {
                return Ok(index.clone());
            }
            Some(index) if index.is_beginning_of(file)? => Index::clone(index),
            _ => Index::default(),
        };
        (index.length, index.modified) = (length, modified);
        index.extend(file)?;
        Ok(Arc::new(index))
    }

    pub fn first(&self) -> f64 {
        self.blocks
            .iter()
            .map(|block| block.first)
            .fold(f64::INFINITY, f64::min)
    }

    pub fn last(&self) -> f64 {
        self.blocks
            .iter()
            .map(|block| block.last)
            .fold(f64::NEG_INFINITY, f64::max)
    }

    /// Returns the newest of its times up to a moment; of a block that goes beyond the moment, only
    /// the first time is known.
    pub fn last_until(&self, moment: f64) -> Option<f64> {
        let times = self.blocks.iter().map(|block| {
            if block.last <= moment {
                block.last
            } else {
                block.first
            }
        });
        times
            .filter(|time| *time <= moment && time.is_finite())
            .max_by(f64::total_cmp)
    }

    pub fn lines(&self) -> u64 {
        self.blocks.iter().map(|block| block.lines).sum()
    }

    pub fn inflated(&self) -> u64 {
        self.blocks.iter().map(|block| block.inflated).sum()
    }

    /// Returns whether it is one sorted member that this program wrote.
    pub fn is_compact(&self) -> bool {
        self.blocks
            .iter()
            .all(|block| block.member == 0 && block.kind == BlockKind::Native)
            && self.blocks.is_sorted_by(|one, next| one.last <= next.first)
    }

    /// Returns whether the file still begins as indexed: its last member has the same header.
    fn is_beginning_of(&self, mut file: &File) -> io::Result<bool> {
        let Some(last) = self
            .blocks
            .last()
            .filter(|last| last.kind == BlockKind::Native)
        else {
            return Ok(false);
        };
        file.seek(SeekFrom::Start(last.member))?;
        let now = member::layout(&mut BufReader::new(file), last.member);
        Ok(now.is_ok_and(|now| {
            now.is_some_and(|now| now.end == self.whole && now.blocks.last() == Some(last))
        }))
    }

    /// Adds the members from the last known one to the end of the file.
    fn extend(&mut self, mut file: &File) -> io::Result<()> {
        let mut start = self.whole;
        file.seek(SeekFrom::Start(start))?;
        let mut reader = BufReader::new(file);
        let mut broken = None;
        while start < self.length {
            match member(&mut reader, start, self.length)? {
                Member::Whole(layout) => {
                    self.blocks.extend(broken.take().map(|block| Block {
                        end: start,
                        ..block
                    }));
                    self.blocks.extend(layout.blocks);
                    self.whole = layout.end;
                    start = layout.end;
                }
                Member::Broken(block) => {
                    broken = broken.or(Some(block));
                    reader.seek(SeekFrom::Start(start + 1))?;
                    start = next_start(&mut reader)?.unwrap_or(self.length);
                }
            }
            let read = reader.stream_position()?;
            reader.seek_relative(start as i64 - read as i64)?;
        }
        Ok(())
    }
}

enum Member {
    Whole(MemberLayout),
    /// Torn or damaged; the block of what can be read of it.
    Broken(Block),
}

/// Reads the member at `start`, where `reader` is, in a file of this length.
fn member(reader: &mut BufReader<&File>, start: u64, length: u64) -> io::Result<Member> {
    match member::layout(reader, start) {
        Ok(Some(layout)) if layout.end <= length => Ok(Member::Whole(layout)),
        Err(e) if e.kind() != ErrorKind::UnexpectedEof => Err(e),
        _ => {
            reader.seek(SeekFrom::Start(start))?;
            foreign(reader, start, length)
        }
    }
}

/// Inflates the foreign member at `start`.
fn foreign(reader: &mut BufReader<&File>, start: u64, length: u64) -> io::Result<Member> {
    let mut block = Block::foreign(start);
    let mut lines = BufReader::new(GzDecoder::new(&mut *reader));
    let mut line = Vec::new();
    loop {
        line.clear();
        match read_line(&mut lines, &mut line) {
            Ok(0) => break,
            Ok(read) => block.inflated += read as u64,
            Err(_broken) => return Ok(Member::Broken(block)),
        }
        if let Some(position) = position(without_mark(&line)) {
            block.lines += 1;
            block.first = block.first.min(position.timestamp);
            block.last = block.last.max(position.timestamp);
        }
    }
    block.end = reader.stream_position()?;
    // A file that grows meanwhile is read as it was.
    Ok(if block.end <= length {
        Member::Whole(MemberLayout {
            blocks: vec![block],
            end: block.end,
        })
    } else {
        Member::Broken(block)
    })
}

/// Finds the next offset at which a member may begin, behind a broken one.
fn next_start(reader: &mut BufReader<&File>) -> io::Result<Option<u64>> {
    while reader.skip_until(GZIP[0])? > 0 {
        let mut next = [0; GZIP.len() - 1];
        match reader.read_exact(&mut next) {
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        reader.seek_relative(-(next.len() as i64))?;
        if next == GZIP[1..] {
            return Ok(Some(reader.stream_position()? - 1));
        }
    }
    Ok(None)
}
