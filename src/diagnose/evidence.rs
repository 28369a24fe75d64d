//! EVIDENCE: what a request and its reply tell diagnosis beyond what everybody reads of them.

use std::time::Duration;

use super::fingerprint::Fingerprint;
use super::keep_alive::KeepAlive;
use super::prompt::{Message, Prompt};
use super::seen::Options;
use super::session::SessionHints;

/// The evidence of one exchange: numbers, keyed hashes and the name of a conversation; of text, only
/// what `Fingerprint` has for an excerpt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    pub prompt: Prompt,
    pub print: Fingerprint,
    /// As they were asked for. A `num_ctx` is here even where the route ignores it.
    pub options: Options,
    /// `None` where it was not asked for, or the route has none.
    pub keep_alive: Option<KeepAlive>,
    /// How many numbers the array `context` of the reply has.
    pub context_array: Option<u64>,
    /// `Reply::text`.
    pub reply_text: Option<u64>,
    /// From arrival to the first byte of the reply's body.
    pub first_byte: Option<Duration>,
    pub session: SessionHints,
}

impl Evidence {
    /// Returns that of a request of which nothing was read.
    pub fn unread() -> Evidence {
        Evidence {
            prompt: Prompt {
                is_cut: true,
                ..Prompt::default()
            },
            ..Evidence::default()
        }
    }

    /// Returns the memory that it takes beside its own size, in bytes.
    pub fn bytes(&self) -> usize {
        let messages = self.prompt.messages.capacity() * size_of::<Message>();
        messages + self.print.bytes() + self.session.bytes()
    }

    /// Forgets the texts, for which there is no memory, and nothing that was asked for beside them.
    pub fn drop_prompt(&mut self) {
        self.prompt = Evidence::unread().prompt;
        self.print = Fingerprint::default();
    }
}
