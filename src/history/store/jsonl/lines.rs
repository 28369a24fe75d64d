//! The lines of a day file, block by block, whichever program wrote it.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::bufread::{DeflateDecoder, GzDecoder};
use serde::Deserialize;

use super::files::DayFile;
use super::index::{Block, BlockKind};
use crate::history::record::{Position, Record};
use crate::util::threads::lock;

/// The longest line that is read; the tap's records are far shorter. A longer one is unreadable.
const LINE_MAX: u64 = 64 << 20;

/// Bytes that are read from a file at a time.
const READ_BUFFER_SIZE: usize = 64 * 1024;

/// One record as it is in its file, without its line end.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordLine {
    pub position: Position,
    pub text: Vec<u8>,
}

#[derive(Deserialize)]
struct Key<'a> {
    #[serde(default, borrow)]
    interaction_id: Cow<'a, str>,
    #[serde(default)]
    timestamp: f64,
}

impl RecordLine {
    /// Reads a line; `None` where it is not a record.
    pub fn read(text: &[u8]) -> Option<RecordLine> {
        let position = position(text)?;
        Some(RecordLine {
            position,
            text: text.to_vec(),
        })
    }
}

/// Returns the position of the record on this line; `None` where it is not a record.
pub fn position(line: &[u8]) -> Option<Position> {
    match serde_json::from_slice::<Key>(line) {
        Ok(key) => Some(Position {
            timestamp: key.timestamp,
            id: key.interaction_id.into_owned(),
        }),
        Err(_) => Record::read(line).map(|record| record.position()),
    }
}

/// The lines of one block.
pub struct BlockLines {
    reader: Box<dyn BufRead + Send>,
}

impl BlockLines {
    pub fn open(file: &Arc<DayFile>, block: &Block) -> BlockLines {
        let section = BufReader::with_capacity(
            READ_BUFFER_SIZE.min((block.end - block.start) as usize),
            Section {
                file: file.clone(),
                at: block.start,
                end: block.end,
            },
        );
        let reader: Box<dyn BufRead + Send> = match block.kind {
            // Limited to the block, for the stream goes on in the next one.
            BlockKind::Native => Box::new(BufReader::new(
                DeflateDecoder::new(section).take(block.inflated),
            )),
            BlockKind::Foreign => Box::new(BufReader::new(GzDecoder::new(section))),
        };
        BlockLines { reader }
    }

    /// Puts whole lines into `chunk`, about `bytes` of them; it stays empty at the end. With an
    /// error, these are the last ones that can be read.
    pub fn chunk(&mut self, chunk: &mut Vec<u8>, bytes: usize) -> io::Result<()> {
        chunk.clear();
        self.fill(chunk, bytes).inspect_err(|_damaged| {
            let whole = memchr::memrchr(b'\n', chunk).map_or(0, |end| end + 1);
            chunk.truncate(whole);
            self.reader = Box::new(io::empty());
        })
    }

    fn fill(&mut self, chunk: &mut Vec<u8>, bytes: usize) -> io::Result<()> {
        while chunk.len() < bytes {
            let ready = self.reader.fill_buf()?;
            if ready.is_empty() {
                return Ok(());
            }
            let taken = ready.len().min(bytes - chunk.len());
            chunk.extend_from_slice(&ready[..taken]);
            self.reader.consume(taken);
        }
        if chunk.last() != Some(&b'\n') {
            read_line(&mut self.reader, chunk)?;
        }
        Ok(())
    }
}

/// Reads to the end of a line. Returns the number of bytes.
pub fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let read = reader.take(LINE_MAX).read_until(b'\n', line)?;
    if read as u64 == LINE_MAX {
        Err(io::ErrorKind::InvalidData.into())
    } else {
        Ok(read)
    }
}

/// Returns the lines of a chunk that are not empty.
pub fn split(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = chunk;
    let lines = std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, behind) = rest.split_at_checked(end)?;
        let more = !rest.is_empty();
        rest = behind.get(1..).unwrap_or_default();
        more.then_some(line)
    });
    lines
        .map(without_mark)
        .filter(|line| !line.trim_ascii().is_empty())
}

/// Returns a line without the byte order mark that some editors and shells of Windows put in front
/// of a file.
pub fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}

/// A part of a day file.
struct Section {
    file: Arc<DayFile>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let wanted = into.len().min((self.end - self.at) as usize);
        let mut file = lock(&self.file.file);
        file.seek(SeekFrom::Start(self.at))?;
        let read = file.read(&mut into[..wanted])?;
        self.at += read as u64;
        Ok(read)
    }
}
