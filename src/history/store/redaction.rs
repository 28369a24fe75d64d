//! Takes what deleted records said out of later records of the same conversation.
//!
//! Most of it is in no other record: one has only what those before it have not. But a client may
//! have changed a reply, or the beginning of the conversation, before it sent it again.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::history::record::{Record, reply};
use crate::observe::conversation::{KeptMessage, beginning};

/// The role of replies that are repeated.
const ASSISTANT: &str = "assistant";

/// Why a message is gone.
const DELETED: &str = "deleted";

/// Shorter arguments of a call say nothing of their own.
const ARGUMENTS_MIN: usize = 16;

/// The conversations, ids and texts of the records that are to be deleted.
#[derive(Default)]
pub struct Redaction {
    keys: RandomState,
    sessions: HashSet<String>,
    ids: HashSet<String>,
    said: HashSet<u64>,
}

impl Redaction {
    /// Takes a record that is to be deleted.
    pub fn add(&mut self, record: &Record) {
        let Some(session) = &record.session_id else {
            return;
        };
        self.sessions.insert(session.clone());
        self.ids.insert(record.interaction_id.clone());
        let reply = KeptMessage {
            thinking: record.thinking_full.clone(),
            ..reply(record)
        };
        let prompt = text_of(&record.prompt_full, &record.prompt_preview);
        let messages = record.messages.iter().flatten().chain([&reply]);
        let texts = messages.flat_map(telling_texts).chain(prompt.as_deref());
        let hashes: Vec<u64> = texts.map(|text| self.hash(session, text)).collect();
        self.said.extend(hashes);
    }

    /// The conversations of which records are to be deleted.
    pub fn sessions(&self) -> impl Iterator<Item = &str> {
        self.sessions.iter().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    pub fn concerns(&self, session: &str) -> bool {
        self.sessions.contains(session)
    }

    /// Takes out of `record` what the others said; returns whether there was something.
    pub fn apply(&self, record: &mut Record) -> bool {
        let Some(session) = record.session_id.clone() else {
            return false;
        };
        if !self.concerns(&session) || self.ids.contains(&record.interaction_id) {
            return false;
        }
        let own_prompt = text_of(&record.prompt_full, &record.prompt_preview);
        let previous = record.previous_id.as_ref();
        let mut is_reply = previous.is_some_and(|id| self.ids.contains(id));
        let mut is_changed = false;
        for message in record.messages.iter_mut().flatten() {
            is_reply &= message.role == ASSISTANT;
            if (is_reply || self.says(&session, message, own_prompt.as_deref()))
                && message.gone.is_none()
            {
                *message = KeptMessage {
                    role: std::mem::take(&mut message.role),
                    gone: Some(DELETED.to_owned()),
                    ..KeptMessage::default()
                };
                is_changed = true;
            }
        }
        is_changed
    }

    /// Whether a message says what one of the deleted records said. The prompt of its own record
    /// stays: that one is not deleted.
    fn says(&self, session: &str, message: &KeptMessage, own_prompt: Option<&str>) -> bool {
        let mut texts = telling_texts(message).filter(|text| Some(*text) != own_prompt);
        texts.any(|text| self.said.contains(&self.hash(session, text)))
    }

    /// Blanks at the ends do not count: clients drop them.
    fn hash(&self, session: &str, text: &str) -> u64 {
        self.keys.hash_one((session, text.trim()))
    }
}

/// The texts of a message that may be known by themselves.
fn telling_texts(message: &KeptMessage) -> impl Iterator<Item = &str> {
    let calls = message.tool_calls.iter().map(|call| &*call.arguments);
    let said = [&message.text, &message.thinking].into_iter().flatten();
    said.map(String::as_str)
        .filter(|text| !text.trim().is_empty())
        .chain(calls.filter(|arguments| arguments.len() >= ARGUMENTS_MIN))
}

/// A text of a record as messages have it.
fn text_of(full: &Option<String>, preview: &Option<String>) -> Option<String> {
    full.clone().or_else(|| preview.as_deref().map(beginning))
}
