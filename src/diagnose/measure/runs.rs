//! RUNS: runs whose tokens depend on which characters are in them, from one block to the next.

use super::block::CharacterBlock;
use super::{EIGHTH, HALF, IDEOGRAPH, LETTER, ONE, SINGLE_SIGN};

/// The run of signs that the last block ended in.
#[derive(Clone, Debug, Default)]
pub struct SignRun {
    length: u64,
    distinct: u64,
    /// A bit for each of `CharacterBlock::marks`.
    seen: [u64; 4],
}

/// The run of letters beyond ASCII that the last block ended in.
#[derive(Clone, Debug, Default)]
pub struct LetterRun {
    length: u64,
    has_ideograph: bool,
}

impl SignRun {
    /// Takes the signs of a block. Returns the tokens of the runs that ended in it.
    #[inline(always)]
    pub fn push(&mut self, block: &CharacterBlock) -> u64 {
        let mut tokens = 0;
        let goes_on = self.length > 0 && block.signs & 1 == 1;
        if self.length > 0 && !goes_on {
            tokens += self.end();
        }
        if block.signs == 0 {
            return tokens;
        }
        let first = if goes_on { first_run(block.signs) } else { 0 };
        let last = last_run(block.signs, block.len) & !first;
        let inner = block.signs & !first & !last;
        let single = inner & !(inner << 1) & !(inner >> 1);
        let from_three = inner & !(inner << 1) & (inner >> 1) & (inner >> 2);
        let pairs = inner & !(inner << 1) & (inner >> 1) & !from_three;
        tokens += SINGLE_SIGN * u64::from(single.count_ones());
        tokens += ONE * u64::from(pairs.count_ones());
        if first != 0 {
            self.take(block, 0);
            if first >> (block.len - 1) == 0 {
                tokens += self.end();
            }
        }
        let mut starts = from_three;
        while starts != 0 {
            self.take(block, starts.trailing_zeros());
            tokens += self.end();
            starts &= starts - 1;
        }
        if last != 0 {
            self.take(block, last.trailing_zeros());
        }
        tokens
    }

    /// Takes the run that begins there.
    fn take(&mut self, block: &CharacterBlock, start: u32) {
        let length = (block.signs >> start).trailing_ones() as usize;
        for mark in &block.marks[start as usize..][..length] {
            let (place, bit) = (usize::from(mark >> 6), 1 << (mark & 63));
            self.distinct += u64::from(self.seen[place] & bit == 0);
            self.seen[place] |= bit;
        }
        self.length += length as u64;
    }

    fn end(&mut self) -> u64 {
        let run = std::mem::take(self);
        match run.length {
            1 => SINGLE_SIGN,
            length => (HALF * run.distinct).max(EIGHTH * length).max(ONE),
        }
    }
}

impl LetterRun {
    /// Takes the letters of a block. Returns the tokens of the runs that ended in it.
    #[inline(always)]
    pub fn push(&mut self, block: &CharacterBlock) -> u64 {
        let mut tokens = 0;
        if self.length > 0 && block.letters & 1 == 0 {
            tokens += self.end();
        }
        let mut rest = block.letters;
        while rest != 0 {
            let run = first_run(rest);
            self.length += u64::from(run.count_ones());
            self.has_ideograph |= block.ideographs & run != 0;
            if run >> (block.len - 1) == 0 {
                tokens += self.end();
            }
            rest &= !run;
        }
        tokens
    }

    fn end(&mut self) -> u64 {
        let run = std::mem::take(self);
        run.length * if run.has_ideograph { IDEOGRAPH } else { LETTER }
    }
}

/// The lowest run of ones; 0 for 0.
fn first_run(mask: u64) -> u64 {
    let beyond = mask.wrapping_add(mask & mask.wrapping_neg());
    mask & !beyond
}

/// The run that ends in the last of `len` bits; 0 where that bit is not set.
fn last_run(mask: u64, len: usize) -> u64 {
    let length = (mask << (64 - len)).leading_ones() as usize;
    let others = (1u64 << (len - length)) - 1;
    mask & !others
}
