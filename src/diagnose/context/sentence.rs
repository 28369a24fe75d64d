//! SENTENCE: what is told of a cut, and what to do about it. No text of a prompt or of a reply is in it.

use crate::diagnose::finding::{Certainty, Finding, Kind};
use crate::util::numbers::thousands;

use super::reply::{Fate, ReplyCut};
use super::view::View;
use super::{Cut, CutCause, Whole};

/// Contexts that are proposed are a power of two, with so much room for the reply: a quarter of the prompt.
const ROOM: u64 = 4;

pub fn of_prompt(view: &View<'_>, cut: &Cut) -> Finding {
    // What does not fit is at least a context long. (Pictures are taken for longer than they are.)
    let context = view
        .told_context()
        .filter(|_| view.seen.prompt.images() == 0);
    let whole = cut.whole.or_more(context);
    let lost = whole
        .tokens()
        .zip(view.prompt)
        .and_then(|(whole, seen)| whole.checked_sub(seen));
    finding(view, cut.certainty, cut.cause)
        .sentence(told(view, cut, whole))
        .way_out(way_out(view, cut.cause, whole.tokens()))
        .field("evidence", Some(cut.evidence))
        .field("whole_tokens", whole.tokens())
        .field("whole_is", whole.name())
        .field("lost_tokens", lost)
}

pub fn of_reply(view: &View<'_>, cut: &ReplyCut) -> Finding {
    let context = view.told_context().map_or_else(
        || "the context".to_owned(),
        |tokens| format!("the context of {} tokens", thousands(tokens)),
    );
    let counts = match view.prompt.zip(view.generated) {
        Some((prompt, generated)) => {
            format!(
                " ({} of the prompt and {} generated)",
                thousands(prompt),
                thousands(generated)
            )
        }
        None => String::new(),
    };
    let (fate, sentence) = match cut.fate {
        Fate::Shifted => (
            "shifted",
            format!(
                "the reply ran over the end of {context}{counts}: half of what stood before was thrown away while it was written"
            ),
        ),
        Fate::Ended => (
            "ended",
            format!("the reply was cut off by the end of {context}{counts}"),
        ),
    };
    let needed = view
        .prompt
        .zip(view.generated)
        .map(|(prompt, generated)| prompt + generated);
    finding(view, cut.certainty, CutCause::Reply)
        .sentence(format!(
            "{}: {}{sentence}",
            view.seen.model,
            maybe(cut.certainty)
        ))
        .way_out(way_out(view, CutCause::Reply, needed))
        .field("fate", Some(fate))
        .field("generated_tokens", view.generated)
}

fn finding(view: &View<'_>, certainty: Certainty, cause: CutCause) -> Finding {
    Finding::new(Kind::ContextCut, certainty, cause.as_str())
        .field("context_length", view.context.map(|context| context.tokens))
        .field("num_ctx", view.seen.options.num_ctx)
        .field("prompt_tokens", view.prompt)
}

impl Whole {
    /// The same, or that it is at least so long, where no more is known.
    fn or_more(self, context: Option<u64>) -> Whole {
        match (self, context) {
            (Whole::Unknown, Some(context)) => Whole::AtLeast(context),
            (Whole::AtLeast(tokens), Some(context)) => Whole::AtLeast(tokens.max(context)),
            _ => self,
        }
    }

    fn tokens(self) -> Option<u64> {
        match self {
            Whole::Unknown => None,
            Whole::About(tokens) | Whole::AtLeast(tokens) | Whole::Exactly(tokens) => Some(tokens),
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Whole::Unknown => None,
            Whole::About(_) => Some("about"),
            Whole::AtLeast(_) => Some("at_least"),
            Whole::Exactly(_) => Some("exact"),
        }
    }

    fn words(self) -> String {
        match self {
            Whole::Unknown => "too many tokens".to_owned(),
            Whole::About(tokens) => format!("about {} tokens", thousands(tokens)),
            Whole::AtLeast(tokens) => format!("at least {} tokens", thousands(tokens)),
            Whole::Exactly(tokens) => format!("{} tokens", thousands(tokens)),
        }
    }
}

/// What happened.
fn told(view: &View<'_>, cut: &Cut, whole: Whole) -> String {
    let (model, maybe) = (&view.seen.model, maybe(cut.certainty));
    let context = match view.context {
        Some(context) => format!("the context holds {}", thousands(context.tokens)),
        None => "the context holds no more".to_owned(),
    };
    if cut.cause == CutCause::Refused {
        return format!(
            "{model} refused this prompt of {}: {context}",
            whole.words()
        );
    }
    let seen = view.prompt.map_or_else(|| "a part".to_owned(), thousands);
    let lost = match cut.cause {
        CutCause::Messages => "the oldest messages were dropped",
        CutCause::End => "the end of the text was dropped",
        _ => "the middle was dropped",
    };
    format!(
        "{model} {maybe}saw only {seen} of {}: {lost}, as {context}",
        whole.words()
    )
}

fn maybe(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Sure => "",
        Certainty::Likely => "probably ",
    }
}

/// What to set, by the route that was asked.
fn way_out(view: &View<'_>, cause: CutCause, needed: Option<u64>) -> String {
    let context = proposed(view, needed);
    let of_server = format!("OLLAMA_CONTEXT_LENGTH={context} on the server");
    let of_model = format!("PARAMETER num_ctx {context} in a Modelfile");
    let asked = view.seen.options.num_ctx;
    let set = match (view.is_native(), asked) {
        (false, Some(asked)) => {
            format!(
                "/v1 ignores options.num_ctx ({asked} was asked for): set {of_server}, or {of_model}"
            )
        }
        (false, None) => format!("/v1 ignores options.num_ctx: set {of_server}, or {of_model}"),
        (true, Some(asked)) if is_capped(view, asked) => {
            return format!(
                "send less: {asked} was asked for by options.num_ctx, more than this model can have"
            );
        }
        (true, Some(_)) => format!("set options.num_ctx to {context}"),
        (true, None) => format!(
            "set options.num_ctx to {context} in the request, or {of_server}, or {of_model}"
        ),
    };
    match cause {
        CutCause::End => format!("send the text in smaller pieces, or {set}"),
        _ => format!("{set}{}", otherwise(view, cause)),
    }
}

/// What else helps.
fn otherwise(view: &View<'_>, cause: CutCause) -> &'static str {
    match cause {
        CutCause::Refused if view.seen.options.truncate == Some(false) => {
            "; or leave out truncate=false, and the prompt is cut instead"
        }
        CutCause::Refused if view.seen.prompt.spoken() > 0 && !view.is_embedding() => {
            "; or send less: neither the system prompt nor the last message is ever dropped"
        }
        CutCause::Reply if view.seen.options.num_predict.is_none() => {
            "; or limit the reply by num_predict"
        }
        _ => "",
    }
}

/// More was asked for than there is, though Ollama gives what is asked for as far as the model can.
fn is_capped(view: &View<'_>, asked: i64) -> bool {
    let asked = u64::try_from(asked).unwrap_or_default();
    view.told_context().is_some_and(|context| asked > context)
}

/// A context that holds the prompt and a reply; twice the one there is, where the prompt's length is not known.
fn proposed(view: &View<'_>, needed: Option<u64>) -> u64 {
    let context = view.context.map_or(2048, |context| context.tokens);
    let needed = needed.unwrap_or_default();
    needed
        .saturating_add(needed / ROOM)
        .max(context.saturating_add(1))
        .min(1 << 40)
        .next_power_of_two()
}
