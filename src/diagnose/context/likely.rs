//! LIKELY: cuts that a guess of the tokens shows, or a count that is what a cut leaves.

use crate::diagnose::finding::Certainty;

use super::conversation::Bound;
use super::sure::{cause, is_one_text, truncated};
use super::view::View;
use super::{Cut, Whole};

/// A guess may be so much over the count of a whole prompt, and so many tokens more.
const GUESS_OVER: f64 = 1.35;
const GUESS_MORE: f64 = 20.0;

/// The same of runs of letters or of digits.
const RUNS_OVER: f64 = 1.05;
const RUNS_MORE: f64 = 8.0;

/// Where the count is one that a cut leaves, a guess need not be as far over it.
const GUESS_OVER_SIGNATURE: f64 = 1.3;
const GUESS_OVER_END: f64 = 1.2;

/// What a model's own counts show of a text may be so much over its count.
const LEARNED_OVER: f64 = 1.1;

/// A cut needs a prompt over the context: guessed, so much of it at least.
const FILLS: f64 = 0.75;

/// The cut that is likely, if there is one. `learned` are the tokens by the model's own counts.
pub fn cut(view: &View<'_>, bound: Option<&Bound>, learned: Option<&f64>) -> Option<Cut> {
    if !view.is_answered() {
        return None;
    }
    let learned = learned.copied();
    let logged = truncated(view, Certainty::Likely).map(|whole| ("log", whole));
    let found = logged.or_else(|| match view.prompt {
        None => uncounted(view, learned),
        Some(count) if view.is_embedding() => embedded(view, count, learned),
        Some(count) => signature(view, count, learned)
            .or_else(|| shrunk(view, count, bound))
            .or_else(|| guessed(view, count, learned)),
    });
    let (evidence, whole) = found?;
    Some(Cut {
        cause: cause(view),
        certainty: Certainty::Likely,
        evidence,
        whole,
    })
}

type Found = Option<(&'static str, Whole)>;

fn uncounted(view: &View<'_>, learned: Option<f64>) -> Found {
    let context = view.context?.tokens as f64;
    let is_over = view.mostly.guess > GUESS_OVER * context || learned? > LEARNED_OVER * context;
    (is_over && !view.is_embedding()).then_some(("estimate", about(view, learned)))
}

fn embedded(view: &View<'_>, count: u64, learned: Option<f64>) -> Found {
    let context = view.context?.tokens;
    let is_full = count + 2 >= context && is_one_text(view);
    let is_over = view.mostly.guess > GUESS_OVER_END * count as f64
        || learned.is_some_and(|tokens| tokens > context as f64);
    (is_full && is_over).then_some(("estimate", about(view, learned)))
}

/// The count is what a dropped middle leaves, and the texts are more.
fn signature(view: &View<'_>, count: u64, learned: Option<f64>) -> Found {
    let least = GUESS_OVER_SIGNATURE * count as f64;
    let is_more = view.guess() > least || learned.is_some_and(|tokens| tokens > least);
    (view.is_signature(count) && is_more).then_some(("signature", about(view, learned)))
}

fn shrunk(view: &View<'_>, count: u64, bound: Option<&Bound>) -> Found {
    let about = bound?.about;
    let fills = view
        .context
        .is_none_or(|context| view.may_fill(context.tokens, FILLS));
    (count < about && fills).then_some(("conversation", Whole::About(about)))
}

fn guessed(view: &View<'_>, count: u64, learned: Option<f64>) -> Found {
    let context = view.context?.tokens as f64;
    let (guess, runs, least) = (view.mostly.guess, view.mostly.runs as f64, count as f64);
    let is_more = guess > GUESS_OVER * least + GUESS_MORE || runs > RUNS_OVER * least + RUNS_MORE;
    let is_guessed = is_more && guess >= FILLS * context;
    let is_learned = learned
        .is_some_and(|tokens| tokens > context && tokens > LEARNED_OVER * least + GUESS_MORE);
    let is_cut = (is_guessed || is_learned) && count as f64 <= context && view.can_leave(count);
    is_cut.then_some(("estimate", about(view, learned)))
}

/// What is said of the whole: a guess alone is too rough for it.
fn about(view: &View<'_>, learned: Option<f64>) -> Whole {
    match learned {
        Some(tokens) if view.prompt.is_none_or(|count| tokens > count as f64) => {
            Whole::About(tokens as u64)
        }
        _ => Whole::Unknown,
    }
}
