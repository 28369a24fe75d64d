//! The text at a place of a prompt.

use super::{DifferencePlace, Fingerprint};

/// Characters of an excerpt before a place, and from it on.
const BEFORE: usize = 30;
const BEHIND: usize = 50;

impl Fingerprint {
    /// The text around a place, at most 80 characters on one line; `None` where it is not in the
    /// beginning of the prompt. It is text of a prompt, for records that keep text.
    pub fn excerpt(&self, place: DifferencePlace) -> Option<String> {
        let DifferencePlace::Message { index, byte, .. } = place else {
            return None;
        };
        let messages = &self.parts[self.tools().len()..];
        let start = messages.get(index)?.mark;
        let end = messages.get(index + 1).map(|next| next.mark);
        let text = self.head.get(start..end.unwrap_or(self.head.len()))?;
        (byte < text.len()).then(|| around(&String::from_utf8_lossy(text), byte))
    }
}

/// The text around a byte of it, on one line: at most 80 characters.
pub fn around(text: &str, byte: usize) -> String {
    let mut boundaries = (0..=byte.min(text.len())).rev();
    let byte = boundaries
        .find(|byte| text.is_char_boundary(*byte))
        .unwrap_or_default();
    let (before, behind) = text.split_at(byte);
    let start = before
        .char_indices()
        .rev()
        .take(BEFORE)
        .last()
        .map_or(byte, |(start, _)| start);
    let shown = before[start..].chars().chain(behind.chars().take(BEHIND));
    shown
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
