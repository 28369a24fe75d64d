//! The time at which to cut a day file so that the newest of its records fit into a number of
//! bytes.

use std::sync::Arc;

use super::block::Block;
use super::files::DayFile;
use super::line::{position, split};
use super::lines::BlockLines;

/// Bytes of lines that are read at a time.
const CHUNK_SIZE: usize = 64 * 1024;

/// Returns the time from which on the records of a file take about `bytes`, which is less than its
/// length (Unix seconds). One record at least is older.
pub fn cut_point(file: &Arc<DayFile>, bytes: u64) -> f64 {
    let mut blocks: Vec<&Block> = file.index.blocks.iter().collect();
    blocks.sort_by(|one, other| other.last.total_cmp(&one.last));
    let length = |block: &Block| (block.end - block.start) as f64;
    // Headers take their share.
    let mut remaining = blocks.iter().map(|block| length(block)).sum::<f64>() * bytes as f64
        / file.index.length as f64;
    for block in blocks {
        if length(block) > remaining {
            return cut_point_in(file, block, remaining / length(block));
        }
        remaining -= length(block);
    }
    f64::INFINITY
}

/// Returns the time from which on the lines of a block are this share of it.
fn cut_point_in(file: &Arc<DayFile>, block: &Block, share: f64) -> f64 {
    let mut lines = times(file, block);
    lines.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let mut remaining = lines.iter().map(|(_, bytes)| bytes).sum::<usize>() as f64 * share;
    for (time, bytes) in lines {
        remaining -= bytes as f64;
        if remaining < 0.0 {
            return time.next_up();
        }
    }
    block.last.next_up()
}

/// Returns the time of each line of a block, and its length in bytes.
fn times(file: &Arc<DayFile>, block: &Block) -> Vec<(f64, usize)> {
    let (mut times, mut chunk) = (Vec::new(), Vec::new());
    let mut lines = BlockLines::open(file, block);
    loop {
        let _damaged = lines.chunk(&mut chunk, CHUNK_SIZE); // left out when the file is rewritten
        if chunk.is_empty() {
            return times;
        }
        times
            .extend(split(&chunk).filter_map(|line| Some((position(line)?.timestamp, line.len()))));
    }
}
