//! CLASS: what a character is to a tokenizer.

use std::sync::LazyLock;

/// What a character is to a tokenizer: each class is one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    Lower,
    Upper,
    Digit,
    /// The blank itself.
    Blank,
    LineFeed,
    /// Any other white space.
    Space,
    Underscore,
    Sign,
    /// A letter beyond ASCII.
    Letter,
    /// Chinese, Japanese or Korean.
    Ideograph,
}

/// The classes of ASCII, which are fewer than those of all characters.
pub const ASCII_CLASSES: usize = 8;

/// The bit of the class of each byte; none for those beyond ASCII.
pub const CLASS_BITS: [u8; 256] = class_bits();

const fn class_bits() -> [u8; 256] {
    let mut bits = [0; 256];
    let mut at = 0;
    while at < 128 {
        bits[at] = 1 << Class::of_ascii(at as u8) as u8;
        at += 1;
    }
    bits
}

/// The classes of the characters before those of East Asia: looked up, as finding them takes
/// longer than all else.
pub static ALPHABETS: LazyLock<Vec<Class>> =
    LazyLock::new(|| ('\0'..'\u{3000}').map(Class::find).collect());

impl Class {
    pub fn of(letter: char, alphabets: &[Class]) -> Class {
        match alphabets.get(letter as usize) {
            Some(class) => *class,
            None => Class::find(letter),
        }
    }

    pub fn find(letter: char) -> Class {
        match letter {
            '\0'..='\x7f' => Class::of_ascii(letter as u8),
            '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => {
                Class::Ideograph
            }
            _ if letter.is_alphabetic() => Class::Letter,
            _ if letter.is_numeric() => Class::Digit,
            _ if letter.is_whitespace() => Class::Space,
            _ => Class::Sign,
        }
    }

    const fn of_ascii(byte: u8) -> Class {
        match byte {
            b'a'..=b'z' => Class::Lower,
            b'A'..=b'Z' => Class::Upper,
            b'0'..=b'9' => Class::Digit,
            b' ' => Class::Blank,
            b'\n' => Class::LineFeed,
            b'\t'..=b'\r' | 0x1c..=0x1f => Class::Space,
            b'_' => Class::Underscore,
            _ => Class::Sign,
        }
    }
}
