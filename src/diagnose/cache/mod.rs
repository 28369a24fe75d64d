//! CACHE: a prompt that was read anew though most of it had been read for the request before.

mod speed;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;
use speed::Speeds;

use super::bounded::Bounded;
use super::fingerprint::{DifferencePlace, Fingerprint};
use super::prompt::MessageRole;
use super::words::time;
use super::{Certainty, Finding, Kind, Seen};
use crate::util::numbers::thousands;

/// From so many tokens on, a prompt that is read anew is worth a finding.
pub const PROMPT_MIN: u64 = 512;

/// How many conversations and models are remembered.
pub const CONVERSATIONS_MAX: usize = 128;
pub const MODELS_MAX: usize = 256;

/// What stands before a difference is what the cache could have held: from such a part of the last
/// prompt on, the difference is not what broke it.
const SHARED: f64 = 0.7;

/// From such a part of the context on, Ollama may have dropped what is older.
const FULL: f64 = 0.75;

/// A shorter time is not told.
const SHOWN_MIN: Duration = Duration::from_millis(100);

/// What diagnosis needs to know of a request beside `Seen`.
#[derive(Clone, Debug)]
pub struct Turn<'t> {
    /// Whose turn it is: the session's id.
    pub conversation: &'t str,
    pub print: Fingerprint,
    /// The model was loaded for it, or may have been: then its cache was empty.
    pub is_loaded_anew: bool,
    /// Ollama cut the prompt.
    pub is_cut: bool,
    /// No other request was under way beside it, so that its prompt was read at full speed.
    pub was_alone: bool,
}

/// A prompt whose cache was broken.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    pub finding: Finding,
    /// Where the prompt differs from the one before it.
    pub place: Option<DifferencePlace>,
    /// The text there, if it is in the beginning of the prompt: for records that keep text.
    pub excerpt: Option<String>,
}

/// What the requests so far have left in the caches.
pub struct Caches {
    conversations: Bounded<String, Last>,
    /// How often each model was loaded.
    loads: Bounded<String, u64>,
    speeds: Speeds,
}

/// The last request of a conversation.
#[derive(Debug)]
struct Last {
    model: String,
    loads: u64,
    prompt_tokens: u64,
    print: Fingerprint,
}

/// Of the prompt, how many tokens came from the cache.
#[derive(Clone, Copy, Debug)]
struct Cached {
    tokens: u64,
    certainty: Certainty,
}

impl Default for Caches {
    fn default() -> Caches {
        Caches {
            conversations: Bounded::new(CONVERSATIONS_MAX),
            loads: Bounded::new(MODELS_MAX),
            speeds: Speeds::default(),
        }
    }
}

impl Caches {
    /// Judges an answered request, and remembers it for the next of its conversation.
    pub fn judge(&mut self, seen: &Seen, turn: Turn<'_>) -> Option<Broken> {
        let loads = self.loads.entry(seen.model.clone());
        *loads += u64::from(turn.is_loaded_anew);
        let loads = *loads;
        let cached = self.cached(seen, &turn);
        if turn.is_loaded_anew && turn.was_alone {
            self.speeds.note(seen);
        }
        let prompt = seen.reply.prompt_tokens.filter(|_| !seen.reply.estimated)?;
        let last = self.conversations.get(turn.conversation);
        let same = last.filter(|last| last.model == seen.model && last.loads == loads);
        let broken = same.zip(cached).and_then(|(last, cached)| {
            is_broken(last, prompt, cached).then(|| tell(seen, &turn, last, prompt, cached))
        });
        let last = Last {
            model: seen.model.clone(),
            loads,
            prompt_tokens: prompt,
            print: turn.print.without_text(),
        };
        self.conversations
            .insert(turn.conversation.to_owned(), last);
        broken
    }

    fn cached(&mut self, seen: &Seen, turn: &Turn<'_>) -> Option<Cached> {
        if let Some(tokens) = seen.reply.cached_tokens {
            return Some(Cached {
                tokens,
                certainty: Certainty::Sure,
            });
        }
        let guess = if turn.was_alone {
            self.speeds.cached(seen)
        } else {
            None
        };
        guess.map(|tokens| Cached {
            tokens,
            certainty: Certainty::Likely,
        })
    }
}

/// Less than half of what the cache held was of use, and not because there was no more to use.
fn is_broken(last: &Last, prompt: u64, cached: Cached) -> bool {
    prompt >= PROMPT_MIN && cached.tokens * 2 < last.prompt_tokens && cached.tokens * 4 < prompt * 3
}

fn tell(seen: &Seen, turn: &Turn<'_>, last: &Last, prompt: u64, cached: Cached) -> Broken {
    let place = last.print.difference(&turn.print);
    let is_changed = last.print.share_before(place) < SHARED;
    let is_cut = turn.is_cut || !is_changed && is_full(seen, prompt);
    let place = place.filter(|_| is_changed && !is_cut);
    let cause = if is_changed || is_cut {
        "changed"
    } else {
        "evicted"
    };
    let read = prompt.saturating_sub(cached.tokens);
    let lost = lost(seen, last, prompt, cached);
    let shown = lost.filter(|lost| *lost >= SHOWN_MIN);
    let took = shown
        .map(|lost| format!(", which cost {}", time(lost)))
        .unwrap_or_default();
    let about = if cached.certainty == Certainty::Sure {
        ""
    } else {
        "about "
    };
    let (read_said, prompt_said) = (thousands(read), thousands(prompt));
    let sentence = format!(
        "{about}{read_said} of {prompt_said} prompt tokens were read anew{took}: {}",
        why(place, is_cut)
    );
    let finding = Finding::new(Kind::CacheBroken, cached.certainty, cause)
        .sentence(sentence)
        .way_out(way_out(place, is_cut))
        .field("prompt_tokens", Some(prompt))
        .field("cached_tokens", Some(cached.tokens))
        .field("previous_prompt_tokens", Some(last.prompt_tokens))
        .field("place", place.map(|place| place.to_json()))
        .field(
            "difference",
            place.map(|place| Value::from(place.to_string())),
        )
        .field("seconds_lost", lost.map(|lost| lost.as_secs_f64()));
    Broken {
        finding,
        place,
        excerpt: place.and_then(|place| turn.print.excerpt(place)),
    }
}

fn is_full(seen: &Seen, prompt: u64) -> bool {
    let context = seen
        .loaded
        .as_ref()
        .and_then(|loaded| loaded.context_length);
    context.is_some_and(|context| prompt as f64 >= FULL * context as f64)
}

/// How long it took to read what the cache could have held.
fn lost(seen: &Seen, last: &Last, prompt: u64, cached: Cached) -> Option<Duration> {
    let could = last.prompt_tokens.min(prompt).saturating_sub(cached.tokens);
    let read = prompt.saturating_sub(cached.tokens).max(1);
    Some(seen.times.prompt?.mul_f64(could as f64 / read as f64))
}

fn why(place: Option<DifferencePlace>, is_cut: bool) -> String {
    match place {
        _ if is_cut => {
            "it fills the context, so that Ollama drops older parts of it on every turn".to_owned()
        }
        Some(place) => place.to_string(),
        None => "what the conversation had left in the cache is gone".to_owned(),
    }
}

fn way_out(place: Option<DifferencePlace>, is_cut: bool) -> &'static str {
    match place {
        _ if is_cut => "raise num_ctx, or let the client shorten the conversation in large steps",
        Some(DifferencePlace::Tools(_)) => "send the same tools in the same order on every turn",
        Some(DifferencePlace::Message {
            role: MessageRole::System,
            ..
        }) => {
            "keep what changes (a time, a counter, search results) out of the system prompt: put \
             it into the last message"
        }
        Some(_) => "leave earlier messages as they were, and put what changes into the last one",
        None => {
            "let fewer conversations take turns on one model, or give them places of their own \
             with OLLAMA_NUM_PARALLEL"
        }
    }
}
