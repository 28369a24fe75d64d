//! The facts of a request: its model and its prompt.

use crate::diagnose::evidence::Evidence;
use crate::observe::text::BoundedText;

/// The facts that were found in the body of one request.
#[derive(Debug, Default)]
pub struct RequestFacts {
    pub model: Option<String>,
    pub prompt: Option<BoundedText>,
    /// The prompt may go on beyond the part of the body that was read.
    pub is_truncated: bool,
    /// The body, or a part of it, could not be read.
    pub parse_failed: bool,
    /// For `diagnose`; what the reply tells is not in it yet.
    pub evidence: Box<Evidence>,
}

impl RequestFacts {
    /// Returns the size of the texts, in bytes.
    pub fn buffered_bytes(&self) -> usize {
        self.prompt
            .as_ref()
            .map_or(0, |prompt| prompt.as_str().len())
    }

    pub fn drop_prompt(&mut self) {
        self.is_truncated |= self.prompt.take().is_some();
    }
}
