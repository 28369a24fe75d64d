//! What llama.cpp's server tells of its work (`result_timings` in tools/server), and Ollama since 0.35.1 beside its usage.

use serde::Deserialize;

use crate::observe::facts::Facts;
use crate::observe::lenient::Number;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// Prompt tokens that came from the cache; llama.cpp alone tells it.
    cache_n: Number,
    /// Prompt tokens that were evaluated; without `cache_n` all of them, as Ollama counts.
    prompt_n: Number,
    prompt_ms: Number,
    predicted_n: Number,
    predicted_ms: Number,
}

impl Timings {
    /// Adds the times, and the counts that usage has not told and does not tell beside them, where it is read afterwards.
    pub fn add_to(&self, facts: &mut Facts) {
        let cached = self.cache_n.count();
        let prompt = self
            .prompt_n
            .count()
            .and_then(|evaluated| evaluated.checked_add(cached.unwrap_or_default()));
        facts.prompt_eval_duration = self.prompt_ms.millis().or(facts.prompt_eval_duration);
        facts.eval_duration = self.predicted_ms.millis().or(facts.eval_duration);
        match facts.has_usage {
            true => facts.prompt_cached_tokens = facts.prompt_cached_tokens.or(cached),
            false => facts.count(prompt, cached, self.predicted_n.count()),
        }
    }
}
