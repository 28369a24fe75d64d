//! BAD REPLY: an answer that was given and is none.
//!
//! Only what can be said for sure: thinking without an answer, a tool call or a requested JSON that is no JSON, the same piece of
//! text over and over until something else ended it. A reply that ends by `length` is no finding by itself.

pub mod repetition;
#[cfg(test)]
mod tests;

use serde::de::IgnoredAny;

use super::finding::{Certainty, Finding, Kind};
use crate::util::numbers::thousands;

/// A reply, and what was asked of it. Its texts are looked at here, and none of them is told.
#[derive(Clone, Debug, Default)]
pub struct Answer<'a> {
    pub model: &'a str,
    /// The visible text.
    pub response: &'a str,
    pub thinking: &'a str,
    /// The arguments of each tool call, as JSON text.
    pub arguments: Vec<&'a str>,
    /// The request asked for JSON.
    pub wants_json: bool,
    pub ended: ReplyEnd,
    pub generated_tokens: Option<u64>,
    /// The most tokens that the request asked for.
    pub num_predict: Option<i64>,
    /// The texts above are not all that was said.
    pub is_truncated: bool,
}

/// What ended a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyEnd {
    /// The model itself, or a stop word.
    #[default]
    Stop,
    /// A limit of tokens.
    Length,
    /// The client left, or Ollama broke off.
    Broken,
}

/// What is wrong with a reply: the first that holds.
pub fn finding(answer: &Answer<'_>) -> Option<Finding> {
    repeats(answer)
        .or_else(|| no_answer(answer))
        .or_else(|| bad_arguments(answer))
        .or_else(|| no_json(answer))
}

/// What ends a text that repeats itself is not the model.
fn repeats(answer: &Answer<'_>) -> Option<Finding> {
    if answer.ended == ReplyEnd::Stop || answer.is_truncated {
        return None;
    }
    let last = if answer.response.is_empty() {
        answer.thinking
    } else {
        answer.response
    };
    let repetition = repetition::at_end(last)?;
    let sentence = format!(
        "{} repeated the same {} characters {} times, until {}",
        answer.model,
        thousands(repetition.period as u64),
        thousands(repetition.times as u64),
        match answer.ended {
            ReplyEnd::Length => "the limit of tokens ended it",
            _ => "it was broken off",
        }
    );
    let way_out = "limit replies by num_predict, and raise options.repeat_penalty (1.1) or temperature; if it began after a longer chat, look for a cut prompt";
    let times = repetition.times as u64;
    Some(bad(answer, "repetition", sentence, way_out).field("times", Some(times)))
}

fn no_answer(answer: &Answer<'_>) -> Option<Finding> {
    let is_empty = answer.response.trim().is_empty() && answer.arguments.is_empty();
    if !is_empty || answer.thinking.trim().is_empty() || answer.ended == ReplyEnd::Broken {
        return None;
    }
    let tokens = answer.generated_tokens.map_or_else(String::new, |tokens| {
        format!(" for {} tokens", thousands(tokens))
    });
    let (end, way_out) = match answer.ended {
        ReplyEnd::Length => (
            ", until the limit of tokens ended it,",
            "allow more tokens (num_predict, max_tokens), a larger num_ctx, or less thinking (think: false or low)",
        ),
        _ => ("", "ask again, or with less thinking (think: false or low)"),
    };
    let sentence = format!("{} thought{tokens}{end} and answered nothing", answer.model);
    Some(bad(answer, "empty_after_thinking", sentence, way_out))
}

fn bad_arguments(answer: &Answer<'_>) -> Option<Finding> {
    if answer.is_truncated || answer.ended == ReplyEnd::Broken {
        return None;
    }
    // A function without parameters may be called with nothing.
    let broken = answer
        .arguments
        .iter()
        .filter(|text| !text.trim().is_empty() && !is_json(text));
    let broken = broken.count() as u64;
    let sentence = format!(
        "{} called {broken} of {} tools with arguments that are no JSON{}",
        answer.model,
        answer.arguments.len(),
        by_length(answer),
    );
    let way_out = match answer.ended {
        ReplyEnd::Length => "allow more tokens (num_predict, max_tokens)",
        _ => "take a model that is made for tools, or give it fewer and simpler ones",
    };
    (broken > 0).then(|| bad(answer, "tool_call_not_json", sentence, way_out))
}

fn no_json(answer: &Answer<'_>) -> Option<Finding> {
    let is_asked = answer.wants_json && answer.arguments.is_empty();
    let is_whole = !answer.is_truncated && answer.ended != ReplyEnd::Broken;
    if !is_asked || !is_whole || is_json(answer.response) {
        return None;
    }
    let sentence = format!(
        "{} was asked for JSON, and its reply is none{}",
        answer.model,
        by_length(answer)
    );
    let way_out = match answer.ended {
        ReplyEnd::Length => "allow more tokens (num_predict, max_tokens)",
        _ => "say in the prompt which JSON is wanted, and give its schema in format",
    };
    Some(bad(answer, "reply_not_json", sentence, way_out))
}

fn by_length(answer: &Answer<'_>) -> &'static str {
    if answer.ended == ReplyEnd::Length {
        ": the limit of tokens cut it off"
    } else {
        ""
    }
}

fn bad(answer: &Answer<'_>, cause: &str, sentence: String, way_out: &str) -> Finding {
    Finding::new(Kind::BadReply, Certainty::Sure, cause)
        .sentence(sentence)
        .way_out(way_out)
        .field("generated_tokens", answer.generated_tokens)
        .field("num_predict", answer.num_predict)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}
