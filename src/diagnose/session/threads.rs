//! THREADS: which request has the messages that stand before those that are new, by hashes.

use std::hash::BuildHasher;

use crate::diagnose::bounded::Bounded;
use crate::diagnose::prompt::{Message, MessageRole, Prompt, chain, keys};
use crate::diagnose::session::SessionHints;

/// How many requests are remembered by what was said up to their end, and by their responses.
const REQUESTS_MAX: usize = 16_384;

/// The requests of the past, to which those of today are joined.
#[derive(Debug)]
pub struct Threads {
    /// By the session and a hash of all messages.
    said: Bounded<u64, PastRequest>,
    /// By the hash of the response's id.
    responses: Bounded<u64, PastRequest>,
}

/// A request, as those that go on from it need it.
#[derive(Clone, Debug)]
struct PastRequest {
    id: String,
    /// Messages of the conversation up to its end.
    messages: usize,
    system: u64,
    reply: u64,
}

/// The request that another goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predecessor {
    pub id: String,
    /// Messages up to its end.
    pub messages: usize,
    /// What its reply was hashed to.
    pub reply: u64,
    pub has_same_system: bool,
    /// The client named it and does not repeat its messages.
    pub is_told: bool,
}

/// A request that is to be joined.
#[derive(Clone, Copy, Debug)]
pub struct NewRequest<'a> {
    pub id: &'a str,
    pub session: &'a str,
    pub prompt: &'a Prompt,
    pub hints: &'a SessionHints,
    /// A hash of its reply.
    pub reply: u64,
}

impl Default for Threads {
    fn default() -> Threads {
        Threads {
            said: Bounded::new(REQUESTS_MAX),
            responses: Bounded::new(REQUESTS_MAX),
        }
    }
}

impl Threads {
    /// Returns the request that this one goes on from, and remembers this one. To be called once
    /// for each, in the order in which they end.
    pub fn follow(&mut self, new: NewRequest<'_>) -> Option<Predecessor> {
        let (system, spoken) = split(&new.prompt.messages);
        // The last message may not be whole, or several.
        let is_whole = !new.prompt.is_cut && !new.prompt.is_folded;
        if spoken.is_empty() || !is_whole {
            return None;
        }
        let states = states(new.session, spoken);
        let said = self.latest(&states);
        let told = said.is_none().then(|| self.told(new.hints)).flatten();
        let is_told = told.is_some();
        let found = said.or(told).map(|past| Predecessor {
            has_same_system: past.system == system,
            id: past.id,
            messages: past.messages,
            reply: past.reply,
            is_told,
        });
        let before = found.as_ref().filter(|found| found.is_told);
        let request = PastRequest {
            id: new.id.to_owned(),
            // The reply that the client does not repeat is a message, too.
            messages: before.map_or(0, |found| found.messages + 1) + spoken.len(),
            system,
            reply: new.reply,
        };
        if let Some(response) = new.hints.response {
            self.responses.insert(response, request.clone());
        }
        if let Some(last) = states.last().filter(|_| !is_told) {
            self.said.insert(*last, request);
        }
        found
    }

    /// Returns the request with the most messages of which all are said here.
    fn latest(&mut self, states: &[u64]) -> Option<PastRequest> {
        let mut longest_first = states.iter().rev();
        longest_first.find_map(|state| self.said.get(state).cloned())
    }

    fn told(&mut self, hints: &SessionHints) -> Option<PastRequest> {
        self.responses
            .get(hints.previous_response.as_ref()?)
            .cloned()
    }
}

/// Returns a hash of the system's messages before all others, and the others.
fn split(messages: &[Message]) -> (u64, &[Message]) {
    let is_other = |message: &Message| message.role != MessageRole::System;
    let first = messages.iter().position(is_other).unwrap_or(messages.len());
    let (system, spoken) = messages.split_at(first);
    let hash = system
        .iter()
        .fold(0, |all, message| chain(all, message.hash));
    (hash, spoken)
}

/// Returns a hash of all that was said up to each message.
fn states(session: &str, spoken: &[Message]) -> Vec<u64> {
    let start = keys().hash_one(("thread", session));
    let states = spoken.iter().scan(start, |all, message| {
        *all = chain(*all, message.hash);
        Some(*all)
    });
    states.collect()
}
