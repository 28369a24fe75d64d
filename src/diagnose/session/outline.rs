//! OUTLINE: what user and assistant said in a request, as hashes, and whether one request goes on
//! from another.

use crate::diagnose::prompt::{MessageRole, Prompt, chain};

/// From so many messages on, a request goes on from another though its first message was changed.
const UNMISTAKABLE_MIN: usize = 5;

/// The user's and the assistant's messages of one request. System text and tools are beside them: a
/// clock in a system prompt must not part a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    steps: Vec<Step>,
    first_user: Option<u64>,
    system: u64,
}

/// One message, with hashes of all up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Step {
    hash: u64,
    all: u64,
    /// Without the first message.
    later: u64,
    /// The user's messages alone.
    users: u64,
}

/// The outline of the last request of a branch, as much of it as the next is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OutlineEnd {
    len: usize,
    last: Step,
    first_user: Option<u64>,
    system: u64,
}

/// How a request follows another, the better the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// It begins alike, and may be anything: a turn that was edited, or a history that was.
    Alike,
    /// It goes on, but its first message was changed.
    FirstChanged,
    /// It goes on, but what the assistant had said was changed, or what the user had.
    HistoryChanged,
    /// It goes on from all that was said.
    Continued,
}

impl Outline {
    pub fn of(prompt: &Prompt) -> Outline {
        let mut outline = Outline::default();
        let mut messages = prompt.messages.as_slice();
        if prompt.is_cut || prompt.is_folded {
            // The last one is not whole, or several.
            messages = messages.split_last().map_or(messages, |(_, whole)| whole);
        }
        for message in messages {
            match message.role {
                MessageRole::User | MessageRole::Assistant => {
                    outline.push(message.role, message.hash)
                }
                MessageRole::System => outline.system = chain(outline.system, message.hash),
                MessageRole::Tool | MessageRole::Other => {}
            }
        }
        outline
    }

    fn push(&mut self, role: MessageRole, hash: u64) {
        let before = self.steps.last().copied().unwrap_or_default();
        let is_first = self.steps.is_empty();
        let mut step = Step {
            hash,
            all: chain(before.all, hash),
            later: if is_first {
                0
            } else {
                chain(before.later, hash)
            },
            ..before
        };
        if role == MessageRole::User {
            step.users = chain(before.users, hash);
            self.first_user.get_or_insert(hash);
        }
        self.steps.push(step);
    }

    /// Whether the user says something in it.
    pub fn has_user(&self) -> bool {
        self.first_user.is_some()
    }

    pub fn end(&self) -> OutlineEnd {
        OutlineEnd {
            len: self.steps.len(),
            last: self.steps.last().copied().unwrap_or_default(),
            first_user: self.first_user,
            system: self.system,
        }
    }

    /// Returns how this request follows one that ended with `end` and was answered with `reply`.
    pub fn link(&self, end: &OutlineEnd, reply: Option<u64>) -> Option<Link> {
        let at = self.steps.get(end.len.checked_sub(1)?)?;
        let is_longer = self.steps.len() > end.len;
        let begins_alike = self.first_user == end.first_user;
        if at.all == end.last.all && (is_longer || self.system == end.system) {
            return Some(Link::Continued);
        }
        let is_same_user = at.users == end.last.users;
        if begins_alike && is_longer && (is_same_user || self.is_answer(end, reply)) {
            return Some(Link::HistoryChanged);
        }
        if end.len >= UNMISTAKABLE_MIN && at.later == end.last.later {
            return Some(Link::FirstChanged);
        }
        begins_alike.then_some(Link::Alike)
    }

    /// Whether the message behind those of the request that ended with `end` is the reply to it.
    pub fn is_answer(&self, end: &OutlineEnd, reply: Option<u64>) -> bool {
        let next = self.steps.get(end.len);
        next.is_some_and(|next| Some(next.hash) == reply)
    }

    pub fn has_system_of(&self, end: &OutlineEnd) -> bool {
        self.system == end.system
    }
}

impl OutlineEnd {
    pub fn len(&self) -> usize {
        self.len
    }
}
