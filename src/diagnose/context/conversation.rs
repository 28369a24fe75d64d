//! CONVERSATION: a chat that goes on cannot count less than it did before.
//!
//! A request whose messages begin with all those of an earlier one counts at least what that one counted, what its reply counted,
//! and the words of what is new. Requests are joined by their content alone.

use std::hash::{BuildHasher, RandomState};

use crate::diagnose::bounded::Bounded;
use crate::diagnose::prompt::{Message, MessageRole, chain};

use super::view::View;

/// Requests that are remembered.
pub const TURNS_MAX: usize = 8192;

/// So many messages back the earlier request is looked for.
const LOOK_BACK: usize = 64;

/// Tokens of a prompt that later ones need not have: those that ask for the reply.
const ASKING_TOKENS: u64 = 2;

/// Tokens of a reply that its text does not have when it is sent back: the end's, and one in so many, since a model does not always
/// choose the tokens that its tokenizer would.
const END_TOKENS: u64 = 2;
const ODD_TOKENS: u64 = 32;

/// No more tokens stand around a message.
const TOKENS_AROUND: u64 = 16;

/// Guessed tokens that new messages have at least, and what the guess may be off.
const PART_OF_GUESS: f64 = 0.75;
const SLACK: f64 = 8.0;

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// Tokens that its whole prompt had at least.
    at_least: u64,
    generated: Option<u64>,
    /// Of its reply's text, where `generated` are its tokens.
    reply: Option<u64>,
    /// Its reply, or one before it, had thinking.
    thinks: bool,
}

/// What a request counts at least, by the one that it goes on from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub at_least: u64,
    /// By a guess of what is new.
    pub about: u64,
    /// There was thinking, which some templates leave out later, so that neither is sure.
    pub thinks: bool,
}

#[derive(Debug)]
pub struct Turns {
    turns: Bounded<u64, Turn>,
    keys: RandomState,
}

impl Default for Turns {
    fn default() -> Turns {
        Turns {
            turns: Bounded::new(TURNS_MAX),
            keys: RandomState::new(),
        }
    }
}

impl Turns {
    /// The bound by the latest request that this one goes on from.
    pub fn bound(&mut self, view: &View<'_>) -> Option<Bound> {
        let messages = &view.seen.prompt.messages;
        // What was thought is sent back in some requests and not in others.
        if !is_chat(view) || messages.iter().any(|message| message.thinks) {
            return None;
        }
        let hashes = self.chained(view);
        let oldest = messages.len().saturating_sub(LOOK_BACK).max(1);
        let mut earlier = (oldest..messages.len()).rev();
        let (at, turn) = earlier.find_map(|at| Some((at, *self.turns.get(&hashes[at - 1])?)))?;
        Some(turn.bound(&messages[at..]).less(left_out(view)))
    }

    /// Remembers an answered request.
    pub fn note(&mut self, view: &View<'_>, bound: Option<&Bound>) {
        if !is_chat(view) || !view.is_answered() {
            return;
        }
        let by_turn = bound
            .filter(|bound| !bound.thinks)
            .map(|bound| bound.at_least);
        let at_least = view.prompt.max(by_turn);
        if let (Some(at_least), Some(&hash)) = (at_least, self.chained(view).last()) {
            let reply = &view.seen.reply;
            let turn = Turn {
                at_least,
                generated: view.generated,
                // Where something was asked of the thinking, it may be hidden and still be counted.
                reply: reply
                    .text
                    .filter(|_| !reply.thinks && view.seen.prompt.think == 0),
                thinks: reply.thinks || bound.is_some_and(|bound| bound.thinks),
            };
            self.turns.insert(hash, turn);
        }
    }

    /// For each message the hash of all up to it, and of what else decides how they are counted.
    fn chained(&self, view: &View<'_>) -> Vec<u64> {
        let (seen, prompt) = (view.seen, &view.seen.prompt);
        let seed = (&seen.model, seen.endpoint, prompt.tools, prompt.think);
        let mut hash = self.keys.hash_one(seed);
        let next = |message: &Message| {
            hash = chain(hash, message.hash);
            hash
        };
        prompt.messages.iter().map(next).collect()
    }
}

fn is_chat(view: &View<'_>) -> bool {
    let prompt = &view.seen.prompt;
    prompt.spoken() > 0 && !view.is_embedding() && !prompt.is_folded && !prompt.is_cut
}

/// Tokens that templates may leave out of this request though they were in the one before: some have the system prompt and the
/// tools beside the last message alone, where that is the user's (llama3.1, mistral).
fn left_out(view: &View<'_>) -> u64 {
    let prompt = &view.seen.prompt;
    match prompt.messages.last().map(|last| last.role) {
        Some(MessageRole::User) => 0,
        _ => {
            let is_system = |message: &Message| message.role == MessageRole::System;
            // A token is a byte at least.
            let texts = prompt.tools_bytes + prompt.sum(is_system).bytes;
            let parts = 1 + prompt.messages.iter().filter(|one| is_system(one)).count() as u64;
            texts + parts * TOKENS_AROUND
        }
    }
}

impl Bound {
    fn less(self, tokens: u64) -> Bound {
        Bound {
            at_least: self.at_least.saturating_sub(tokens),
            about: self.about.saturating_sub(tokens),
            ..self
        }
    }
}

impl Turn {
    fn bound(self, new: &[Message]) -> Bound {
        let first = new
            .first()
            .filter(|first| first.role == MessageRole::Assistant);
        let own = first
            .zip(self.generated)
            .filter(|(first, _)| Some(first.hash) == self.reply);
        let sent_back = own.map_or(0, |(_, generated)| {
            generated.saturating_sub(END_TOKENS + generated / ODD_TOKENS)
        });
        let base = self.at_least.saturating_sub(ASKING_TOKENS) + sent_back;
        let new = &new[usize::from(own.is_some())..];
        let kept = new.iter().filter(|message| message.is_kept());
        let mostly = new.iter().filter(|message| message.is_mostly_kept());
        let guess: f64 = mostly.map(|message| message.text.guess).sum();
        Bound {
            at_least: base + kept.map(|message| message.text.runs).sum::<u64>(),
            about: base + (PART_OF_GUESS * guess - SLACK).max(0.0) as u64,
            thinks: self.thinks,
        }
    }
}
