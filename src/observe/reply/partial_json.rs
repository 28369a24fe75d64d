//! Finds the counters in parts of a JSON text that was too long to keep: its head and its tail.
//!
//! In every dialect the counters are near the end. A key with its quotes and colon
//! (`"eval_count":`) cannot occur inside a string, where the quotes would be escaped, so a search
//! for it in the middle of a text finds a key or nothing.

use std::time::Duration;

use serde::Deserialize;

use super::facts::ReplyFacts;
use crate::observe::lenient::{Boolean, Number, Str};

/// Adds the counters and the end marker that are found in `part` of an object.
pub fn read_counters(part: &[u8], facts: &mut ReplyFacts) {
    let part = PartialObject(part);
    facts.set_counts(
        part.prompt_tokens(),
        part.count(&[
            "prompt_eval_cached_count",
            "cached_tokens",
            "cache_read_input_tokens",
        ]),
        part.count(&["eval_count", "completion_tokens", "output_tokens"]),
    );
    let of_prompt = part
        .millis("prompt_ms")
        .or(part.nanos("prompt_eval_duration"));
    let of_generation = part.millis("predicted_ms").or(part.nanos("eval_duration"));
    facts.total_duration = part.nanos("total_duration").or(facts.total_duration);
    facts.load_duration = part.nanos("load_duration").or(facts.load_duration);
    facts.prompt_eval_duration = of_prompt.or(facts.prompt_eval_duration);
    facts.eval_duration = of_generation.or(facts.eval_duration);
    for key in ["done_reason", "finish_reason", "stop_reason"] {
        facts.set_done_reason(&part.text(key));
    }
    facts.set_model(&part.text("model"));
    facts.done |= part.find::<Boolean>("done").unwrap_or_default().0;
    facts.done |= &*part.text("type") == "response.completed";
}

/// Adds the model that is named in `part` of an object.
pub fn read_model(part: &[u8], facts: &mut ReplyFacts) {
    facts.set_model(&PartialObject(part).text("model"));
}

/// A part of the text of an object.
#[derive(Clone, Copy)]
struct PartialObject<'a>(&'a [u8]);

impl<'a> PartialObject<'a> {
    /// Returns the value of the last `"key":`, if it is a `T`.
    fn find<T: Deserialize<'a>>(self, key: &str) -> Option<T> {
        let key = format!("\"{key}\":");
        let start = self
            .0
            .windows(key.len())
            .rposition(|window| window == key.as_bytes())?;
        let value = &self.0[start + key.len()..];
        T::deserialize(&mut serde_json::Deserializer::from_slice(value)).ok()
    }

    fn text(self, key: &str) -> Str<'a> {
        self.find(key).unwrap_or_default()
    }

    fn number(self, key: &str) -> Number {
        self.find(key).unwrap_or_default()
    }

    fn nanos(self, key: &str) -> Option<Duration> {
        self.number(key).nanos()
    }

    fn millis(self, key: &str) -> Option<Duration> {
        self.number(key).millis()
    }

    /// Returns the count under the first of `keys` that has one.
    fn count(self, keys: &[&str]) -> Option<u64> {
        keys.iter().find_map(|key| self.number(key).count())
    }

    /// Returns the tokens of the whole prompt. Anthropic's `input_tokens` leave out the cached
    /// part, whose keys OpenAI's responses do not have.
    fn prompt_tokens(self) -> Option<u64> {
        let whole = self.count(&["prompt_eval_count", "prompt_tokens"]);
        whole.or_else(|| {
            let cached = ["cache_read_input_tokens", "cache_creation_input_tokens"]
                .into_iter()
                .filter_map(|key| self.number(key).count());
            Some(self.count(&["input_tokens"])? + cached.sum::<u64>())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_of_each_dialect_are_found_in_a_tail() {
        let mut facts = ReplyFacts::default();
        read_counters(
            br#"0.1]],"total_duration":7,"load_duration":5,"prompt_eval_count":3}"#,
            &mut facts,
        );
        assert_eq!(
            (facts.prompt_tokens, facts.total_duration),
            (Some(3), Some(Duration::from_nanos(7)))
        );
        assert_eq!(facts.generated_tokens, None);

        let mut facts = ReplyFacts::default();
        read_counters(
            br#"5],"index":0}],"model":"vec","usage":{"prompt_tokens":5,"total_tokens":5}}"#,
            &mut facts,
        );
        assert_eq!(
            (
                facts.prompt_tokens,
                facts.generated_tokens,
                facts.model.as_deref()
            ),
            (Some(5), None, Some("vec"))
        );

        let mut facts = ReplyFacts::default();
        read_counters(
            br#""usage":{"input_tokens":1,"output_tokens":2}},"type":"response.completed"}"#,
            &mut facts,
        );
        assert_eq!(
            (facts.prompt_tokens, facts.generated_tokens, facts.done),
            (Some(1), Some(2), true)
        );
        assert_eq!(facts.prompt_cached_tokens, None);
    }

    #[test]
    fn cached_tokens_are_part_of_the_prompt_in_each_dialect() {
        let tails: [&[u8]; 4] = [
            br#"x","prompt_eval_count":38,"prompt_eval_cached_count":37.0}"#,
            br#"x","usage":{"prompt_tokens":38,"prompt_tokens_details":{"cached_tokens": 37}}}"#,
            br#"x","usage":{"input_tokens":38,"input_tokens_details":{"cached_tokens":"37"}}}"#,
            br#"x","usage":{"input_tokens":1,"cache_read_input_tokens":37}}"#,
        ];
        for tail in tails {
            let mut facts = ReplyFacts::default();
            read_counters(tail, &mut facts);
            assert_eq!(
                (facts.prompt_tokens, facts.prompt_cached_tokens),
                (Some(38), Some(37))
            );
        }
    }

    #[test]
    fn keys_inside_strings_are_ignored() {
        let mut facts = ReplyFacts::default();
        read_counters(
            br#"say \"eval_count\":9 and","eval_count":4,"done":true}"#,
            &mut facts,
        );
        assert_eq!((facts.generated_tokens, facts.done), (Some(4), true));
    }
}
