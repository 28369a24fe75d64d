//! SPEED: a model that writes at less than a third of the speed that it had before, in the same
//! load, alone, and with as many tokens: something takes the GPU from it.

use crate::diagnose::bounded::Bounded;
use crate::diagnose::{Certainty, Finding, Kind, Seen};

/// How many loads of models are remembered, each by the number of tokens.
pub const LOADS_MAX: usize = 512;

/// A reply of fewer tokens tells no speed.
const TOKENS_MIN: u64 = 32;

/// So many replies must have told the best speed before one can be slow.
const REPLIES_MIN: u32 = 10;

/// So many replies must be slow one after the other: one alone may have had bad luck.
const SLOW_MIN: u32 = 3;

/// Slower than such a part of the best is slow.
const SLOW_PART: f64 = 1.0 / 3.0;

/// A model as it was loaded, and the tokens of prompt and reply in doublings: behind more of them
/// each takes longer.
#[derive(Debug, PartialEq, Eq, Hash)]
struct LoadKey {
    model: String,
    size: u64,
    context: Option<u64>,
    band: u32,
}

/// The best speeds so far.
#[derive(Debug)]
pub struct BestSpeeds {
    loads: Bounded<LoadKey, BestSpeed>,
}

#[derive(Debug, Default)]
struct BestSpeed {
    /// Tokens per second.
    best: f64,
    replies: u32,
    /// How many of the last replies were slow.
    slow: u32,
}

impl Default for BestSpeeds {
    fn default() -> BestSpeeds {
        BestSpeeds {
            loads: Bounded::new(LOADS_MAX),
        }
    }
}

impl BestSpeeds {
    /// Notes the speed of a reply that was written while no other request was under way. Returns
    /// the finding of one that is slow, as those before it were.
    pub fn judge(&mut self, seen: &Seen) -> Option<Finding> {
        let now = tokens_per_second(seen)?;
        let load = self.loads.entry(key(seen)?);
        let is_slow = load.replies >= REPLIES_MIN && now < load.best * SLOW_PART;
        load.replies = load.replies.saturating_add(1);
        load.slow = if is_slow { load.slow + 1 } else { 0 };
        load.best = load.best.max(now);
        (load.slow >= SLOW_MIN).then(|| tell(seen, now, load.best))
    }
}

fn tokens_per_second(seen: &Seen) -> Option<f64> {
    let tokens = seen
        .reply
        .generated_tokens
        .filter(|_| !seen.reply.estimated)?;
    let seconds = seen.times.generation?.as_secs_f64();
    (tokens >= TOKENS_MIN && seconds > 0.0).then(|| tokens as f64 / seconds)
}

/// `None` where it is not known how the model was loaded, or it is not in VRAM.
fn key(seen: &Seen) -> Option<LoadKey> {
    let loaded = seen.loaded.as_ref().filter(|it| it.size_vram > 0)?;
    let tokens = seen.reply.prompt_tokens? + seen.reply.generated_tokens?;
    Some(LoadKey {
        model: seen.model.clone(),
        size: loaded.size,
        context: loaded.context_length,
        band: tokens.max(1).ilog2(),
    })
}

fn tell(seen: &Seen, now: f64, best: f64) -> Finding {
    let sentence = format!(
        "{} wrote {now:.1} tokens/s, and {best:.1} before, with as many tokens and nobody beside it",
        seen.model,
    );
    Finding::new(Kind::CpuFallback, Certainty::Likely, "speed")
        .sentence(sentence)
        .way_out(
            "look what else uses the GPU (nvidia-smi, rocm-smi), whether it is throttled by heat or \
             by power, and whether a new driver or a suspended machine took it from Ollama: then \
             restart Ollama",
        )
        .field("tokens_per_second", Some(now))
        .field("best_tokens_per_second", Some(best))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::recordings::{at, seen, span};
    use crate::diagnose::seen::Loaded;
    use crate::http::route::Inference;

    /// A reply of 100 tokens at this speed, to a prompt of so many tokens.
    fn reply(speed: f64, prompt: u64) -> Seen {
        let mut seen = seen("1", Inference::Chat, "m", at(0.0));
        seen.reply.generated_tokens = Some(100);
        seen.reply.prompt_tokens = Some(prompt);
        seen.times.generation = Some(span(100_000.0 / speed));
        seen.loaded = Some(Loaded {
            context_length: Some(8192),
            size: 100,
            size_vram: 100,
        });
        seen
    }

    fn known() -> BestSpeeds {
        let mut speeds = BestSpeeds::default();
        for _ in 0..REPLIES_MIN {
            assert_eq!(speeds.judge(&reply(40.0, 100)), None);
        }
        speeds
    }

    #[test]
    fn three_slow_replies_in_a_row_are_likely_a_lost_gpu() {
        let mut speeds = known();
        assert_eq!(speeds.judge(&reply(10.0, 100)), None);
        assert_eq!(speeds.judge(&reply(10.0, 100)), None);
        let found = speeds.judge(&reply(10.0, 100)).unwrap();
        assert_eq!(
            (found.kind, found.certainty, &*found.cause),
            (Kind::CpuFallback, Certainty::Likely, "speed")
        );
        assert!(found.sentence.contains("10") && found.sentence.contains("40"));
        assert_eq!(speeds.judge(&reply(39.0, 100)), None);
        assert_eq!(speeds.judge(&reply(10.0, 100)), None, "the row is broken");
    }

    #[test]
    fn a_longer_prompt_another_load_and_a_short_reply_are_no_sign() {
        let mut speeds = known();
        for _ in 0..SLOW_MIN {
            assert_eq!(speeds.judge(&reply(10.0, 6000)), None);
            let mut other = reply(10.0, 100);
            other.loaded.as_mut().unwrap().context_length = Some(65_536);
            assert_eq!(speeds.judge(&other), None);
            let mut short = reply(10.0, 100);
            short.reply.generated_tokens = Some(TOKENS_MIN - 1);
            assert_eq!(speeds.judge(&short), None);
            let mut on_cpu = reply(10.0, 100);
            on_cpu.loaded.as_mut().unwrap().size_vram = 0;
            assert_eq!(speeds.judge(&on_cpu), None);
        }
    }

    #[test]
    fn a_third_and_more_is_no_sign() {
        let mut speeds = known();
        for _ in 0..20 {
            assert_eq!(speeds.judge(&reply(14.0, 100)), None);
        }
    }
}
