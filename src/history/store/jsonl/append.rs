//! Appending: one batch becomes one whole member of each day's file that it touches, and is on disk
//! when the write returns.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::sync::Mutex;

use flate2::Compression;

use super::day::Day;
use super::files::DayFiles;
use super::member::{BLOCK_SIZE, MemberEncoder};
use super::repair::repair;
use crate::history::record::Record;
use crate::history::store::{Result, failed_io};
use crate::platform;
use crate::util::threads::lock;

/// Writing must not wait for the compressor.
const COMPRESSION_LEVEL: Compression = Compression::new(1);

/// Seconds before the newest record of a batch. Older ones, of requests that took long, get blocks
/// of their own, so that blocks seldom overlap in time.
const LATE_THRESHOLD: f64 = 5.0;

/// Appends to the day files of a directory that only this process writes.
#[derive(Default)]
pub struct Appender {
    /// The length of each file when it was last written. Locked for as long as any file is appended
    /// to or replaced.
    pub ends: Mutex<HashMap<Day, u64>>,
}

impl Appender {
    /// Appends these records, which are of one day.
    pub fn append(&self, files: &DayFiles, day: Day, records: &[Record]) -> Result<()> {
        let path = day.path(&files.directory);
        let operation = format!("write {}", path.display());
        let member = member(records).map_err(failed_io(&operation))?;
        let mut ends = lock(&self.ends);
        let there = fs::metadata(&path)
            .ok()
            .filter(Metadata::is_file)
            .map_or(0, |file| file.len());
        if there > 0 && ends.get(&day) != Some(&there) {
            repair(files, day)?;
        }
        let mut file = platform::files::private_file()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed_io(&operation))?;
        let end = file.metadata().map_err(failed_io(&operation))?.len();
        if end == 0 {
            platform::files::give_to_owner_of_directory(&file, &path)
                .map_err(failed_io(&operation))?;
            platform::files::sync_directory(&files.directory).map_err(failed_io(&operation))?;
        }
        append_whole(&mut file, end, &member).map_err(failed_io(&operation))?;
        ends.insert(day, end + member.len() as u64);
        Ok(())
    }
}

/// Appends all of it, or nothing.
fn append_whole(file: &mut File, end: u64, member: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(end))?;
    file.write_all(member)
        .and_then(|()| file.sync_data())
        .inspect_err(|_| {
            if let Err(e) = file.set_len(end) {
                log::debug!("cut a day file back after a failed write: {e}"); // the next write repairs it
            }
        })
}

/// Encodes these records as one member, in blocks: late ones apart, and no block long.
fn member(records: &[Record]) -> io::Result<Vec<u8>> {
    let mut records: Vec<&Record> = records.iter().collect();
    records.sort_by(|one, other| {
        one.timestamp
            .total_cmp(&other.timestamp)
            .then_with(|| one.interaction_id.cmp(&other.interaction_id))
    });
    let newest = records.last().map_or(0.0, |record| record.timestamp);
    let late = records.partition_point(|record| record.timestamp < newest - LATE_THRESHOLD);
    let mut encoder = MemberEncoder::new(
        Cursor::new(Vec::new()),
        COMPRESSION_LEVEL,
        room(&records, late),
    )?;
    // One for all, since memory that is new to the process costs more than what is written into it.
    let mut line = Vec::new();
    for (n, record) in records.iter().enumerate() {
        if n == late || encoder.open() >= BLOCK_SIZE {
            encoder.end_block()?;
        }
        line.clear();
        serde_json::to_writer(&mut line, record)?;
        encoder.line(record.timestamp, &line)?;
    }
    Ok(encoder.finish()?.into_inner())
}

/// Returns how many blocks these records may need.
fn room(records: &[&Record], late: usize) -> u64 {
    let texts = |record: &&Record| record.texts().map(|text| text.len() as u64).sum::<u64>();
    let bytes: u64 = records.iter().map(texts).sum();
    1 + u64::from(late > 0) + bytes / BLOCK_SIZE
}
