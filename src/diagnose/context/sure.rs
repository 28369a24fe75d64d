//! SURE: cuts that Ollama told, logged or counted.

use crate::diagnose::finding::Certainty;

use super::conversation::Bound;
use super::said::{Line, exceeds};
use super::view::View;
use super::{Cut, CutCause, Whole};

/// The two other texts by which Ollama refuses a prompt for its length.
const REFUSALS: [&str; 2] = [
    "the prompt is longer than the context length",
    "the input length exceeds the context length",
];

/// The array `context` is the prompt and the reply, tokenized again: off by what a reply may differ, and by a few at the seams.
const SEAMS: u64 = 16;
const REPLY_PART: u64 = 20;

/// A guess below this part of the context leaves no doubt that the prompt fitted.
const FILLS: f64 = 0.5;

/// The cut that is sure, if there is one.
pub fn cut(view: &View<'_>, bound: Option<&Bound>) -> Option<Cut> {
    let rules = [
        refused,
        logged,
        kept_array,
        fewer_than_words,
        words_over_the_context,
    ];
    let found = rules.into_iter().find_map(|rule| rule(view));
    let (evidence, whole) = found.or_else(|| bound.and_then(|bound| shrunk(view, bound)))?;
    Some(Cut {
        cause: cause(view),
        certainty: Certainty::Sure,
        evidence,
        whole,
    })
}

/// What the cut of an answered or refused prompt is called.
pub fn cause(view: &View<'_>) -> CutCause {
    let is_logged = view
        .said
        .iter()
        .any(|said| matches!(said.line, Line::Truncating { .. }));
    let is_middle = view.prompt.is_some_and(|count| view.is_signature(count));
    match () {
        () if refused(view).is_some() => CutCause::Refused,
        () if view.is_embedding() => CutCause::End,
        () if is_logged || is_middle || view.seen.prompt.spoken() < 2 => CutCause::Middle,
        () => CutCause::Messages,
    }
}

type Found = Option<(&'static str, Whole)>;

fn refused(view: &View<'_>) -> Found {
    let error = view.seen.reply.error.as_deref()?;
    if let Some((prompt, _)) = exceeds(error) {
        return Some(("error", Whole::Exactly(prompt)));
    }
    REFUSALS
        .iter()
        .any(|text| error.contains(text))
        .then_some(("error", Whole::Unknown))
}

fn logged(view: &View<'_>) -> Found {
    truncated(view, Certainty::Sure).map(|whole| ("log", whole))
}

/// What a line of the log says of the whole, if there is one that is so sure to be about this prompt.
pub fn truncated(view: &View<'_>, certainty: Certainty) -> Option<Whole> {
    let mut said = view.said.iter().filter(|said| said.certainty == certainty);
    said.find_map(|said| match said.line {
        Line::Truncating { prompt, .. } => Some(Whole::Exactly(prompt)),
        _ => None,
    })
}

/// /api/generate gives back all of the prompt, also what the model has not seen.
fn kept_array(view: &View<'_>) -> Found {
    let generated = view.generated?;
    let whole = view.seen.reply.context_array?.checked_sub(generated)?;
    let is_longer = whole > view.prompt? + SEAMS + generated / REPLY_PART;
    is_longer.then_some(("array", Whole::About(whole)))
}

/// No tokenizer joins words, so that a whole prompt counts no less than its words.
fn fewer_than_words(view: &View<'_>) -> Found {
    let count = view.prompt?;
    let words = match view.is_embedding() {
        false => view.kept.words,
        // Some of their tokenizers drop what is no letter and no digit; and only a count that fills the context is of a cut text.
        true if view.told_context()? <= count + 2 && is_one_text(view) => {
            view.kept.words.min(view.kept.runs)
        }
        true => return None,
    };
    (words > count && fills(view)).then_some(("words", Whole::AtLeast(words)))
}

/// Words alone come to more than the context, and yet Ollama answered.
fn words_over_the_context(view: &View<'_>) -> Found {
    let context = view.told_context()?;
    let is_cut = view.kept.words >= context && view.is_answered() && !view.is_embedding();
    let fits = view.prompt.is_none_or(|count| count <= context);
    (is_cut && fits).then_some(("words", Whole::AtLeast(view.kept.words)))
}

/// A chat that goes on counts less than it did, or than the context holds.
fn shrunk(view: &View<'_>, bound: &Bound) -> Found {
    let is_cut = match view.prompt {
        Some(count) => count < bound.at_least && fills(view),
        None => view
            .told_context()
            .is_some_and(|context| bound.at_least >= context),
    };
    let is_sure = is_cut && !bound.thinks && view.is_answered();
    is_sure.then_some(("conversation", Whole::AtLeast(bound.at_least)))
}

/// Each text to embed has a context of its own.
pub fn is_one_text(view: &View<'_>) -> bool {
    view.seen.prompt.messages.len() == 1
}

fn fills(view: &View<'_>) -> bool {
    view.told_context()
        .is_none_or(|context| view.may_fill(context, FILLS))
}
