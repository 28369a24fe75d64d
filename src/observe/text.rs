//! Text with a bound: the part of a prompt or a reply that a record keeps.

use super::limits::MAX_TEXT;

/// A text that stops growing at `MAX_TEXT`, never in the middle of a character.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoundedText {
    text: String,
    truncated: bool,
}

impl BoundedText {
    /// Appends what still fits. Once something did not fit, nothing more is taken, so that the text
    /// has no holes.
    pub fn push(&mut self, more: &str) {
        if self.truncated {
            return;
        }
        let fits = prefix(more, MAX_TEXT - self.text.len());
        self.text.push_str(fits);
        self.truncated = fits.len() < more.len();
    }

    /// Appends `more` on a line of its own.
    pub fn push_line(&mut self, more: &str) {
        if !self.text.is_empty() {
            self.push("\n");
        }
        self.push(more);
    }

    /// Takes nothing more.
    pub fn close(&mut self) {
        self.truncated = true;
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn truncated(&self) -> bool {
        self.truncated
    }

    pub fn into_string(self) -> String {
        self.text
    }
}

/// Returns the longest prefix of `text` of at most `max` bytes that ends between two characters.
pub fn prefix(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_bound_between_two_characters() {
        let mut text = BoundedText::default();
        text.push(&"x".repeat(MAX_TEXT - 1));
        assert!(!text.truncated());
        text.push("é");
        assert!(text.truncated());
        text.push("y");
        assert_eq!(text.as_str().len(), MAX_TEXT - 1);
    }

    #[test]
    fn a_text_may_fill_its_bound_to_the_last_byte() {
        let mut text = BoundedText::default();
        text.push(&"x".repeat(MAX_TEXT));
        assert!(!text.truncated());
        text.push("");
        assert!(!text.truncated());
    }
}
