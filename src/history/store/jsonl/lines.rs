//! The lines of a day file, block by block, whichever program wrote it.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::bufread::{DeflateDecoder, GzDecoder};

use super::block::{Block, BlockKind};
use super::files::DayFile;
use super::line::read_line;
use crate::util::threads::lock;

/// Bytes that are read from a file at a time.
const READ_BUFFER_SIZE: usize = 64 * 1024;

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
