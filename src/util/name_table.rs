//! Texts that come again and again, each kept once and known by a number.

use std::collections::HashMap;
use std::sync::Arc;

#[derive(Default)]
pub struct NameTable {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl NameTable {
    /// Returns the number of `text`; a new text gets the next one.
    pub fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let (number, text) = (self.texts.len() as u32, Arc::<str>::from(text));
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        number
    }

    /// Returns the text with this number.
    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }

    pub fn contains(&self, text: &str) -> bool {
        self.numbers.contains_key(text)
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number() {
        let mut names = NameTable::default();
        let numbers = ["b", "", "a", "b", ""].map(|text| names.number(text));
        assert_eq!(numbers, [0, 1, 2, 0, 1]);
        assert_eq!([0, 1, 2].map(|number| names.text(number)), ["b", "", "a"]);
        assert_eq!(names.len(), 3);
    }
}
