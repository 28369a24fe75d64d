//! Rewriting a whole day file: sorted and in one member once the day is over, or without the
//! records that must go.

use std::fs;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::sync::Arc;

use flate2::Compression;

use super::Jsonl;
use super::day::Day;
use super::files::DayFile;
use super::line::RecordLine;
use super::member::{BLOCK_SIZE, BLOCKS_MAX, MemberEncoder};
use super::merge::Merge;
use super::replacement::Replacement;
use crate::history::store::{Result, failed_io};
use crate::platform;
use crate::util::threads::lock;

/// A day that is over is written once and kept for long.
const COMPRESSION_LEVEL: Compression = Compression::new(6);

impl Jsonl {
    /// Makes one sorted member of the file of a day that is over; returns whether that was
    /// necessary. A file that cannot be read in full stays as it is.
    pub(super) fn compact(&self, day: Day) -> Result<bool> {
        let Some(file) = self.files.open(day)? else {
            return Ok(false);
        };
        if file.index.is_compact()
            || file
                .index
                .reported
                .load(std::sync::atomic::Ordering::Relaxed)
        {
            return Ok(false);
        }
        self.replace(file, |file, replacement| {
            let written = write_merged(file, replacement.file(), |_| true)?;
            Ok(file.unreadable() == 0 && written.kept == file.index.lines())
        })
    }

    /// Rewrites the file of `day` without the lines from before this time. Returns their number.
    pub(super) fn cut_before(&self, day: Day, before: f64) -> Result<u64> {
        self.cut(day, &|line| line.position.timestamp >= before)
    }

    /// Rewrites the file of `day` with those of its lines that are to be kept, as `keep` leaves them.
    /// Returns the number of the others.
    pub(super) fn cut(&self, day: Day, keep: &dyn Fn(&mut RecordLine) -> bool) -> Result<u64> {
        while let Some(file) = self.files.open(day)? {
            let mut left_out = 0;
            let fill = |file: &Arc<DayFile>, replacement: &mut Replacement| {
                left_out = write_merged(file, replacement.file(), keep)?.left_out;
                Ok(true)
            };
            if self.replace(file, fill)? {
                return Ok(left_out);
            }
        }
        Ok(0)
    }

    /// `cut_before` where the disk has no room for a second file: what stays is held in memory, and
    /// written once the old file is deleted.
    pub(super) fn cut_before_in_place(&self, day: Day, before: f64) -> Result<()> {
        let Some(file) = self.files.open(day)? else {
            return Ok(());
        };
        let path = file.path.clone();
        let operation = format!("rewrite {}", path.display());
        let mut ends = lock(&self.writer.ends);
        let mut buffer = Cursor::new(Vec::new());
        write_merged(&file, &mut buffer, |line| line.position.timestamp >= before)
            .map_err(failed_io(&operation))?;
        rest_of(&file, &mut buffer).map_err(failed_io(&operation))?;
        ends.remove(&day);
        drop(file); // not every system deletes a file that is open
        fs::remove_file(&path).map_err(failed_io(&operation))?;
        let mut anew = platform::files::private_file()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(failed_io(&operation))?;
        platform::files::give_to_owner_of_directory(&anew, &path).map_err(failed_io(&operation))?;
        anew.write_all(buffer.get_ref())
            .and_then(|()| anew.sync_all())
            .map_err(failed_io(&operation))
    }

    /// Replaces `file` with what `fill` writes and what was appended meanwhile. Returns whether it
    /// did: not where `fill` returns `false`, nor where the file was repaired meanwhile and so is
    /// another. Writers wait only for the copying of what was appended.
    pub(super) fn replace(
        &self,
        file: Arc<DayFile>,
        fill: impl FnOnce(&Arc<DayFile>, &mut Replacement) -> io::Result<bool>,
    ) -> Result<bool> {
        let path = file.path.clone();
        let operation = format!("rewrite {}", path.display());
        let mut replacement =
            Replacement::create(&self.files.directory, file.day).map_err(failed_io(&operation))?;
        if !fill(&file, &mut replacement).map_err(failed_io(&operation))? {
            return Ok(false);
        }
        replacement
            .file()
            .sync_all()
            .map_err(failed_io(&operation))?; // the larger part, before any writer waits
        let mut ends = lock(&self.writer.ends);
        if !platform::files::is_at(&lock(&file.file), &path).map_err(failed_io(&operation))? {
            return Ok(false);
        }
        ends.remove(&file.day);
        let length = lock(&file.file)
            .metadata()
            .map_err(failed_io(&operation))?
            .len();
        replacement
            .copy(&file, file.index.whole, length)
            .and_then(|()| replacement.replace(file))
            .map_err(failed_io(&operation))?;
        Ok(true)
    }
}

/// Copies what was appended since the file was opened, which is in none of its blocks.
fn rest_of(file: &Arc<DayFile>, into: &mut impl Write) -> io::Result<u64> {
    let mut old = lock(&file.file);
    old.seek(SeekFrom::Start(file.index.whole))?;
    io::copy(&mut *old, into)
}

/// The numbers of lines that were written and left out.
#[derive(Default)]
struct Written {
    kept: u64,
    left_out: u64,
}

/// Writes the lines of `file` that are to be kept as one sorted member.
fn write_merged(
    file: &Arc<DayFile>,
    into: &mut (impl Write + Seek),
    keep: impl Fn(&mut RecordLine) -> bool,
) -> io::Result<Written> {
    let inflated = file.index.inflated();
    let block = BLOCK_SIZE.max(inflated / (BLOCKS_MAX - 1));
    let mut encoder = MemberEncoder::new(into, COMPRESSION_LEVEL, inflated / block + 1)?;
    let mut merge = Merge::new();
    merge.add(file, |_| true);
    let mut written = Written::default();
    while let Some((mut line, _)) = merge.next(f64::INFINITY) {
        if !keep(&mut line) {
            written.left_out += 1;
            continue;
        }
        written.kept += 1;
        encoder.line(line.position.timestamp, &line.text)?;
        if encoder.open() >= block {
            encoder.end_block()?;
        }
    }
    encoder.finish()?;
    Ok(written)
}
