//! MEASURE: what can be said of a text's tokens without its tokenizer, in one pass and without keeping the text.
//!
//! - `words`, between white space: tokenizers do not join them, so that no whole prompt counts less.
//! - `runs` of letters or of digits: few tokenizers join those.
//! - `guess`: a guess of the tokens. Between 0.75 and 2.5 real tokens come to one guessed, for most texts and tokenizers;
//!   dense ones (emoji, dumps) come to more.

mod class;
#[cfg(test)]
mod tests;

use class::{ALPHABETS, CLASSES, Class, Run};

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
    measures: Measures,
    run: Run,
    in_word: bool,
    /// Characters of the run.
    length: u64,
    /// In a run of ASCII letters: capitals since the last small letter, and the letters of the hump that is being read.
    capitals: u64,
    hump: u64,
    /// In other runs: there is a line feed, an ideograph.
    is_marked: bool,
    /// In a run of signs: which there are; those beyond ASCII share places.
    signs: [u128; 2],
}

impl Meter {
    pub fn push(&mut self, text: &str) {
        self.measures.bytes += text.len() as u64;
        let mut rest = text;
        // What no borrow points at may stay in registers.
        let mut meter = std::mem::take(self);
        while let Some(&first) = rest.as_bytes().first() {
            let length = match CLASSES[usize::from(first)] {
                _ if meter.is_between_words(rest.as_bytes()) => meter.next_word(),
                Class::Start => meter.push_beyond_ascii(rest),
                class => meter.push_ascii(class, rest.as_bytes()),
            };
            rest = &rest[length..];
        }
        *self = meter;
    }

    /// Whether a text goes on with one blank between two words of ASCII letters: most of most texts.
    fn is_between_words(&self, text: &[u8]) -> bool {
        let is_next = |next: &u8| next.is_ascii_alphabetic();
        text[0] == b' ' && self.run == Run::Ascii && text.get(1).is_some_and(is_next)
    }

    /// Does at once what `begin` does for the blank and for the word. Returns the length of the blank.
    fn next_word(&mut self) -> usize {
        self.measures.guess += self.end_run();
        self.measures.runs += 1;
        self.measures.words += 1;
        self.length = 0;
        1
    }

    /// Takes the bytes of that class that a text begins with. Returns how many they are.
    fn push_ascii(&mut self, class: Class, text: &[u8]) -> usize {
        let of_class = |byte: &&u8| CLASSES[usize::from(**byte)] == class;
        let length = text.iter().take_while(of_class).count();
        self.take(class, length as u64);
        match class {
            Class::Space => text[..length]
                .iter()
                .for_each(|byte| self.space(char::from(*byte))),
            Class::Sign => text[..length]
                .iter()
                .for_each(|byte| self.sign(char::from(*byte))),
            _ => {}
        }
        length
    }

    /// Takes all that a text begins with beyond ASCII. Returns how many bytes it is.
    fn push_beyond_ascii(&mut self, text: &str) -> usize {
        let alphabets = ALPHABETS.as_slice();
        for (at, letter) in text.char_indices() {
            if letter.is_ascii() {
                return at;
            }
            let class = Class::of(letter, alphabets);
            self.take(class, 1);
            match class {
                Class::Space => self.space(letter),
                Class::Sign => self.sign(letter),
                _ => {}
            }
        }
        text.len()
    }

    /// Takes so many characters of a class.
    #[inline(always)]
    fn take(&mut self, class: Class, length: u64) {
        let run = class.run();
        if run != self.run {
            self.begin(run);
        }
        self.length += length;
        match class {
            Class::Lower => self.lower(length),
            Class::Upper => self.upper(length),
            Class::Ideograph => self.is_marked = true,
            _ => {}
        }
    }

    /// Ends the text; what follows is another.
    pub fn end(&mut self) -> Measures {
        self.begin(Run::None);
        self.in_word = false;
        std::mem::take(&mut self.measures)
    }

    #[inline(always)]
    fn begin(&mut self, run: Run) {
        let is_letters = |run| matches!(run, Run::Ascii | Run::Letters);
        let starts_run = is_letters(run) && !is_letters(self.run) || run == Run::Digits;
        let is_word = !matches!(run, Run::Space | Run::None);
        self.measures.guess += self.end_run();
        self.measures.runs += u64::from(starts_run);
        self.measures.words += u64::from(is_word && !self.in_word);
        self.in_word = is_word;
        (self.run, self.length) = (run, 0);
    }

    /// Tokens of the run that ends.
    #[inline(always)]
    fn end_run(&mut self) -> f64 {
        let length = self.length as f64;
        let is_marked = std::mem::take(&mut self.is_marked);
        match self.run {
            Run::None => 0.0,
            Run::Space if is_marked => 0.5,
            // One blank belongs to the word behind it.
            Run::Space if self.length == 1 => 0.0,
            Run::Space => 0.3,
            Run::Ascii => {
                let hump = small_hump(std::mem::take(&mut self.hump));
                hump + capital_hump(std::mem::take(&mut self.capitals))
            }
            Run::Letters if is_marked => length * 0.62,
            Run::Letters => length / 2.5,
            Run::Digits => length / 2.2,
            Run::Underscores | Run::Signs => self.end_signs(length),
        }
    }

    fn end_signs(&mut self, length: f64) -> f64 {
        let distinct = match self.run {
            Run::Signs => self.signs[0].count_ones() + self.signs[1].count_ones(),
            _ => 1,
        };
        self.signs = [0; 2];
        match self.length {
            1 => 0.75,
            _ => (f64::from(distinct) / 2.0).max(length / 8.0).max(1.0),
        }
    }

    fn lower(&mut self, letters: u64) {
        if self.capitals > 0 {
            // The last capital begins this hump: `HTTPServer` is `HTTP`, `Server`.
            self.measures.guess += small_hump(self.hump) + capital_hump(self.capitals - 1);
            (self.capitals, self.hump) = (0, 1);
        }
        self.hump += letters;
    }

    fn upper(&mut self, letters: u64) {
        if self.hump > 0 {
            self.measures.guess += small_hump(std::mem::take(&mut self.hump));
        }
        self.capitals += letters;
    }

    fn space(&mut self, letter: char) {
        self.is_marked |= letter == '\n';
        // One tab is no less than two blanks.
        self.length += u64::from(letter != ' ');
    }

    fn sign(&mut self, letter: char) {
        let code = letter as u32;
        self.signs[usize::from(code > 0x7f)] |= 1 << (code & 0x7f);
    }
}

fn small_hump(letters: u64) -> f64 {
    match letters {
        0 => 0.0,
        1..=7 => 1.0,
        _ => letters as f64 / 7.0,
    }
}

fn capital_hump(letters: u64) -> f64 {
    match letters {
        0 => 0.0,
        1..=3 => 1.0,
        _ => letters as f64 / 3.0,
    }
}
