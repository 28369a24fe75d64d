//! Truncates the longest texts of records that are too long for a line in Loki.

use serde_json::Value;

use crate::history::record::Record;
use crate::observe::text::prefix;

/// The longest line (bytes). Loki refuses entries of more than 262,144 bytes.
pub const LINE_MAX: usize = 256_000;

/// Truncates `record` to at most `max` bytes of JSON; returns whether that was necessary. If names,
/// numbers and punctuation take more than half of them, lists are left out altogether.
pub fn truncate(record: &mut Record, max: usize) -> bool {
    if json(record).len() <= max {
        return false;
    }
    let frame = |record: &mut Record| {
        json(record).len()
            - texts(record)
                .iter()
                .map(|text| json_length(text))
                .sum::<usize>()
    };
    if frame(record) > max / 2 {
        record.parameters = None;
    }
    if frame(record) > max / 2 {
        record.tool_calls = None;
        record.messages = None;
        record.metadata = Value::Null;
    }
    let excess = json(record).len().saturating_sub(max);
    let mut texts = texts(record);
    let level = level(texts.iter().map(|text| json_length(text)).collect(), excess);
    for text in &mut texts {
        text.truncate(json_prefix(text, level).len());
    }
    true
}

/// Serializes a record. It has no map with keys that are not text, which alone would fail.
fn json(record: &Record) -> String {
    serde_json::to_string(record).unwrap_or_default()
}

/// Returns every text of a record that may be long.
fn texts(record: &mut Record) -> Vec<&mut String> {
    let Record {
        prompt_full,
        response_full,
        thinking_full,
        tool_calls,
        error,
        model,
        prompt_preview,
        response_preview,
        findings,
        system,
        messages,
        ..
    } = record;
    let optional = [
        prompt_full,
        response_full,
        thinking_full,
        error,
        model,
        prompt_preview,
        response_preview,
        system,
        &mut record.done_reason,
    ];
    let calls = tool_calls
        .iter_mut()
        .flatten()
        .flat_map(|call| [&mut call.name, &mut call.arguments]);
    let said = messages
        .iter_mut()
        .flatten()
        .flat_map(|message| [&mut message.text, &mut message.thinking])
        .flatten();
    let sentences = findings
        .iter_mut()
        .flat_map(|finding| [&mut finding.sentence, &mut finding.way_out]);
    let metadata = record
        .metadata
        .as_object_mut()
        .into_iter()
        .flat_map(|fields| fields.values_mut());
    let noted = metadata.filter_map(|value| {
        if let Value::String(text) = value {
            Some(text)
        } else {
            None
        }
    });
    optional
        .into_iter()
        .flatten()
        .chain(calls)
        .chain(said)
        .chain(sentences)
        .chain(noted)
        .collect()
}

/// Returns the length to truncate texts of these lengths to, so that together they lose at least
/// `excess`: the longest lose most.
fn level(mut lengths: Vec<usize>, excess: usize) -> usize {
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    let mut sum = 0;
    for (i, length) in lengths.iter().enumerate() {
        sum += length;
        let level = sum.saturating_sub(excess) / (i + 1);
        if sum >= excess && level >= lengths.get(i + 1).copied().unwrap_or_default() {
            return level;
        }
    }
    0
}

/// Returns the bytes of a text in JSON, without its quotes.
pub fn json_length(text: &str) -> usize {
    text.bytes().map(json_cost).sum()
}

/// Returns the longest beginning of a text that takes at most `bytes` in JSON.
fn json_prefix(text: &str, bytes: usize) -> &str {
    let mut used = 0;
    let fits = |byte: &u8| {
        used += json_cost(*byte);
        used <= bytes
    };
    let end = text.as_bytes().iter().copied().take_while(fits).count();
    prefix(text, end)
}

fn json_cost(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        ..0x20 => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::store::suite;
    use crate::observe::exchange::ToolCall;

    fn truncated(record: &Record) -> Record {
        let mut truncated = record.clone();
        let is_cut = truncate(&mut truncated, LINE_MAX);
        assert!(json(&truncated).len() <= LINE_MAX && is_cut == (truncated != *record));
        truncated
    }

    #[test]
    fn a_record_that_fits_stays_as_it_is() {
        assert_eq!(truncated(&suite::record(1)), suite::record(1));
        let mut full = Record {
            prompt_full: Some(String::new()),
            ..suite::record(1)
        };
        full.prompt_full = Some("x".repeat(LINE_MAX - json(&full).len()));
        assert_eq!((json(&full).len(), truncated(&full)), (LINE_MAX, full));
    }

    #[test]
    fn the_longest_texts_are_cut_between_characters() {
        for text in ["x", "🙂", "\"", "\0", "\n空"] {
            let long = text.repeat(300_000 / text.len());
            let record = Record {
                prompt_full: Some(long.clone()),
                response_full: Some(long.clone()),
                ..suite::record(1)
            };
            let cut = truncated(&record);
            let (prompt, response) = (
                cut.prompt_full.clone().unwrap(),
                cut.response_full.clone().unwrap(),
            );
            assert!(long.starts_with(&prompt) && prompt.len() == response.len());
            assert!(
                json(&cut).len() > LINE_MAX - 32,
                "no more than needed is cut: {text:?}"
            );
            let rest = Record {
                prompt_full: None,
                response_full: None,
                ..cut
            };
            assert_eq!(
                rest,
                Record {
                    prompt_full: None,
                    response_full: None,
                    ..suite::record(1)
                }
            );
        }
    }

    #[test]
    fn whatever_is_long_is_cut() {
        let long = "\u{1}".repeat(300_000);
        let call = ToolCall {
            name: "f".to_owned(),
            arguments: long.clone(),
        };
        let cases = [
            Record {
                error: Some(long.clone()),
                ..suite::record(1)
            },
            Record {
                model: Some(long.clone()),
                thinking_full: Some(long.clone()),
                ..suite::record(1)
            },
            Record {
                tool_calls: Some(vec![call.clone(), call]),
                ..suite::record(1)
            },
            Record {
                metadata: serde_json::json!({"user_agent": long}),
                ..suite::record(1)
            },
            Record {
                metadata: serde_json::json!({"list": [long]}),
                ..suite::record(1)
            },
            Record {
                tool_calls: Some(vec![ToolCall::default(); 20_000]),
                ..suite::record(1)
            },
        ];
        for record in cases {
            let cut = truncated(&record);
            assert_eq!(
                (cut.interaction_id, cut.timestamp),
                (record.interaction_id, record.timestamp)
            );
            assert_eq!(
                cut.prompt_full, record.prompt_full,
                "what is short stays whole"
            );
        }
    }

    #[test]
    fn the_level_takes_from_the_longest_first() {
        assert_eq!(level(vec![10, 100, 50], 40), 60);
        assert_eq!(level(vec![10, 100, 50], 100), 25);
        assert_eq!(level(vec![10, 100, 50], 1000), 0);
        assert_eq!(level(vec![7], 0), 7);
    }
}
