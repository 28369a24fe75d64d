//! Counters out of the scraps of a JSON text that was too long to keep: its head and its tail.
//!
//! In every dialect the counters stand near the end. A key with its quotes and colon (`"eval_count":`) cannot stand inside a
//! string, where the quotes would be escaped, so looking for it in the middle of a text finds a key or nothing.

use serde::Deserialize;

use super::facts::Facts;
use super::lenient::{Flag, Number, Str};

/// How much of the end of a long text is kept, in bytes.
pub const TAIL: usize = 16 << 10;

/// Adds what `scraps` of an object say about its counters and its end.
pub fn read(scraps: &[u8], facts: &mut Facts) {
    let number = |key: &str| value::<Number>(scraps, key).unwrap_or_default();
    let count = |keys: &[&str]| keys.iter().find_map(|key| number(key).count());
    let duration = |key: &str| number(key).nanos();
    let cached = count(&[
        "prompt_eval_cached_count",
        "cached_tokens",
        "cache_read_input_tokens",
    ]);
    // Anthropic's `input_tokens` are the part that was not cached; OpenAI's `responses` have other names for the cached one.
    let beside = ["cache_read_input_tokens", "cache_creation_input_tokens"]
        .iter()
        .filter_map(|key| number(key).count())
        .sum::<u64>();
    let prompt = count(&["prompt_eval_count", "prompt_tokens"])
        .or_else(|| Some(count(&["input_tokens"])? + beside));
    facts.count(
        prompt,
        cached,
        count(&["eval_count", "completion_tokens", "output_tokens"]),
    );
    facts.total_duration = duration("total_duration").or(facts.total_duration);
    facts.load_duration = duration("load_duration").or(facts.load_duration);
    facts.prompt_eval_duration = duration("prompt_eval_duration").or(facts.prompt_eval_duration);
    facts.eval_duration = duration("eval_duration").or(facts.eval_duration);
    facts.prompt_eval_duration = number("prompt_ms").millis().or(facts.prompt_eval_duration);
    facts.eval_duration = number("predicted_ms").millis().or(facts.eval_duration);
    for key in ["done_reason", "finish_reason", "stop_reason"] {
        facts.reason(&value::<Str<'_>>(scraps, key).unwrap_or_default());
    }
    model(scraps, facts);
    facts.done |= value::<Flag>(scraps, "done").unwrap_or_default().0;
    facts.done |=
        value::<Str<'_>>(scraps, "type").is_some_and(|kind| &*kind == "response.completed");
}

/// Adds the model that `scraps` of an object name.
pub fn model(scraps: &[u8], facts: &mut Facts) {
    facts.model(&value::<Str<'_>>(scraps, "model").unwrap_or_default());
}

/// The value of the last `"key":` in `scraps`, if it is a `T`.
fn value<'a, T: Deserialize<'a>>(scraps: &'a [u8], key: &str) -> Option<T> {
    let key = format!("\"{key}\":");
    let start = scraps
        .windows(key.len())
        .rposition(|window| window == key.as_bytes())?
        + key.len();
    T::deserialize(&mut serde_json::Deserializer::from_slice(&scraps[start..])).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_counters_of_each_dialect_are_found_in_a_tail() {
        let mut facts = Facts::default();
        read(
            br#"0.1]],"total_duration":7,"load_duration":5,"prompt_eval_count":3}"#,
            &mut facts,
        );
        assert_eq!(
            (facts.prompt_tokens, facts.total_duration),
            (Some(3), Some(Duration::from_nanos(7)))
        );
        assert_eq!(facts.generated_tokens, None);

        let mut facts = Facts::default();
        read(
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

        let mut facts = Facts::default();
        read(
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
            let mut facts = Facts::default();
            read(tail, &mut facts);
            assert_eq!(
                (facts.prompt_tokens, facts.prompt_cached_tokens),
                (Some(38), Some(37))
            );
        }
    }

    #[test]
    fn keys_inside_strings_are_none() {
        let mut facts = Facts::default();
        read(
            br#"say \"eval_count\":9 and","eval_count":4,"done":true}"#,
            &mut facts,
        );
        assert_eq!((facts.generated_tokens, facts.done), (Some(4), true));
    }
}
