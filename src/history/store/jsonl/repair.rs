//! Repairing a day file whose last member a kill or a power cut left torn: it is cut, and the whole
//! lines in it are kept.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::Compression;

use super::aside::Aside;
use super::day::Day;
use super::files::{DayFile, Files};
use super::index::{Block, GZIP};
use super::lines::{Line, Lines, split};
use super::member::{BLOCK, Encoder};
use crate::history::store::{Result, failed};
use crate::util::threads::lock;

/// Lines are hardly ever this many times as long as their compressed form. Where they are, a block
/// grows.
const RATIO: u64 = 16;

/// Repairs the file of `day`, which must not be written meanwhile; returns whether that was
/// necessary.
pub fn repair(files: &Files, day: Day) -> Result<bool> {
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
    let doing = || format!("mend {}", path.display());
    if !is_torn_gzip(&file).map_err(failed(doing()))? {
        keep_beside(files, &file).map_err(failed(doing()))?;
    }
    let kept = without_torn_tail(files, file).map_err(failed(doing()))?;
    log::warn!(
        "cut a torn end of {} bytes off {} and kept the {kept} whole records in it",
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
fn keep_beside(files: &Files, file: &DayFile) -> io::Result<()> {
    let path = file.day.path_broken(&files.directory);
    let mut aside = Aside::create(&files.directory, file.day)?;
    aside.copy(file, file.index.whole, file.index.length)?;
    aside.keep_as(&path)?;
    log::warn!(
        "{} has something that is not gzip; it was moved to {}",
        file.path.display(),
        path.display()
    );
    Ok(())
}

fn without_torn_tail(files: &Files, file: Arc<DayFile>) -> io::Result<u64> {
    let mut aside = Aside::create(&files.directory, file.day)?;
    aside.copy(&file, 0, file.index.whole)?;
    let kept = keep_lines(&file, &mut aside)?;
    aside.replace(file)?;
    Ok(kept)
}

/// Writes the whole lines of the torn member as a new one. Returns their number.
fn keep_lines(file: &Arc<DayFile>, aside: &mut Aside) -> io::Result<u64> {
    let tail = Block {
        start: file.index.whole,
        end: file.index.length,
        ..Block::foreign(file.index.whole)
    };
    let mut torn = Lines::open(file, &tail);
    let room = (tail.end - tail.start) * RATIO / BLOCK + 1;
    let mut encoder = Encoder::new(&mut aside.file, Compression::fast(), room)?;
    let (mut chunk, mut kept) = (Vec::new(), 0);
    loop {
        let _torn = torn.chunk(&mut chunk, BLOCK as usize);
        let mut lines: Vec<Line> = split(&chunk).filter_map(Line::read).collect();
        lines.sort_unstable();
        for line in &lines {
            encoder.line(line.position.timestamp, &line.text)?;
        }
        encoder.end_block()?;
        kept += lines.len() as u64;
        if chunk.is_empty() {
            encoder.finish()?;
            return Ok(kept);
        }
    }
}
