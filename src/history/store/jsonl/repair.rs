//! Repairing a day file whose last member a kill or a power cut left torn: it is cut, and the whole
//! lines in it are kept.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::Compression;

use super::block::Block;
use super::day::Day;
use super::files::{DayFile, DayFiles};
use super::index::GZIP;
use super::line::{RecordLine, split};
use super::lines::BlockLines;
use super::member::{BLOCK_SIZE, MemberEncoder};
use super::replacement::Replacement;
use crate::history::store::{Result, failed};
use crate::util::threads::lock;

/// Lines are hardly ever this many times as long as their compressed form. Where they are, a block
/// grows.
const COMPRESSION_RATIO_MAX: u64 = 16;

/// Repairs the file of `day`, which must not be written meanwhile; returns whether that was
/// necessary.
pub fn repair(files: &DayFiles, day: Day) -> Result<bool> {
    let Some(file) = files.open(day)? else {
        return Ok(false);
    };
    let (whole, length) = (file.index.whole, file.index.length);
    if length == 0 {
        // Created, and not yet written when the kill came; `zcat` takes an empty file for a torn
        // one.
        fs::remove_file(&file.path).map_err(failed(format!("remove {}", file.path.display())))?;
    }
    if whole == length {
        return Ok(false);
    }
    let path = file.path.clone();
    let operation = format!("mend {}", path.display());
    if !is_torn_gzip(&file).map_err(failed(&operation))? {
        keep_beside(files, &file).map_err(failed(&operation))?;
    }
    let records = without_torn_tail(files, file).map_err(failed(&operation))?;
    log::warn!(
        "cut a torn end of {} bytes off {} and kept the {records} whole records in it",
        length - whole,
        path.display()
    );
    Ok(true)
}

/// Returns whether what follows the last whole member may be the beginning of another, which a kill
/// left.
fn is_torn_gzip(file: &DayFile) -> io::Result<bool> {
    let mut head = Vec::new();
    let mut file_at_tail = lock(&file.file);
    file_at_tail.seek(SeekFrom::Start(file.index.whole))?;
    (&mut *file_at_tail)
        .take(GZIP.len() as u64)
        .read_to_end(&mut head)?;
    Ok(GZIP.starts_with(&head))
}

/// Copies the tail, which another program must have written, to a file of its own: unknown bytes
/// are not deleted.
fn keep_beside(files: &DayFiles, file: &DayFile) -> io::Result<()> {
    let path = file.day.path_broken(&files.directory);
    let mut replacement = Replacement::create(&files.directory, file.day)?;
    replacement.copy(file, file.index.whole, file.index.length)?;
    replacement.keep_as(&path)?;
    log::warn!(
        "{} has something that is not gzip; it was moved to {}",
        file.path.display(),
        path.display()
    );
    Ok(())
}

fn without_torn_tail(files: &DayFiles, file: Arc<DayFile>) -> io::Result<u64> {
    let mut replacement = Replacement::create(&files.directory, file.day)?;
    replacement.copy(&file, 0, file.index.whole)?;
    let records = keep_lines(&file, &mut replacement)?;
    replacement.replace(file)?;
    Ok(records)
}

/// Writes the whole lines of the torn member as a new one. Returns their number.
fn keep_lines(file: &Arc<DayFile>, replacement: &mut Replacement) -> io::Result<u64> {
    let tail = Block {
        start: file.index.whole,
        end: file.index.length,
        ..Block::foreign(file.index.whole)
    };
    let mut torn = BlockLines::open(file, &tail);
    let room = (tail.end - tail.start) * COMPRESSION_RATIO_MAX / BLOCK_SIZE + 1;
    let mut encoder = MemberEncoder::new(replacement.file(), Compression::fast(), room)?;
    let (mut chunk, mut records) = (Vec::new(), 0);
    loop {
        let _torn = torn.chunk(&mut chunk, BLOCK_SIZE as usize);
        let mut lines: Vec<RecordLine> = split(&chunk).filter_map(RecordLine::read).collect();
        lines.sort_unstable();
        for line in &lines {
            encoder.line(line.position.timestamp, &line.text)?;
        }
        encoder.end_block()?;
        records += lines.len() as u64;
        if chunk.is_empty() {
            encoder.finish()?;
            return Ok(records);
        }
    }
}
