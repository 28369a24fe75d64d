//! `Conversation`: the system text of a request and its messages, the newest of them whole.

use std::hash::BuildHasher;
use std::io;

use serde::{Deserialize, Serialize};

use super::exchange::ToolCall;
use super::limits::{MAX_CONVERSATION, PROMPT_START_CHARS};
use super::text::prefix;
use crate::diagnose::prompt::{MessageRole, keys};
use crate::diagnose::session::threads::Predecessor;

/// One message of a request, as a record keeps it; in a joined conversation also the place of
/// messages that are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptMessage {
    /// user, assistant, tool, system or other; gone for the place of several.
    pub role: String,
    /// `None` where it is gone.
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Of a tool's result: the name of the tool, or the id of its call where no call has that id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// Pictures that came with it, which are not kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub images: u64,
    /// A text of it was cut.
    #[serde(skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// Why it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<String>,
    /// How many messages are gone here.
    #[serde(skip_serializing_if = "is_zero")]
    pub count: u64,
}

/// What a request says before its newest message and with it. Nothing in it is a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// What stands before all other messages. `None` where that is known from `previous`.
    pub system: Option<String>,
    /// `None` where the request has a prompt and no messages.
    pub messages: Option<Vec<KeptMessage>>,
    /// The place of the first of them among all of the request but the system's.
    pub from: usize,
    /// The id of the exchange that has those before.
    pub previous: Option<String>,
}

impl KeptMessage {
    /// Returns its texts, and the arguments of its calls.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let calls = self.tool_calls.iter().map(|call| call.arguments.as_str());
        let said = [&self.text, &self.thinking].into_iter().flatten();
        said.map(String::as_str).chain(calls)
    }

    /// Returns the memory that its texts and calls take, in bytes.
    pub fn bytes(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let calls = self.tool_calls.iter();
        let calls: usize = calls
            .map(|call| size_of::<ToolCall>() + call.name.len() + call.arguments.len())
            .sum();
        optional(&self.text) + optional(&self.thinking) + optional(&self.tool_name) + calls
    }

    /// Returns what a reply is hashed to that says just this; `None` where no reply can.
    fn reply_hash(&self) -> Option<u64> {
        let is_plain = self.thinking.is_none() && self.images == 0 && !self.truncated;
        let text = self.text.as_deref()?;
        (is_plain && self.role == MessageRole::Assistant.as_str())
            .then(|| reply_hash(text, &self.tool_calls))
    }

    /// Cuts it so that it takes at most `max` bytes of JSON; returns how many it takes. What it says
    /// goes last.
    fn cut(&mut self, max: usize) -> usize {
        loop {
            let bytes = json_bytes(self);
            let Some(excess) = bytes.checked_sub(max).filter(|excess| *excess > 0) else {
                return bytes;
            };
            self.truncated = true;
            if self.thinking.take().is_some() {
                continue;
            }
            match &mut self.text {
                // JSON takes a byte at least for each of a text, and the mark of the cut its own.
                Some(text) if text.len() > excess => {
                    text.truncate(prefix(text, text.len() - excess).len());
                }
                _ if !self.tool_calls.is_empty() => self.tool_calls.clear(),
                _ => {
                    self.text = None;
                    self.tool_name = None;
                    return json_bytes(self);
                }
            }
        }
    }
}

impl Conversation {
    /// Returns the memory that its texts take, in bytes.
    pub fn bytes(&self) -> usize {
        let messages = self.messages.iter().flatten();
        let messages: usize = messages
            .map(|message| message.bytes() + size_of::<KeptMessage>())
            .sum();
        self.system.as_ref().map_or(0, String::len) + messages
    }

    /// Leaves out what the record of `previous` has: its messages, its reply where that is repeated as
    /// it was given, and its system's text.
    pub fn follow(&mut self, previous: Predecessor) {
        if previous.has_same_system {
            self.system = None;
        }
        self.previous = Some(previous.id);
        if previous.is_told {
            self.from += previous.messages + 1;
            return;
        }
        let Some(messages) = &mut self.messages else {
            return;
        };
        let next = previous.messages.checked_sub(self.from);
        let is_repeated = next
            .and_then(|next| messages.get(next))
            .is_some_and(|message| message.reply_hash() == Some(previous.reply));
        let first = previous.messages + usize::from(is_repeated);
        let known = first.saturating_sub(self.from).min(messages.len());
        messages.drain(..known);
        self.from = self.from.max(first);
    }

    /// Leaves the beginning of each text.
    pub fn preview(&mut self) {
        self.system = self.system.take().map(|system| beginning(&system));
        for message in self.messages.iter_mut().flatten() {
            *message = KeptMessage {
                role: std::mem::take(&mut message.role),
                text: message.text.as_deref().map(beginning),
                tool_name: message.tool_name.take(),
                images: message.images,
                ..KeptMessage::default()
            };
        }
        self.limit();
    }

    /// Leaves out what is beyond `MAX_CONVERSATION` bytes of JSON, the oldest first.
    pub fn limit(&mut self) {
        let Some(messages) = &mut self.messages else {
            return;
        };
        // The brackets around them, and a comma with each.
        let mut room = MAX_CONVERSATION - 2;
        let mut kept = 0;
        for message in messages.iter_mut().rev() {
            let bytes = match kept {
                // The newest is cut rather than left out.
                0 => message.cut(room - 1),
                _ => json_bytes(message),
            };
            match room.checked_sub(bytes + 1) {
                Some(left) => room = left,
                None => break,
            }
            kept += 1;
        }
        let lost = messages.len() - kept;
        messages.drain(..lost);
        self.from += lost;
    }
}

/// Hashes a reply, as it may be repeated: without its thinking.
pub fn reply_hash(text: &str, calls: &[ToolCall]) -> u64 {
    keys().hash_one((text, calls))
}

/// Returns the beginning of a text that shows what it is.
pub fn beginning(text: &str) -> String {
    text.chars().take(PROMPT_START_CHARS).collect()
}

/// Counts the bytes of a message in JSON.
fn json_bytes(message: &KeptMessage) -> usize {
    struct ByteCount(usize);

    impl io::Write for ByteCount {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = ByteCount(0);
    // Neither the writer nor the message can fail.
    let _ = serde_json::to_writer(&mut count, message);
    count.0
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}
