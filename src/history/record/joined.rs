//! Puts a conversation together again of the records that have its parts.

use std::ops::ControlFlow;

use super::Record;
use crate::observe::conversation::{KeptMessage, beginning};

/// The most records and bytes of text of which a conversation is put together.
pub const JOINED_RECORDS_MAX: usize = 1000;
const JOINED_BYTES_MAX: usize = 4 << 20;

/// The role in the place of messages that are gone.
const GONE: &str = "gone";

/// Why messages are gone: their record is not in the history, or they were beyond a bound.
const MISSING: &str = "missing";
const BOUND: &str = "bound";

/// The records that a record goes on from.
#[derive(Debug, Default)]
pub struct Predecessors {
    newest_first: Vec<Record>,
    bytes: usize,
    /// The id of the next one.
    wanted: Option<String>,
    is_full: bool,
}

impl Predecessors {
    /// Those of `record`, of which none is there yet.
    pub fn of(record: &Record) -> Predecessors {
        Predecessors {
            wanted: record.previous_id.clone(),
            ..Predecessors::default()
        }
    }

    /// Takes a record of the conversation, if it is the next. Records come newest first. Stops when
    /// nothing more is wanted.
    pub fn visit(&mut self, record: Record) -> ControlFlow<()> {
        if self.wanted.as_ref() == Some(&record.interaction_id) {
            let record = Record {
                prompt_full: None,
                thinking_full: None,
                ..record
            };
            self.bytes += bytes(&record);
            self.is_full =
                self.bytes > JOINED_BYTES_MAX || self.newest_first.len() == JOINED_RECORDS_MAX;
            if !self.is_full {
                self.wanted.clone_from(&record.previous_id);
                self.newest_first.push(record);
            }
        }
        match self.is_complete() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Returns whether nothing more is wanted.
    pub fn is_complete(&self) -> bool {
        self.is_full || self.wanted.is_none()
    }

    /// Returns `record` with its whole conversation, as far as it is here.
    pub fn join(self, mut record: Record) -> Record {
        let is_missing = self.wanted.is_some() && !self.is_full;
        let mut joined = JoinedMessages::default();
        let mut system = None;
        let mut before: Option<&Record> = None;
        for part in self.newest_first.iter().rev().chain([&record]) {
            let reason = match before {
                None if is_missing => MISSING,
                _ => BOUND,
            };
            joined.append(part, before.map(reply), reason);
            system = part.system.as_ref().or(system);
            before = Some(part);
        }
        let system = system.filter(|text| !text.is_empty()).cloned();
        record.system = system;
        record.messages = Some(joined.into_messages());
        record.messages_from = Some(0);
        record
    }
}

/// The messages of the parts so far.
#[derive(Default)]
struct JoinedMessages {
    /// Each with its place in the conversation.
    messages: Vec<(usize, KeptMessage)>,
    /// The place of the next one.
    next: usize,
}

impl JoinedMessages {
    /// Appends the messages of a part, behind the reply to the part before it where that was
    /// repeated. Fills what is missing before it with the `reason`.
    fn append(&mut self, part: &Record, reply: Option<KeptMessage>, reason: &str) {
        let Some(messages) = &part.messages else {
            return;
        };
        let from = part.messages_from.unwrap_or_default() as usize;
        self.truncate(from);
        if let Some(reply) = reply.filter(|_| from == self.next + 1) {
            self.push(reply);
        }
        if let Some(count) = from.checked_sub(self.next).filter(|count| *count > 0) {
            self.messages.push((self.next, gone(count, reason)));
            self.next = from;
        }
        for message in messages {
            self.push(message.clone());
        }
    }

    fn push(&mut self, message: KeptMessage) {
        self.messages.push((self.next, message));
        self.next += 1;
    }

    /// Forgets the messages from a place on: the conversation went on otherwise.
    fn truncate(&mut self, from: usize) {
        self.messages.retain(|(place, _)| *place < from);
        self.next = self.next.min(from);
        if let Some((place, last)) = self.messages.last_mut()
            && last.role == GONE
        {
            last.count = last.count.min((from - *place) as u64);
        }
    }

    fn into_messages(self) -> Vec<KeptMessage> {
        let messages = self.messages.into_iter();
        messages.map(|(_, message)| message).collect()
    }
}

/// The reply of a record, as its client repeats it.
pub fn reply(record: &Record) -> KeptMessage {
    let whole = record.response_full.clone();
    let preview = || record.response_preview.as_deref().map(beginning);
    KeptMessage {
        role: "assistant".to_owned(),
        text: Some(whole.or_else(preview).unwrap_or_default()),
        tool_calls: record.tool_calls.clone().unwrap_or_default(),
        ..KeptMessage::default()
    }
}

fn gone(count: usize, reason: &str) -> KeptMessage {
    KeptMessage {
        role: GONE.to_owned(),
        gone: Some(reason.to_owned()),
        count: count as u64,
        ..KeptMessage::default()
    }
}

fn bytes(record: &Record) -> usize {
    let messages = record.messages.iter().flatten();
    let texts: usize = record
        .texts()
        .chain(record.system.as_deref())
        .map(str::len)
        .sum();
    messages.map(KeptMessage::bytes).sum::<usize>() + texts
}

#[cfg(test)]
mod tests;
