//! A gzip member that this program writes: what one write appends, or a whole day once it is over.
//!
//! It is an ordinary member (RFC 1952) of JSON lines, and its header lists its blocks, so that
//! readers skip from member to member, and to the times they want, without inflating. Its lines are
//! in blocks, each sorted by time. A block ends in a full flush, so that it can be inflated alone.
//! The extra field has one subfield `OT`, all little-endian, with 32 bytes a block:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length, compressed; 0 in an entry that is not used |
//! | 4 | length, inflated |
//! | 4 | lines |
//! | 4 | reserved, 0 |
//! | 8, 8 | time of the first and of the last record (Unix seconds, IEEE 754) |

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::mem;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::block::{Block, BlockKind};

/// Magic number, deflate, an extra field and nothing else, no time, level unknown, system unknown.
const MEMBER_START: [u8; 10] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff];
const SUBFIELD: [u8; 2] = *b"OT";
const ENTRY_SIZE: usize = 32;

/// Bytes before the entries: `MEMBER_START`, the length of the extra field, and the name and length
/// of the subfield.
const HEAD_SIZE: u64 = 16;

/// CRC and length at the end of a member.
const TRAILER_SIZE: u64 = 8;

/// The most entries that fit into an extra field (65,535 bytes).
pub const BLOCKS_MAX: u64 = 2_047;

/// Bytes, inflated, at which a block is full. It takes a longer one where a member would have more
/// than `BLOCKS_MAX`.
pub const BLOCK_SIZE: u64 = 1 << 20;

/// Compressed bytes that are buffered before they go to the sink.
const BUFFER_SIZE: usize = 64 * 1024;

/// Writes one member at the position of the sink; without a line, nothing is written.
pub struct MemberEncoder<W> {
    sink: W,
    deflate: Compress,
    crc: Crc,
    start: u64,
    room: usize,
    entries: Vec<Entry>,
    /// Bytes of the lines in the block that lines are added to.
    open: u64,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Entry {
    length: u32,
    inflated: u32,
    lines: u32,
    first: f64,
    last: f64,
}

impl<W: Write + Seek> MemberEncoder<W> {
    /// Begins a member of at most `room` blocks.
    pub fn new(mut sink: W, level: Compression, room: u64) -> io::Result<MemberEncoder<W>> {
        let start = sink.stream_position()?;
        let room = room.clamp(1, BLOCKS_MAX) as usize;
        let (entries, buffer) = (Vec::new(), Vec::with_capacity(BUFFER_SIZE));
        Ok(MemberEncoder {
            sink,
            deflate: Compress::new(level, false),
            crc: Crc::new(),
            start,
            room,
            entries,
            open: 0,
            buffer,
        })
    }

    /// Adds a line, and its end. The lines of a block come sorted by `time` (Unix seconds).
    pub fn line(&mut self, time: f64, text: &[u8]) -> io::Result<()> {
        if self.open == 0 {
            self.begin_block(time)?;
        }
        let length = text.len() as u64 + 1;
        self.open += length;
        if let Some(entry) = self.entries.last_mut() {
            entry.inflated += length as u32;
            entry.lines += 1;
            (entry.first, entry.last) = (entry.first.min(time), entry.last.max(time));
        }
        for part in [text, b"\n"] {
            self.crc.update(part);
            self.deflate(part, FlushCompress::None)?;
        }
        Ok(())
    }

    /// Returns the inflated bytes in the block that lines are added to.
    pub fn open(&self) -> u64 {
        self.open
    }

    /// Ends the block, so that the next line begins another. Beyond the room for blocks, the last
    /// one grows.
    pub fn end_block(&mut self) -> io::Result<()> {
        if mem::take(&mut self.open) > 0 {
            self.deflate(&[], FlushCompress::Full)?;
        }
        Ok(())
    }

    /// Ends the member and returns the sink, positioned behind it.
    pub fn finish(mut self) -> io::Result<W> {
        if self.entries.is_empty() {
            return Ok(self.sink);
        }
        self.end_block()?;
        self.deflate(&[], FlushCompress::Finish)?;
        self.sink.write_all(&self.crc.sum().to_le_bytes())?;
        self.sink.write_all(&self.crc.amount().to_le_bytes())?;
        self.sink.seek(SeekFrom::Start(self.start))?;
        self.sink.write_all(&header(&self.entries, self.room))?;
        self.sink.seek(SeekFrom::End(0))?;
        Ok(self.sink)
    }

    fn begin_block(&mut self, time: f64) -> io::Result<()> {
        if self.entries.is_empty() {
            self.sink
                .write_all(&vec![0; HEAD_SIZE as usize + self.room * ENTRY_SIZE])?;
        }
        if self.entries.len() < self.room {
            self.entries.push(Entry {
                length: 0,
                inflated: 0,
                lines: 0,
                first: time,
                last: time,
            });
        }
        Ok(())
    }

    /// Compresses all of it into the last block. The output goes to the sink when the buffer is
    /// full, or at a flush.
    fn deflate(&mut self, mut input: &[u8], flush: FlushCompress) -> io::Result<()> {
        loop {
            let before = self.deflate.total_in();
            let status = self.deflate.compress_vec(input, &mut self.buffer, flush)?;
            input = &input[(self.deflate.total_in() - before) as usize..];
            // With room left behind the output, the compressor holds nothing back.
            let has_room = self.buffer.len() < self.buffer.capacity();
            let is_flush = flush != FlushCompress::None;
            if is_flush || !has_room {
                self.flush_buffer()?;
            }
            let is_done = if flush == FlushCompress::Finish {
                status == Status::StreamEnd
            } else {
                input.is_empty() && (has_room || !is_flush)
            };
            if is_done {
                return Ok(());
            }
        }
    }

    fn flush_buffer(&mut self) -> io::Result<()> {
        self.sink.write_all(&self.buffer)?;
        if let Some(entry) = self.entries.last_mut() {
            entry.length += self.buffer.len() as u32;
        }
        self.buffer.clear();
        Ok(())
    }
}

fn header(entries: &[Entry], room: usize) -> Vec<u8> {
    let length = (room * ENTRY_SIZE) as u16;
    let mut bytes = MEMBER_START.to_vec();
    bytes.extend((length + 4).to_le_bytes());
    bytes.extend(SUBFIELD);
    bytes.extend(length.to_le_bytes());
    for entry in entries {
        for number in [entry.length, entry.inflated, entry.lines, 0] {
            bytes.extend(number.to_le_bytes());
        }
        for time in [entry.first, entry.last] {
            bytes.extend(time.to_le_bytes());
        }
    }
    bytes.resize(HEAD_SIZE as usize + room * ENTRY_SIZE, 0);
    bytes
}

/// The blocks of a member that this program wrote, and its end.
pub struct MemberLayout {
    pub blocks: Vec<Block>,
    pub end: u64,
}

/// Reads the header of the member that begins at `start`, where `reader` is. Returns `None` for a
/// foreign member, and an error of kind `UnexpectedEof` for an incomplete one.
pub fn layout(reader: &mut impl Read, start: u64) -> io::Result<Option<MemberLayout>> {
    let mut head = [0; HEAD_SIZE as usize];
    reader.read_exact(&mut head)?;
    let length = u16::from_le_bytes([head[14], head[15]]);
    let is_native = head[..10] == MEMBER_START
        && head[12..14] == SUBFIELD
        && u16::from_le_bytes([head[10], head[11]]) == length.wrapping_add(4);
    if !is_native || !usize::from(length).is_multiple_of(ENTRY_SIZE) {
        return Ok(None);
    }
    let mut entries = vec![0; usize::from(length)];
    reader.read_exact(&mut entries)?;
    Ok(blocks(
        &entries,
        start,
        start + HEAD_SIZE + u64::from(length),
    ))
}

fn blocks(entries: &[u8], member: u64, mut start: u64) -> Option<MemberLayout> {
    let mut blocks = Vec::new();
    for entry in entries.as_chunks::<ENTRY_SIZE>().0 {
        let entry = Entry::read(entry);
        if entry.length > 0 {
            let in_order = entry.first <= entry.last;
            if !in_order {
                return None; // or not numbers
            }
            let end = start + u64::from(entry.length);
            let (inflated, lines, first, last) = (
                u64::from(entry.inflated),
                u64::from(entry.lines),
                entry.first,
                entry.last,
            );
            blocks.push(Block {
                member,
                start,
                end,
                kind: BlockKind::Native,
                inflated,
                lines,
                first,
                last,
            });
            start = end;
        }
    }
    (!blocks.is_empty()).then_some(MemberLayout {
        blocks,
        end: start + TRAILER_SIZE,
    })
}

impl Entry {
    fn read(bytes: &[u8; ENTRY_SIZE]) -> Entry {
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let time = |at: usize| f64::from_bits(u64::from(word(at)) | u64::from(word(at + 4)) << 32);
        Entry {
            length: word(0),
            inflated: word(4),
            lines: word(8),
            first: time(16),
            last: time(24),
        }
    }
}
