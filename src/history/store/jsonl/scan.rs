//! Visiting the lines of many blocks of a file: helper threads inflate ahead, while the caller's
//! thread visits.

use std::io;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::block::Block;
use super::files::DayFile;
use super::line::split;
use super::lines::BlockLines;
use crate::util::interrupt;

/// The most helper threads of one scan; inflating is nearly all the work.
const HELPERS_MAX: usize = 4;

/// The most blocks and chunks that are on their way to the visitor.
const IN_FLIGHT_MAX: usize = 2 * HELPERS_MAX;

/// Bytes of a chunk, which a helper hands over at a time.
const CHUNK_SIZE: usize = 256 * 1024;

/// Takes the lines of a scan.
pub trait LineVisitor {
    /// Returns whether lines between these times are (still) of interest.
    fn wants(&self, first: f64, last: f64) -> bool;

    /// Takes a line; returns `None` where it could not be read.
    fn visit_line(&mut self, line: &[u8]) -> Option<()>;
}

enum Inflated {
    Chunk(Vec<u8>),
    End,
}

/// Shows the lines of the blocks that `visitor` wants to it, about the newest first.
pub fn scan(file: &Arc<DayFile>, visitor: &mut impl LineVisitor) -> io::Result<()> {
    let mut blocks = file.index.blocks.clone();
    blocks.retain(|block| visitor.wants(block.first, block.last));
    blocks.sort_by(|one, other| other.last.total_cmp(&one.last));
    let helpers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(HELPERS_MAX)
        .min(blocks.len());
    let (ask, asked) = bounded(IN_FLIGHT_MAX);
    let (give, given) = bounded(IN_FLIGHT_MAX);
    thread::scope(|scope| {
        for _ in 0..helpers {
            let (asked, give) = (asked.clone(), give.clone());
            thread::Builder::new()
                .name("history-read".to_owned())
                .spawn_scoped(scope, move || inflate(file, &asked, &give))?;
        }
        drop((asked, give));
        visit_blocks(file, blocks, visitor, &ask, &given);
        drop((ask, given)); // helpers end
        Ok(())
    })
}

/// Asks for blocks as long as they are wanted, and visits what comes.
fn visit_blocks(
    file: &DayFile,
    blocks: Vec<Block>,
    visitor: &mut impl LineVisitor,
    ask: &Sender<Block>,
    given: &Receiver<Inflated>,
) {
    let mut blocks = blocks.into_iter();
    let mut under_way = 0;
    loop {
        while under_way < IN_FLIGHT_MAX
            && let Some(block) = blocks.next()
        {
            if visitor.wants(block.first, block.last) && ask.send(block).is_ok() {
                under_way += 1;
            }
        }
        if under_way == 0 {
            return;
        }
        match given.recv() {
            Ok(_) if interrupt::is_unwanted() => return,
            Ok(Inflated::Chunk(chunk)) => {
                let unreadable = split(&chunk).filter(|line| visitor.visit_line(line).is_none());
                file.count_unreadable(unreadable.count() as u64);
            }
            Ok(Inflated::End) => under_way -= 1,
            Err(_helpers_gone) => return,
        }
    }
}

fn inflate(file: &Arc<DayFile>, asked: &Receiver<Block>, give: &Sender<Inflated>) {
    for block in asked {
        let _end = End(give);
        let mut lines = BlockLines::open(file, &block);
        loop {
            let mut chunk = Vec::new();
            if lines.chunk(&mut chunk, CHUNK_SIZE).is_err() {
                file.count_unreadable(1);
            }
            if chunk.is_empty() {
                break;
            }
            if give.send(Inflated::Chunk(chunk)).is_err() {
                return;
            }
        }
    }
}

/// Tells the visitor's thread that a block has ended, also after a panic: it waits for that.
struct End<'a>(&'a Sender<Inflated>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let _ = self.0.send(Inflated::End);
    }
}
