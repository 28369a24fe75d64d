//! How fast a model reads a prompt of which nothing is in its cache, as seen right after its loads.

use std::time::Duration;

use crate::diagnose::Seen;
use crate::diagnose::bounded::Bounded;

/// How many models and contexts are remembered, and how many prompts of each.
pub const SPEEDS_MAX: usize = 256;
pub const PROMPTS_MAX: usize = 8;

/// A prompt below this says nothing of the speed: most of its time is no reading.
const TOKENS_MIN: u64 = 256;
const TIME_MIN: Duration = Duration::from_millis(100);

/// The same prompt takes so much longer or shorter at another time.
const NOISE: f64 = 0.85;

#[derive(Debug)]
pub struct Speeds(Bounded<(String, Option<u64>), Vec<Prompt>>);

/// A prompt that was read whole.
#[derive(Clone, Copy, Debug)]
struct Prompt {
    tokens: u64,
    per_second: f64,
}

impl Default for Speeds {
    fn default() -> Speeds {
        Speeds(Bounded::new(SPEEDS_MAX))
    }
}

impl Speeds {
    /// Notes a request whose model had just been loaded, so that its whole prompt was read.
    pub fn note(&mut self, seen: &Seen) {
        let Some((tokens, took)) = measured(seen) else {
            return;
        };
        let prompts = self.0.entry(key(seen));
        if prompts.len() >= PROMPTS_MAX {
            prompts.remove(0);
        }
        prompts.push(Prompt {
            tokens,
            per_second: tokens as f64 / took.as_secs_f64(),
        });
    }

    /// The most tokens of the prompt that can have come from the cache, by the time that it took. A
    /// longer prompt is read more slowly, so that only prompts of at least half its length are
    /// compared.
    pub fn cached(&mut self, seen: &Seen) -> Option<u64> {
        let (tokens, took) = measured(seen)?;
        let prompts = self.0.get(&key(seen))?.iter();
        let alike = prompts.filter(|prompt| prompt.tokens * 2 >= tokens);
        let slowest = alike
            .map(|prompt| prompt.per_second)
            .min_by(f64::total_cmp)?;
        let read = (slowest * NOISE * took.as_secs_f64()) as u64;
        Some(tokens.saturating_sub(read))
    }
}

/// The prompt's tokens and the time that reading them took, where both say something.
fn measured(seen: &Seen) -> Option<(u64, Duration)> {
    let (tokens, took) = (seen.reply.prompt_tokens?, seen.times.prompt?);
    (tokens >= TOKENS_MIN && took >= TIME_MIN && !seen.reply.estimated).then_some((tokens, took))
}

fn key(seen: &Seen) -> (String, Option<u64>) {
    let context = seen
        .loaded
        .as_ref()
        .and_then(|loaded| loaded.context_length);
    (seen.model.clone(), context)
}
