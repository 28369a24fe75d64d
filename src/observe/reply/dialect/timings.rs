//! The `timings` of llama.cpp's server (`result_timings` in tools/server), which Ollama sends
//! beside its usage since 0.35.1.

use serde::Deserialize;

use crate::observe::lenient::Number;
use crate::observe::reply::facts::ReplyFacts;

/// The `timings` object.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// Prompt tokens from the cache; only llama.cpp reports it.
    cache_n: Number,
    /// Prompt tokens that were evaluated; without `cache_n` all of them, as Ollama counts.
    prompt_n: Number,
    prompt_ms: Number,
    predicted_n: Number,
    predicted_ms: Number,
}

impl Timings {
    /// Adds the times, and those counts that the reply's usage does not tell. Usage that is read
    /// afterwards overwrites them.
    pub fn add_to(&self, facts: &mut ReplyFacts) {
        let cached = self.cache_n.count();
        let prompt = self
            .prompt_n
            .count()
            .and_then(|evaluated| evaluated.checked_add(cached.unwrap_or_default()));
        facts.prompt_eval_duration = self.prompt_ms.millis().or(facts.prompt_eval_duration);
        facts.eval_duration = self.predicted_ms.millis().or(facts.eval_duration);
        if facts.has_usage {
            facts.prompt_cached_tokens = facts.prompt_cached_tokens.or(cached);
        } else {
            facts.set_counts(prompt, cached, self.predicted_n.count());
        }
    }
}
