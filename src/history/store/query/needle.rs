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

    /// Returns the text as it was asked for.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text as `fold` makes it.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    pub fn is_in(&self, text: Option<&str>) -> bool {
        text.is_some_and(|text| fold(text).contains(&self.folded))
    }
}

/// Folds the case of a text: letters that differ in case only become the same, wherever they are. A
/// sigma at a word's end is one like any other.
pub fn fold(text: &str) -> String {
    let lower = |c: char| c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c });
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(lower).collect()
    }
}
