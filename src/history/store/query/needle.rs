//! Text that is searched for in any case.

/// A text to find in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    text: String,
    folded: String,
}

impl Needle {
    pub fn new(text: &str) -> Needle {
        Needle {
            text: text.to_owned(),
            folded: fold(text),
        }
    }

    /// As it was asked for.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As `fold` makes it.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    pub fn is_in(&self, text: Option<&str>) -> bool {
        text.is_some_and(|text| fold(text).contains(&self.folded))
    }
}

/// A text in which letters that differ in case only are the same, wherever they stand: a sigma at a word's end is one like any other.
pub fn fold(text: &str) -> String {
    let lower = |c: char| c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c });
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(lower).collect()
    }
}
