//! BLOCK: the characters that come next, as one bit each in the mask of its class.
//!
//! So the runs of a whole block are counted at once, where a look at each character, and a guess
//! of the processor where its run ends, takes three times as long.

use super::class::{ALPHABETS, ASCII_CLASSES, CLASS_BITS, Class};

/// The most characters of a block. With it a mask of 64 bits has room for those that the counting
/// looks back at.
pub const BLOCK_MAX: usize = 48;

/// So many characters of ASCII are worth a block of their own, before those that are not.
const ASCII_MIN: usize = 8;

/// Up to `BLOCK_MAX` characters. The first is the lowest bit of each mask.
#[derive(Clone, Debug)]
pub struct CharacterBlock {
    pub len: usize,
    pub lower: u64,
    pub upper: u64,
    pub digits: u64,
    /// Blanks, and all other white space with them.
    pub blanks: u64,
    pub space: u64,
    pub line_feeds: u64,
    pub underscores: u64,
    pub signs: u64,
    /// Letters beyond ASCII, and ideographs alone.
    pub letters: u64,
    pub ideographs: u64,
    /// What tells one sign from another; those beyond ASCII share half of the values.
    pub marks: [u8; BLOCK_MAX],
}

impl CharacterBlock {
    /// One character of no class: the end of a text.
    pub fn end() -> CharacterBlock {
        CharacterBlock::new(1, [0; ASCII_CLASSES], [0; 2])
    }

    /// Takes the characters that a text begins with. Returns how many bytes they are as well.
    pub fn of(text: &str) -> (CharacterBlock, usize) {
        let bytes = &text.as_bytes()[..text.len().min(BLOCK_MAX)];
        let ascii = match bytes.is_ascii() {
            true => bytes.len(),
            false => bytes.iter().take_while(|byte| byte.is_ascii()).count(),
        };
        if ascii == bytes.len() || ascii >= ASCII_MIN {
            (CharacterBlock::of_ascii(&bytes[..ascii]), ascii)
        } else {
            CharacterBlock::of_any(text)
        }
    }

    fn of_ascii(text: &[u8]) -> CharacterBlock {
        let mut masks = [0; ASCII_CLASSES];
        for (at, bytes) in text.chunks(8).enumerate() {
            let classes = bytes.iter().rev().fold(0, |classes, byte| {
                classes << 8 | u64::from(CLASS_BITS[usize::from(*byte)])
            });
            let by_class = turned(classes).to_le_bytes();
            for (mask, bits) in masks.iter_mut().zip(by_class) {
                *mask |= u64::from(bits) << (8 * at);
            }
        }
        let mut block = CharacterBlock::new(text.len(), masks, [0; 2]);
        block.marks[..text.len()].copy_from_slice(text);
        block
    }

    fn of_any(text: &str) -> (CharacterBlock, usize) {
        let alphabets = ALPHABETS.as_slice();
        let mut masks = [0; ASCII_CLASSES + 2];
        let mut marks = [0; BLOCK_MAX];
        let (mut len, mut bytes) = (0, 0);
        for (letter, mark) in text.chars().zip(&mut marks) {
            masks[Class::of(letter, alphabets) as usize] |= 1 << len;
            *mark = u8::from(!letter.is_ascii()) << 7 | letter as u8 & 0x7f;
            (len, bytes) = (len + 1, bytes + letter.len_utf8());
        }
        let [ascii @ .., letters, ideographs] = masks;
        let mut block = CharacterBlock::new(len, ascii, [letters | ideographs, ideographs]);
        block.marks = marks;
        (block, bytes)
    }

    fn new(
        len: usize,
        masks: [u64; ASCII_CLASSES],
        [letters, ideographs]: [u64; 2],
    ) -> CharacterBlock {
        let of = |class: Class| masks[class as usize];
        CharacterBlock {
            len,
            lower: of(Class::Lower),
            upper: of(Class::Upper),
            digits: of(Class::Digit),
            blanks: of(Class::Blank),
            space: of(Class::Blank) | of(Class::LineFeed) | of(Class::Space),
            line_feeds: of(Class::LineFeed),
            underscores: of(Class::Underscore),
            signs: of(Class::Sign),
            letters,
            ideographs,
            marks: [0; BLOCK_MAX],
        }
    }
}

/// Turns eight bytes of eight bits around: bit `c` of byte `b` becomes bit `b` of byte `c`.
fn turned(bits: u64) -> u64 {
    let swap = |bits: u64, by: u32, mask: u64| {
        let differ = (bits ^ (bits >> by)) & mask;
        bits ^ differ ^ (differ << by)
    };
    let pairs = swap(bits, 7, 0x00aa_00aa_00aa_00aa);
    let fours = swap(pairs, 14, 0x0000_cccc_0000_cccc);
    swap(fours, 28, 0x0000_0000_f0f0_f0f0)
}
