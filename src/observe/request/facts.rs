//! The facts of a request: its model and its prompt.

use super::parameters::{self, RequestParameters};
use crate::diagnose::evidence::Evidence;
use crate::observe::conversation::Conversation;
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
    /// `None` where they may be anything.
    pub parameters: Option<RequestParameters>,
    pub conversation: Conversation,
    /// For `diagnose`; what the reply tells is not in it yet. `None` where nothing was read for it.
    pub evidence: Option<Box<Evidence>>,
}

impl RequestFacts {
    /// Returns the size of the texts and of the evidence, in bytes.
    pub fn buffered_bytes(&self) -> usize {
        let prompt = self.prompt.as_ref();
        let evidence = self.evidence.as_ref();
        let parameters = self.parameters.as_ref();
        prompt.map_or(0, |prompt| prompt.as_str().len())
            + parameters.map_or(0, parameters::bytes)
            + self.conversation.bytes()
            + evidence.map_or(0, |evidence| evidence.bytes())
    }

    /// Forgets what was said before the prompt.
    pub fn drop_conversation(&mut self) {
        self.is_truncated |= self.conversation.messages.is_some();
        self.conversation = Conversation::default();
    }

    /// Forgets all texts.
    pub fn drop_prompt(&mut self) {
        self.drop_conversation();
        self.is_truncated |= self.prompt.take().is_some();
        self.parameters = None;
        if let Some(evidence) = &mut self.evidence {
            evidence.drop_prompt();
        }
    }
}
