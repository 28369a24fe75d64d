//! REPLY: a reply that ran into the end of the context.

use crate::diagnose::finding::Certainty;

use super::said::Line;
use super::view::View;

/// What became of the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Half of what stood before it was thrown away, and it went on.
    Shifted,
    /// It ended there.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyCut {
    pub fate: Fate,
    pub certainty: Certainty,
}

/// What the context did to the reply.
pub fn cut(view: &View<'_>) -> Option<ReplyCut> {
    if view.is_embedding() {
        return None;
    }
    logged(view).or_else(|| counted(view))
}

fn logged(view: &View<'_>) -> Option<ReplyCut> {
    let said = view.said.iter().find(|said| said.line == Line::Shift)?;
    Some(ReplyCut {
        fate: Fate::Shifted,
        certainty: said.certainty,
    })
}

fn counted(view: &View<'_>) -> Option<ReplyCut> {
    let context = view.context?;
    let together = view.prompt? + view.generated?;
    let reason = view.seen.reply.done_reason.as_deref();
    let asked = view
        .seen
        .options
        .num_predict
        .and_then(|asked| u64::try_from(asked).ok());
    let is_limited = asked.is_some_and(|limit| limit > 0 && view.generated >= Some(limit));
    let is_length = matches!(reason, Some("length" | "max_tokens" | "max_output_tokens"));
    let fate = match () {
        () if view.prompt? <= context.tokens && together > context.tokens => Fate::Shifted,
        () if together == context.tokens && is_length && !is_limited => Fate::Ended,
        () => return None,
    };
    let certainty = if context.is_told {
        Certainty::Sure
    } else {
        Certainty::Likely
    };
    Some(ReplyCut { fate, certainty })
}
