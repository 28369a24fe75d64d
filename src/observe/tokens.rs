//! The token counts of a reply, and their times and rates.

use std::time::Duration;

use super::reply::facts::ReplyFacts;
use crate::http::route::Inference;

/// The token counts of an exchange, as far as they are known.
#[derive(Default)]
pub struct TokenCounts {
    pub prompt: Option<u64>,
    pub cached: Option<u64>,
    pub prompt_per_second: Option<f64>,
    pub generated: Option<u64>,
    pub is_estimated: bool,
    pub per_second: Option<f64>,
    pub time_per_token: Option<Duration>,
}

impl TokenCounts {
    pub fn of(facts: &ReplyFacts, endpoint: Inference) -> TokenCounts {
        if endpoint.is_image() {
            return TokenCounts::default();
        }
        let counts = TokenCounts::of_prompt(facts);
        if endpoint.is_embedding() {
            counts
        } else {
            counts.with_generated(facts)
        }
    }

    fn of_prompt(facts: &ReplyFacts) -> TokenCounts {
        // The estimate replaces a counter that never came, but not one that was lost with the end
        // of the reply.
        let has_end = facts.generated_tokens.is_some();
        let estimate = facts.prompt_tokens_estimate.filter(|_| has_end);
        let prompt = facts.prompt_tokens.or(estimate);
        let cached = facts
            .prompt_cached_tokens
            .filter(|cached| prompt.is_some_and(|prompt| *cached <= prompt));
        let evaluated = prompt.zip(cached).map(|(prompt, cached)| prompt - cached);
        TokenCounts {
            prompt,
            cached,
            prompt_per_second: evaluated
                .zip(facts.prompt_eval_duration)
                .and_then(|(tokens, time)| rate(tokens, time)),
            is_estimated: prompt.is_some() && facts.prompt_tokens.is_none(),
            ..TokenCounts::default()
        }
    }

    fn with_generated(self, facts: &ReplyFacts) -> TokenCounts {
        let estimate = Some(facts.deltas).filter(|&deltas| facts.stream && deltas > 0);
        let generated = facts.generated_tokens.or(estimate);
        let gaps = generated.unwrap_or_default().saturating_sub(1);
        let span = generation_span(facts).filter(|_| gaps > 0);
        TokenCounts {
            generated,
            is_estimated: self.is_estimated
                || facts.generated_tokens.is_none() && estimate.is_some(),
            per_second: native_rate(facts).or_else(|| rate(gaps, span?)),
            time_per_token: span.map(|span| span.div_f64(gaps as f64)),
            ..self
        }
    }
}

/// Returns the time from the first to the last token of a stream that has at least two.
fn generation_span(facts: &ReplyFacts) -> Option<Duration> {
    if !facts.stream || facts.deltas < 2 {
        return None;
    }
    Some(
        facts
            .last_token?
            .saturating_duration_since(facts.first_token?),
    )
}

/// Returns the rate by Ollama's own clock, in tokens per second.
fn native_rate(facts: &ReplyFacts) -> Option<f64> {
    rate(facts.generated_tokens?, facts.eval_duration?)
}

fn rate(tokens: u64, time: Duration) -> Option<f64> {
    (tokens > 0 && !time.is_zero()).then(|| tokens as f64 / time.as_secs_f64())
}
