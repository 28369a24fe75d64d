//! LEARNED: how many tokens a model's tokenizer makes of texts like these, by its own counts of prompts that cannot have been cut.

use std::collections::VecDeque;

use crate::diagnose::measure::Measures;
use crate::diagnose::prompt::Message;

use super::view::{LEAST_PER_GUESS, View};

/// Counts that are remembered of a model.
const SAMPLES_MAX: usize = 64;

/// Texts are alike where each of their shares is within so much of the other's, and of so much a byte.
const ALIKE: f64 = 0.1;
const ALIKE_A_BYTE: f64 = 0.01;

/// So many like texts say something, if they do not disagree by more.
const SAMPLES_MIN: usize = 2;
const AGREE: f64 = 1.25;

/// A text of fewer guessed tokens says too little of others.
const GUESS_MIN: f64 = 48.0;

/// What is left in doubt of a learned count.
const SAFE: f64 = 0.97;

/// The counts of one model.
#[derive(Debug)]
pub struct Learned {
    samples: VecDeque<Sample>,
    /// The most that a template, and a system prompt of the model's own, may add to the texts (tokens).
    added: f64,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    shares: [f64; 3],
    count: f64,
    guess: f64,
}

impl Default for Learned {
    fn default() -> Learned {
        Learned {
            samples: VecDeque::new(),
            added: f64::INFINITY,
        }
    }
}

impl Learned {
    /// The tokens that the texts which are mostly kept come to at least.
    pub fn tokens(&self, view: &View<'_>) -> Option<f64> {
        let shares = shares(&view.mostly)?;
        let alike = self
            .samples
            .iter()
            .filter(|sample| is_alike(&sample.shares, &shares));
        let factors: Vec<f64> = alike
            .map(|sample| (sample.count - self.added) / sample.guess)
            .collect();
        let least = factors.iter().copied().fold(f64::INFINITY, f64::min);
        let most = factors.iter().copied().fold(0.0, f64::max);
        let is_known = factors.len() >= SAMPLES_MIN && most <= AGREE * least;
        is_known.then_some(least * view.mostly.guess * SAFE)
    }

    /// Learns from a prompt, if it is sure that nothing of it was cut or left out.
    pub fn learn(&mut self, view: &View<'_>) {
        let Some(count) = view.prompt.filter(|&count| is_whole(view, count)) else {
            return;
        };
        let (count, guess) = (count as f64, view.all.guess);
        self.added = self.added.min(count - LEAST_PER_GUESS * guess).max(0.0);
        let Some(shares) = shares(&view.all).filter(|_| guess >= GUESS_MIN) else {
            return;
        };
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample {
            shares,
            count,
            guess,
        });
    }
}

fn is_whole(view: &View<'_>, count: u64) -> bool {
    let prompt = &view.seen.prompt;
    let is_plain = prompt.images() == 0 && prompt.tools == 0 && !prompt.is_cut;
    if !is_plain || !view.is_answered() || !prompt.messages.iter().all(Message::is_mostly_kept) {
        return false;
    }
    let Some(context) = view.told_context() else {
        return false;
    };
    let is_small = view.all.guess < 0.25 * context as f64 && count < context / 2;
    let alone = prompt.spoken() == 1 && count + 2 < context && !view.is_signature(count);
    is_small || alone
}

/// What makes texts alike: words, runs and guessed tokens a byte.
fn shares(measures: &Measures) -> Option<[f64; 3]> {
    let bytes = measures.bytes as f64;
    let shares = [
        measures.words as f64 / bytes,
        measures.runs as f64 / bytes,
        measures.guess / bytes,
    ];
    (bytes > 0.0 && measures.guess > 0.0).then_some(shares)
}

fn is_alike(one: &[f64; 3], other: &[f64; 3]) -> bool {
    one.iter()
        .zip(other)
        .all(|(a, b)| (a - b).abs() <= ALIKE * a.max(*b) + ALIKE_A_BYTE)
}
