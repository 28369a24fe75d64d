//! A second attempt at a line that is not strictly a record, as Python wrote many: halves of
//! surrogate pairs in texts, NaN and Infinity, `4.0` for a count, null for a name. A field that
//! cannot be read is unknown.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Record;

/// Floats up to here are whole numbers where they look so.
const WHOLE_NUMBER_MAX: f64 = (1_u64 << 53) as f64;

/// Reads a line; `None` where it is not a record, or where its position in the history cannot be
/// read.
pub fn read(line: &[u8]) -> Option<Record> {
    let text = String::from_utf8_lossy(line);
    let repaired = repair(&text);
    let replaced = matches!(text, Cow::Owned(_)) || repaired.replaced;
    let mut fields: Map<String, Value> = serde_json::from_str(&repaired.text).ok()?;
    let has_place = fields.get("timestamp").is_none_or(Value::is_number)
        && fields.get("interaction_id").is_none_or(Value::is_string);
    if !has_place {
        return None;
    }
    fields.values_mut().for_each(make_whole);
    fields.retain(|name, value| is_readable(name, value));
    let mut record: Record = Record::of_fields(&fields)?;
    record.truncated = if replaced {
        Some(true)
    } else {
        record.truncated
    };
    Some(record)
}

/// Turns a whole number that is written as a float into an integer, which is read as either.
fn make_whole(value: &mut Value) {
    if let Some(number) = value
        .as_f64()
        .filter(|number| number.fract() == 0.0 && (0.0..=WHOLE_NUMBER_MAX).contains(number))
    {
        *value = (number as u64).into();
    }
}

fn is_readable(name: &str, value: &Value) -> bool {
    let alone = Map::from_iter([(name.to_owned(), value.clone())]);
    Record::of_fields(&alone).is_some()
}

/// A line in which everything that is not JSON was replaced.
struct Repaired {
    text: String,
    /// Characters of a string were lost.
    replaced: bool,
}

fn repair(line: &str) -> Repaired {
    let mut repaired = Repaired {
        text: String::with_capacity(line.len()),
        replaced: false,
    };
    let mut rest = line;
    while let Some(quote) = rest.find('"') {
        let (between, string) = rest.split_at(quote);
        repaired.between(between);
        repaired.text.push('"');
        rest = repaired.string(&string[1..]);
    }
    repaired.between(rest);
    repaired
}

impl Repaired {
    /// Takes the text between two strings.
    fn between(&mut self, text: &str) {
        self.text.push_str(
            &text
                .replace("-Infinity", "null")
                .replace("Infinity", "null")
                .replace("NaN", "null"),
        );
    }

    /// Takes a string behind its first quote, and returns what follows it.
    fn string<'a>(&mut self, mut rest: &'a str) -> &'a str {
        while let Some(at) = rest.find(['"', '\\']) {
            self.text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(behind) = rest.strip_prefix('"') {
                self.text.push('"');
                return behind;
            }
            rest = self.escape(rest);
        }
        self.text.push_str(rest);
        ""
    }

    /// Takes an escape, or two that are one character, and returns what follows.
    fn escape<'a>(&mut self, rest: &'a str) -> &'a str {
        let is_pair = |first| {
            (0xd800..0xdc00).contains(&first)
                && unit(&rest[6..]).is_some_and(|unit| (0xdc00..0xe000).contains(&unit))
        };
        let length = match unit(rest) {
            Some(first) if is_pair(first) => 12,
            Some(0xd800..0xe000) => {
                self.replaced = true;
                self.text.push(char::REPLACEMENT_CHARACTER);
                return &rest[6..];
            }
            Some(_) => 6,
            None => rest.chars().take(2).map(char::len_utf8).sum(),
        };
        self.text.push_str(&rest[..length]);
        &rest[length..]
    }
}

/// Returns the UTF-16 unit that an escape at the beginning of `text` stands for.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &str) -> Record {
        let line = format!(r#"{{"interaction_id": "a", "timestamp": 1.5, {fields}}}"#);
        Record::read(line.as_bytes()).unwrap_or_else(|| panic!("{line}"))
    }

    #[test]
    fn half_a_character_is_replaced_and_the_record_says_so() {
        for (written, text) in [
            (r"a \ud83d b", "a \u{fffd} b"),
            (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (r"\ud83d\n\\ud83d\u00fc", "\u{fffd}\n\\ud83dü"),
            (r#"\"NaN\" \ud83d"#, "\"NaN\" \u{fffd}"),
        ] {
            let record = read(&format!(
                r#""prompt_full": "{written}", "status": "success""#
            ));
            assert_eq!(
                (record.prompt_full.as_deref(), record.truncated),
                (Some(text), Some(true)),
                "{written}"
            );
            assert_eq!((record.status.as_str(), record.timestamp), ("success", 1.5));
        }
        let invalid = Record::read(b"{\"timestamp\": 1, \"prompt_full\": \"a\xffb\"}").unwrap();
        assert_eq!(
            (invalid.prompt_full.as_deref(), invalid.truncated),
            (Some("a\u{fffd}b"), Some(true))
        );
    }

    #[test]
    fn what_has_no_value_is_unknown() {
        let record = read(
            r#""endpoint": null, "prompt_category": null, "duration": Infinity, "tokens_per_second": NaN, "eval_duration": -Infinity, "load_duration": 2"#,
        );
        assert_eq!(
            (record.endpoint.as_str(), record.prompt_category.as_str()),
            ("", "")
        );
        assert_eq!(
            (
                record.duration_seconds,
                record.tokens_per_second,
                record.eval_duration_seconds
            ),
            (None, None, None)
        );
        assert_eq!(
            (record.load_duration_seconds, record.truncated),
            (Some(2.0), None)
        );
    }

    #[test]
    fn a_count_may_be_written_as_a_float() {
        let record = read(
            r#""prompt_tokens": 4.0, "generated_tokens": 4.5, "tokens_per_second": 4.0, "stream": "yes""#,
        );
        assert_eq!(
            (
                record.prompt_tokens,
                record.generated_tokens,
                record.tokens_per_second
            ),
            (Some(4), None, Some(4.0))
        );
        assert_eq!((record.stream, record.interaction_id.as_str()), (None, "a"));
    }

    #[test]
    fn what_is_no_record_or_has_no_place_is_refused() {
        for bad in [
            "",
            "no record",
            "[1]",
            "null",
            r#"{"timestamp": NaN}"#,
            r#"{"timestamp": "noon"}"#,
            r#"{"interaction_id": 7}"#,
            r#"{"prompt_full": "\"#,
            r#"{"a": "\ud8"#,
        ] {
            assert!(Record::read(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
