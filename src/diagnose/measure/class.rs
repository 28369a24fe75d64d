//! CLASS: what a character is to a tokenizer, and which characters make one run.

use std::sync::LazyLock;

/// What a character is to a tokenizer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// Nothing came yet.
    #[default]
    Start,
    Space,
    Upper,
    Lower,
    /// A letter beyond ASCII.
    Letter,
    /// Chinese, Japanese or Korean.
    Ideograph,
    Digit,
    Underscore,
    Sign,
}

/// Which characters make one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Run {
    #[default]
    None,
    Space,
    Ascii,
    Letters,
    Digits,
    Underscores,
    Signs,
}

/// The classes of bytes; those beyond ASCII have none of their own.
pub const CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Start; 256];
    let mut at = 0;
    while at < 128 {
        classes[at] = match at as u8 {
            b'\t'..=b'\r' | 0x1c..=0x1f | b' ' => Class::Space,
            b'A'..=b'Z' => Class::Upper,
            b'a'..=b'z' => Class::Lower,
            b'0'..=b'9' => Class::Digit,
            b'_' => Class::Underscore,
            _ => Class::Sign,
        };
        at += 1;
    }
    classes
}

/// The classes of the characters before those of East Asia: looked up, as finding them takes longer than all else.
pub static ALPHABETS: LazyLock<Vec<Class>> =
    LazyLock::new(|| ('\0'..'\u{3000}').map(Class::find).collect());

impl Class {
    pub fn of(letter: char, alphabets: &[Class]) -> Class {
        match alphabets.get(letter as usize) {
            Some(class) => *class,
            None => Class::find(letter),
        }
    }

    fn find(letter: char) -> Class {
        match letter {
            '\0'..='\x7f' => CLASSES[letter as usize],
            '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => {
                Class::Ideograph
            }
            _ if letter.is_alphabetic() => Class::Letter,
            _ if letter.is_numeric() => Class::Digit,
            _ if letter.is_whitespace() => Class::Space,
            _ => Class::Sign,
        }
    }

    pub fn run(self) -> Run {
        match self {
            Class::Start => Run::None,
            Class::Space => Run::Space,
            Class::Upper | Class::Lower => Run::Ascii,
            Class::Letter | Class::Ideograph => Run::Letters,
            Class::Digit => Run::Digits,
            Class::Underscore => Run::Underscores,
            Class::Sign => Run::Signs,
        }
    }
}
