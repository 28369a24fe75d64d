//! PROMPT: the texts of a request as numbers and keyed hashes, message by message. The texts themselves are not kept.

use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use memchr::{memchr2, memchr2_iter};

use super::measure::{Measures, Meter};

/// The most messages that are told apart; those beyond are one with the last.
pub const MESSAGES_MAX: usize = 4096;

/// Makes hashes that are worth nothing outside this process.
pub type Keys = RandomState;

/// Returns the keys of this process: only hashes of the same keys can be compared.
pub fn keys() -> &'static Keys {
    static KEYS: LazyLock<Keys> = LazyLock::new(Keys::new);
    &KEYS
}

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MessageRole {
    System,
    #[default]
    User,
    Assistant,
    Tool,
    /// A role that is none of these.
    Other,
}

impl MessageRole {
    pub fn of(name: &str) -> MessageRole {
        match name {
            "system" | "developer" => MessageRole::System,
            "user" => MessageRole::User,
            "assistant" => MessageRole::Assistant,
            "tool" | "function" => MessageRole::Tool,
            _ => MessageRole::Other,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            MessageRole::System => "system",
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
            MessageRole::Tool => "tool",
            MessageRole::Other => "other",
        }
    }
}

/// One message of a chat, or the prompt of a request that has no messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    pub role: MessageRole,
    pub text: Measures,
    pub hash: u64,
    pub images: u32,
    /// It has thinking beside its text or in it.
    pub thinks: bool,
    /// It has signs in which some template may see thinking.
    pub has_markup: bool,
    pub calls_tools: bool,
}

impl Message {
    /// Whether every template puts its text before the model.
    pub fn is_kept(&self) -> bool {
        match self.role {
            MessageRole::User => true,
            MessageRole::Assistant => !self.has_markup && !self.thinks && !self.calls_tools,
            _ => false,
        }
    }

    /// Whether all but odd templates do.
    pub fn is_mostly_kept(&self) -> bool {
        self.is_kept() || self.role == MessageRole::Assistant && !self.thinks
    }
}

/// All texts of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    pub messages: Vec<Message>,
    /// More messages came than are told apart.
    pub is_folded: bool,
    /// The body was not read to its end, so that there may be more.
    pub is_cut: bool,
    /// Of the definitions of tools, as they were sent; 0 without any.
    pub tools: u64,
    /// Bytes of them.
    pub tools_bytes: u64,
    /// A hash of what was asked of the model's thinking; 0 where nothing was.
    pub think: u64,
}

impl Prompt {
    /// The sum over the messages that `which` takes.
    pub fn sum(&self, which: impl Fn(&Message) -> bool) -> Measures {
        let mut sum = Measures::default();
        for message in self.messages.iter().filter(|message| which(message)) {
            sum.add(&message.text);
        }
        sum
    }

    pub fn images(&self) -> u32 {
        self.messages.iter().map(|message| message.images).sum()
    }

    /// How many messages Ollama may drop or has to keep as the last: all but those of the system.
    pub fn spoken(&self) -> usize {
        self.messages
            .iter()
            .filter(|message| message.role != MessageRole::System)
            .count()
    }

    pub fn push(&mut self, message: Message) {
        if self.messages.len() < MESSAGES_MAX {
            return self.messages.push(message);
        }
        self.is_folded = true;
        if let Some(last) = self.messages.last_mut() {
            last.text.add(&message.text);
            last.hash = chain(last.hash, message.hash);
            last.images = last.images.saturating_add(message.images);
            last.thinks |= message.thinks;
            last.has_markup |= message.has_markup;
            last.calls_tools |= message.calls_tools;
        }
    }
}

/// The hash of a sequence that ended in `before` and goes on with `next`. Both are keyed already.
pub fn chain(before: u64, next: u64) -> u64 {
    (before.rotate_left(23) ^ next).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Reads one message, whose text and role come in any order, the text in pieces.
pub struct PromptReader {
    message: Message,
    meter: Meter,
    hasher: DefaultHasher,
    /// The last bytes of the text.
    tail: [u8; THOUGHT.len()],
}

/// Behind one of `<`, `/`, `[` and `|`: thinking that stands among a text. Templates leave it out later.
const THOUGHT: &[u8; 5] = b"think";

/// So many bytes of a piece beside the text are hashed.
const BESIDE_BYTES: usize = 256;

impl PromptReader {
    pub fn new(keys: &Keys) -> PromptReader {
        PromptReader {
            message: Message::default(),
            meter: Meter::default(),
            hasher: keys.build_hasher(),
            tail: [0; THOUGHT.len()],
        }
    }

    pub fn role(&mut self, role: MessageRole) {
        self.message.role = role;
    }

    pub fn text(&mut self, piece: &str) {
        self.meter.push(piece);
        self.hasher.write(piece.as_bytes());
        self.message.has_markup |= memchr2(b'<', b'[', piece.as_bytes()).is_some();
        self.look_for_thoughts(piece.as_bytes());
    }

    /// Forgets the text so far: it comes anew.
    pub fn restart(&mut self, keys: &Keys) {
        let message = std::mem::take(&mut self.message);
        *self = PromptReader {
            message,
            ..PromptReader::new(keys)
        };
    }

    pub fn image(&mut self) {
        self.message.images = self.message.images.saturating_add(1);
    }

    /// Takes a piece of what stands beside the text (a picture, a tool call), so that messages that
    /// differ in nothing else are not taken for one. Of a long piece, its length and its end count.
    pub fn beside(&mut self, piece: &str) {
        self.hasher.write_usize(piece.len());
        let start = piece.len().saturating_sub(BESIDE_BYTES);
        self.hasher.write(&piece.as_bytes()[start..]);
    }

    pub fn thinking(&mut self) {
        self.message.thinks = true;
    }

    pub fn tool_call(&mut self) {
        self.message.calls_tools = true;
    }

    pub fn end(mut self) -> Message {
        self.message.text = self.meter.end();
        self.message.hash = chain(self.hasher.finish(), self.message.role as u64);
        self.message
    }

    fn look_for_thoughts(&mut self, piece: &[u8]) {
        for end in memchr2_iter(b'k', b'K', piece) {
            let mut before = [0; THOUGHT.len()];
            before.iter_mut().enumerate().for_each(|(at, byte)| {
                // Where it is not in this piece, it is at the end of those before.
                *byte = match (end + at).checked_sub(THOUGHT.len()) {
                    Some(here) => piece[here],
                    None => self.tail[end + at],
                };
            });
            let is_word = before[1..].eq_ignore_ascii_case(&THOUGHT[..4]);
            self.message.thinks |= is_word && matches!(before[0], b'<' | b'/' | b'[' | b'|');
        }
        let new = piece.len().min(THOUGHT.len());
        self.tail.rotate_left(new);
        self.tail[THOUGHT.len() - new..].copy_from_slice(&piece[piece.len() - new..]);
    }
}

/// The hash that a message of the assistant with that text has.
pub fn hash_of_reply(text: &str, keys: &Keys) -> u64 {
    let mut hasher = keys.build_hasher();
    hasher.write(text.as_bytes());
    chain(hasher.finish(), MessageRole::Assistant as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&str], role: MessageRole, keys: &Keys) -> Message {
        let mut reader = PromptReader::new(keys);
        pieces.iter().for_each(|piece| reader.text(piece));
        reader.role(role);
        reader.end()
    }

    #[test]
    fn thinking_among_the_text_is_seen_and_the_word_is_not() {
        let keys = Keys::new();
        let rows = [
            ("<think>Hm.</think>Yes.", true),
            ("Hm.</think>Yes.", true),
            ("[THINK]Hm", true),
            ("<|thinking|>", true),
            ("I think so, thinker", false),
            ("< think", false),
            ("k", false),
        ];
        for (text, thinks) in rows {
            assert_eq!(
                read(&[text], MessageRole::Assistant, &keys).thinks,
                thinks,
                "{text}"
            );
        }
    }

    #[test]
    fn a_reply_that_is_sent_back_is_known_again() {
        let keys = Keys::new();
        let sent = read(&["The ", "sky"], MessageRole::Assistant, &keys);
        assert_eq!(sent.hash, hash_of_reply("The sky", &keys));
        assert_ne!(sent.hash, read(&["The sky"], MessageRole::User, &keys).hash);
        assert_ne!(sent.hash, hash_of_reply("The sky", &Keys::new()));
    }

    #[test]
    fn messages_beyond_the_bound_are_one_and_none_is_lost() {
        let keys = Keys::new();
        let mut prompt = Prompt::default();
        for _ in 0..MESSAGES_MAX + 10 {
            prompt.push(read(&["one"], MessageRole::User, &keys));
        }
        assert_eq!(prompt.messages.len(), MESSAGES_MAX);
        assert!(prompt.is_folded);
        assert_eq!(prompt.sum(Message::is_kept).words, MESSAGES_MAX as u64 + 10);
    }

    proptest! {
        #[test]
        fn where_a_message_is_split_does_not_matter(
            pieces in prop::collection::vec("[<\\[/|thinkTHINK]{0,4}", 0..12)
        ) {
            let keys = Keys::new();
            let split: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let whole = pieces.concat();
            prop_assert_eq!(
                read(&split, MessageRole::Assistant, &keys),
                read(&[&whole], MessageRole::Assistant, &keys)
            );
        }
    }
}
