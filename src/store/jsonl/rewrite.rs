//! Writing a whole day file anew: sorted and in one member once the day is over, or without what must go.

use std::io;
use std::sync::Arc;

use flate2::Compression;

use super::Jsonl;
use super::aside::Aside;
use super::day::Day;
use super::files::{DayFile, lock};
use super::lines::Line;
use super::member::{BLOCK, BLOCKS_MAX, Encoder};
use super::merge::Merge;
use crate::store::{Result, failed};

/// A day that is over is written once and kept for long.
const LEVEL: Compression = Compression::new(6);

impl Jsonl {
    /// Makes one sorted member of the file of a day that is over, and says whether that was necessary. One that cannot be read in
    /// full stays as it is.
    pub(super) fn compact(&self, day: Day) -> Result<bool> {
        let Some(file) = self.files.open(day)? else { return Ok(false) };
        if file.index.is_compact() || file.index.reported.load(std::sync::atomic::Ordering::Relaxed) {
            return Ok(false);
        }
        let mut all_read = true;
        let fill = |aside: &mut Aside| {
            write_merged(&file, aside, |_| true)?;
            all_read = file.unreadable() == 0;
            Ok(all_read)
        };
        self.replace(&file, fill)?;
        Ok(all_read)
    }

    /// Writes the file of `day` without the lines from before this time, and returns how many these were.
    pub(super) fn cut_before(&self, file: &Arc<DayFile>, before: f64) -> Result<u64> {
        let mut gone = 0;
        let fill = |aside: &mut Aside| {
            gone = write_merged(file, aside, |timestamp| timestamp >= before)?;
            Ok(true)
        };
        self.replace(file, fill)?;
        Ok(gone)
    }

    /// Writes the file of `day` without its oldest members, so that at most `bytes` are left.
    pub(super) fn cut_to_bytes(&self, file: &Arc<DayFile>, bytes: u64) -> Result<()> {
        let members = file.index.blocks.iter().map(|block| block.member);
        let start = members.chain([file.index.whole]).find(|start| file.index.whole - start <= bytes).unwrap_or(file.index.whole);
        self.replace(file, |aside| {
            aside.copy(file, start, file.index.whole)?;
            Ok(true)
        })
    }

    /// Puts what `fill` writes, and what was appended meanwhile, in the place of `file`, unless `fill` says no. Writers wait only for the latter.
    fn replace(&self, file: &DayFile, fill: impl FnOnce(&mut Aside) -> io::Result<bool>) -> Result<()> {
        let doing = || format!("rewrite {}", file.path.display());
        let mut aside = Aside::create(&self.files.directory, file.day).map_err(failed(doing()))?;
        if !fill(&mut aside).map_err(failed(doing()))? {
            return Ok(());
        }
        aside.file.sync_all().map_err(failed(doing()))?; // the larger part, before anybody waits
        let mut ends = lock(&self.writer.ends);
        ends.remove(&file.day);
        let length = lock(&file.file).metadata().map_err(failed(doing()))?.len();
        aside.copy(file, file.index.whole, length).and_then(|()| aside.replace(file)).map_err(failed(doing()))
    }
}

/// Writes the lines of `file` that are to be kept as one sorted member. Returns how many were not.
fn write_merged(file: &Arc<DayFile>, aside: &mut Aside, keep: impl Fn(f64) -> bool) -> io::Result<u64> {
    let inflated = file.index.inflated();
    let block = BLOCK.max(inflated / (BLOCKS_MAX - 1));
    let mut encoder = Encoder::new(&mut aside.file, LEVEL, inflated / block + 1)?;
    let mut merge = Merge::default();
    merge.add(file, |_| true);
    let (mut lines, mut bytes, mut gone): (Vec<Line>, u64, u64) = (Vec::new(), 0, 0);
    while let Some((line, _)) = merge.next() {
        if !keep(line.position.timestamp) {
            gone += 1;
            continue;
        }
        bytes += line.text.len() as u64 + 1;
        lines.push(line);
        if bytes >= block {
            lines.sort_unstable();
            encoder.block(&lines)?;
            lines.clear();
            bytes = 0;
        }
    }
    lines.sort_unstable();
    encoder.block(&lines)?;
    encoder.finish()?;
    Ok(gone)
}
