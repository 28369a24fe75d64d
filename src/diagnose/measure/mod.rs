//! MEASURE: what can be said of a text's tokens without its tokenizer, in one pass and without
//! keeping the text.
//!
//! - `words`, between white space: tokenizers do not join them, so that no whole prompt counts less.
//! - `runs` of letters or of digits: few tokenizers join those.
//! - `guess`: a guess of the tokens. Between 0.75 and 2.5 real tokens come to one guessed, for most
//!   texts and tokenizers; dense ones (emoji, dumps) come to more.

mod block;
mod class;
mod runs;
#[cfg(test)]
mod tests;

use block::CharacterBlock;
use runs::{LetterRun, SignRun};

/// Guessed tokens are counted in parts of one, so that their sum is exact whatever its order.
const ONE: u64 = 46_200;
const HALF: u64 = ONE / 2;
const EIGHTH: u64 = ONE / 8;
/// Small letters beyond the seventh of a hump, and capitals beyond the third.
const SMALL_BEYOND: u64 = ONE / 7;
const CAPITAL_BEYOND: u64 = ONE / 3;
const LETTER: u64 = ONE * 2 / 5;
const IDEOGRAPH: u64 = ONE * 31 / 50;
const DIGIT: u64 = ONE * 5 / 11;
const SINGLE_SIGN: u64 = ONE * 3 / 4;
/// White space but for one blank, which belongs to the word behind it; and what a line feed in it
/// adds.
const SPACE: u64 = ONE * 3 / 10;
const LINE_FEED: u64 = ONE / 5;

/// The sizes of a text, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measures {
    pub bytes: u64,
    pub words: u64,
    pub runs: u64,
    pub guess: f64,
}

impl Measures {
    pub fn add(&mut self, other: &Measures) {
        self.bytes += other.bytes;
        self.words += other.words;
        self.runs += other.runs;
        self.guess += other.guess;
    }

    pub fn of(text: &str) -> Measures {
        let mut meter = Meter::default();
        meter.push(text);
        meter.end()
    }
}

/// Measures a text that comes in pieces; where it was split does not matter.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    bytes: u64,
    words: u64,
    runs: u64,
    /// In parts of a token: `ONE`.
    guess: u64,
    recent: Recent,
    /// The white space that the last block ended in has a line feed.
    has_line_feed: bool,
    signs: SignRun,
    letters: LetterRun,
}

/// The characters before the next block, the last of them as the highest bit. What a character
/// counts is known with the one behind it, so that the last is not counted yet.
#[derive(Clone, Debug, Default)]
struct Recent {
    lower: u64,
    upper: u64,
    /// Letters beyond ASCII.
    letters: u64,
    digits: u64,
    underscores: u64,
    blanks: u64,
    space: u64,
    /// All but white space.
    solid: u64,
}

impl Meter {
    pub fn push(&mut self, text: &str) {
        self.bytes += text.len() as u64;
        // What no borrow points at may stay in registers.
        let mut meter = std::mem::take(self);
        let mut rest = text;
        while !rest.is_empty() {
            let (block, length) = CharacterBlock::of(rest);
            meter.take(&block);
            rest = &rest[length..];
        }
        *self = meter;
    }

    /// Ends the text; what follows is another.
    pub fn end(&mut self) -> Measures {
        self.take(&CharacterBlock::end());
        let meter = std::mem::take(self);
        Measures {
            bytes: meter.bytes,
            words: meter.words,
            runs: meter.runs,
            guess: meter.guess as f64 / ONE as f64,
        }
    }

    #[inline(always)]
    fn take(&mut self, block: &CharacterBlock) {
        let new = self.recent.push(block);
        self.guess += self.recent.words(new) + self.recent.gaps(new);
        self.guess += self.line_feeds(block) + self.signs.push(block) + self.letters.push(block);
        self.words += starts(self.recent.solid, new);
        self.runs += starts(self.recent.all_letters(), new) + starts(self.recent.digits, new);
    }

    /// What the line feeds add in runs of white space that end in a block.
    fn line_feeds(&mut self, block: &CharacterBlock) -> u64 {
        if block.line_feeds == 0 && !self.has_line_feed {
            return 0;
        }
        // A line feed carries over all the white space behind it, into what follows.
        let carried = block.space + block.line_feeds + u64::from(self.has_line_feed);
        let ends = carried & !block.space;
        self.has_line_feed = ends >> block.len & 1 == 1;
        LINE_FEED * u64::from((ends & ((1 << block.len) - 1)).count_ones())
    }
}

impl Recent {
    /// Takes a block. Returns the places of the characters that are to be counted now.
    #[inline(always)]
    fn push(&mut self, block: &CharacterBlock) -> u64 {
        let append = |recent: &mut u64, mask: u64| {
            *recent = *recent >> block.len | mask << (64 - block.len);
        };
        append(&mut self.lower, block.lower);
        append(&mut self.upper, block.upper);
        append(&mut self.letters, block.letters);
        append(&mut self.digits, block.digits);
        append(&mut self.underscores, block.underscores);
        append(&mut self.blanks, block.blanks);
        append(&mut self.space, block.space);
        let words = block.lower | block.upper | block.letters | block.digits;
        append(&mut self.solid, words | block.underscores | block.signs);
        ((1 << block.len) - 1) << (63 - block.len)
    }

    fn all_letters(&self) -> u64 {
        self.lower | self.upper | self.letters
    }

    /// Tokens of ASCII letters, by their humps: `HTTPServer` is `HTTP`, `Server`; and of digits.
    #[inline(always)]
    fn words(&self, new: u64) -> u64 {
        let heads = self.upper & (self.lower >> 1);
        let humps = self.lower | heads;
        let begin = heads | (self.lower & !(humps << 1));
        let behind = humps & !begin;
        let capitals = self.upper & !heads;
        let tokens = ONE * count((begin | capitals & !(capitals << 1)) & new);
        let beyond = SMALL_BEYOND * count(from(7, behind) & new)
            + CAPITAL_BEYOND * count(from(4, capitals) & new);
        tokens + beyond + DIGIT * count(self.digits & new)
    }

    /// Tokens of white space and of underscores.
    #[inline(always)]
    fn gaps(&self, new: u64) -> u64 {
        let begin = self.space & !(self.space << 1);
        let one_blank = begin & !(self.space >> 1) & self.blanks;
        let space = SPACE * count(begin & !one_blank & new);
        if self.underscores & new == 0 {
            return space;
        }
        let begin = self.underscores & !(self.underscores << 1);
        let single = begin & !(self.underscores >> 1);
        space
            + SINGLE_SIGN * count(single & new)
            + ONE * count(begin & !single & new)
            + EIGHTH * count(from(8, self.underscores) & (self.underscores << 8) & new)
    }
}

/// How many runs of `mask` begin at `new` places.
fn starts(mask: u64, new: u64) -> u64 {
    count(mask & !(mask << 1) & new)
}

/// Counts ones. Most masks are empty, and where the processor need not have an instruction for it,
/// counting takes a dozen.
#[inline(always)]
fn count(mask: u64) -> u64 {
    match mask {
        0 => 0,
        mask => u64::from(mask.count_ones()),
    }
}

/// Where the last so many (at most 8) are all ones.
#[inline(always)]
fn from(many: u32, mask: u64) -> u64 {
    let two = mask & mask << 1;
    let four = two & two << 2;
    match many {
        ..=4 => four,
        _ => four & four << (many - 4),
    }
}
