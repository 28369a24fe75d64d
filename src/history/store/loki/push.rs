//! Conversion of records to the body of a push: one part of some records of one stream, since Loki
//! answers for the last stream of a push alone.

use serde::Serialize;
use serde_json::{Map, Value};

use super::entry::RecordEntries;
use super::time::nanos;
use super::truncate::json_length;
use crate::history::record::Record;
use crate::history::store::query::UNKNOWN_NAME;

/// The label `job` of all streams of this program.
pub const JOB: &str = "ollama-tap";

/// The largest body before compression (bytes). Loki takes 4 MB/s, and refuses for ever a body
/// beyond its burst of 6 MB.
pub const BODY_MAX: usize = 1_000_000;

/// The most records of a push: in a body of short ones.
const RECORDS_MAX: usize = 500;

/// The bytes of an entry beside its line: brackets, quotes, commas, a time of 19 digits and
/// structured metadata.
const ENTRY_COST: usize = 1024;

/// The part of a record that an entry holds: a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Text,
    Facts,
}

impl Part {
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Text => "text",
            Part::Facts => "facts",
        }
    }
}

/// The stream of a record, without the part: bounded by machines and taps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    pub host: String,
    pub tap: String,
    /// Records that come long after newer ones, which Loki does not take into the same stream.
    pub late: bool,
}

/// The labels of a stream.
#[derive(Serialize)]
struct Labels<'a> {
    job: &'static str,
    host: &'a str,
    tap: &'a str,
    part: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    late: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Plain(String, &'a str),
    WithMetadata(String, &'a str, &'a Map<String, Value>),
}

#[derive(Serialize)]
struct Values<'a> {
    stream: Labels<'a>,
    values: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Push<'a> {
    streams: [Values<'a>; 1],
}

/// A record in the form it is pushed, and its time (nanoseconds since 1970).
pub struct EncodedRecord {
    pub time: i64,
    entries: RecordEntries,
}

impl EncodedRecord {
    pub fn new(record: &Record) -> EncodedRecord {
        EncodedRecord {
            time: nanos(record.timestamp),
            entries: RecordEntries::new(record),
        }
    }

    fn line(&self, part: Part) -> &str {
        match part {
            Part::Text => &self.entries.text,
            Part::Facts => &self.entries.facts,
        }
    }
}

impl StreamKey {
    /// Returns the stream of a record that is not late.
    pub fn of(record: &Record) -> StreamKey {
        let text = |text: Option<String>| {
            text.filter(|text| !text.is_empty())
                .unwrap_or_else(|| UNKNOWN_NAME.to_owned())
        };
        StreamKey {
            host: text(record.host.clone()),
            tap: text(record.tap.map(|tap| tap.to_string())),
            late: false,
        }
    }

    /// Makes the body that pushes this part of the records.
    pub fn body(&self, part: Part, records: &[EncodedRecord], with_metadata: bool) -> Vec<u8> {
        let values = records.iter().map(|record| match with_metadata {
            true => Line::WithMetadata(
                record.time.to_string(),
                record.line(part),
                &record.entries.metadata,
            ),
            false => Line::Plain(record.time.to_string(), record.line(part)),
        });
        let late = self.late.then_some("1");
        let labels = Labels {
            job: JOB,
            host: &self.host,
            tap: &self.tap,
            part: part.as_str(),
            late,
        };
        serde_json::to_vec(&Push {
            streams: [Values {
                stream: labels,
                values: values.collect(),
            }],
        })
        .unwrap_or_default()
    }
}

/// Encodes as many of the first records as go into a body of at most `max` bytes, but at least one.
pub fn first_batch(records: &[Record], max: usize) -> Vec<EncodedRecord> {
    let mut bytes = 0;
    let mut first_batch = Vec::new();
    for record in records.iter().take(RECORDS_MAX) {
        let record = EncodedRecord::new(record);
        bytes +=
            json_length(&record.entries.text).max(json_length(&record.entries.facts)) + ENTRY_COST;
        if bytes > max && !first_batch.is_empty() {
            break;
        }
        first_batch.push(record);
    }
    first_batch
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::history::store::suite;

    fn body(
        stream: &StreamKey,
        part: Part,
        records: &[EncodedRecord],
        with_metadata: bool,
    ) -> Value {
        serde_json::from_slice(&stream.body(part, records, with_metadata)).unwrap()
    }

    #[test]
    fn a_push_is_one_part_of_one_stream() {
        let records =
            [suite::record(1), suite::record(3)].map(|record| EncodedRecord::new(&record));
        let stream = StreamKey::of(&suite::record(1));
        let facts = body(&stream, Part::Facts, &records, false);
        assert_eq!(
            facts["streams"][0]["stream"],
            json!({"job": "ollama-tap", "host": "box", "tap": "8000", "part": "facts"})
        );
        let values = [0, 1].map(|n| json!([records[n].time.to_string(), records[n].entries.facts]));
        assert_eq!(facts["streams"][0]["values"], json!(values));
        let late = StreamKey {
            late: true,
            ..stream
        };
        let texts = body(&late, Part::Text, &records, true);
        assert_eq!(
            texts["streams"][0]["stream"],
            json!({"job": "ollama-tap", "host": "box", "tap": "8000", "part": "text", "late": "1"})
        );
        assert_eq!(texts["streams"][0]["values"][1][2]["model"], "phi4");
        assert_eq!(records[0].time / 1000, 1_795_262_401_123_456);
    }

    #[test]
    fn bodies_stay_under_their_bound_whatever_they_hold() {
        let text = "\\\"\0".repeat(30_000);
        let hostile = |n| Record {
            prompt_full: Some(text.clone()),
            model: Some(format!("{n}\"\"")),
            ..suite::record(n)
        };
        for records in [
            (0..8).map(hostile).collect::<Vec<_>>(),
            (0..1500).map(suite::record).collect(),
        ] {
            let (stream, mut rest) = (StreamKey::of(&suite::record(1)), &records[..]);
            while !rest.is_empty() {
                let now = first_batch(rest, BODY_MAX);
                for part in [Part::Text, Part::Facts] {
                    assert!(stream.body(part, &now, true).len() <= BODY_MAX);
                }
                rest = &rest[now.len()..];
            }
        }
        assert_eq!(
            (
                first_batch(&[hostile(1), hostile(2)], 10).len(),
                first_batch(&[], 10).len()
            ),
            (1, 0)
        );
    }
}
