//! From records to the body of a push: streams by their labels, lines that fit, bodies that fit.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::cut::{json_length, line};
use super::time::nanos;
use crate::record::Record;
use crate::store::query::UNKNOWN;

/// The label `job` of all that is ours.
pub const JOB: &str = "ollama-tap";

/// The label of a model that has none of its own.
const OTHER: &str = "other";

/// Models with a label of their own, per process: every label is a stream that Loki keeps open, and names come from the network.
const MODELS_MAX: usize = 200;

/// The longest label (bytes). Loki refuses 2,048; Ollama's own names are shorter.
pub const LABEL_MAX: usize = 256;

/// The largest body before compression (bytes). Loki takes 4 MB/s, and refuses for ever what is over its burst of 6 MB.
pub const BODY_MAX: usize = 1_000_000;

/// What a line costs beside itself: brackets, quotes, commas and a time of 19 digits (bytes).
const LINE_COST: usize = 32;

/// What a stream costs beside its labels' values: their names, brackets and quotes (bytes).
const STREAM_COST: usize = 160;

/// The body of one request, and how many records it holds.
pub struct Request {
    pub body: Vec<u8>,
    pub records: usize,
}

/// The labels of a stream.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Labels<'a> {
    job: &'static str,
    model: &'a str,
    endpoint: &'a str,
    status: &'a str,
    prompt_category: &'a str,
    host: &'a str,
}

#[derive(Serialize)]
struct Stream<'a> {
    stream: &'a Labels<'a>,
    values: &'a [(String, String)],
}

#[derive(Serialize)]
struct Push<'a> {
    streams: Vec<Stream<'a>>,
}

/// The models that have a label of their own.
#[derive(Default)]
pub struct Models(HashSet<String>);

impl Models {
    fn label<'a>(&mut self, record: &'a Record) -> &'a str {
        match record.model.as_deref() {
            None => UNKNOWN,
            Some(name) if self.0.contains(name) || self.admit(name) => name,
            Some(_) => OTHER,
        }
    }

    fn admit(&mut self, name: &str) -> bool {
        self.0.len() < MODELS_MAX && is_label(name) && self.0.insert(name.to_owned())
    }
}

/// Whether a name can be a label as it is.
fn is_label(name: &str) -> bool {
    !name.is_empty() && name.len() <= LABEL_MAX && !name.chars().any(char::is_control)
}

/// As many of the first records as fit into one request, at least one.
pub fn request(records: &[Record], models: &mut Models, host: &str) -> Request {
    let mut streams: BTreeMap<Labels, Vec<(String, String)>> = BTreeMap::new();
    let (mut bytes, mut count) = (STREAM_COST, 0);
    for record in records {
        let labels = labels(record, models, host);
        let line = line(record);
        bytes += json_length(&line) + LINE_COST;
        if !streams.contains_key(&labels) {
            bytes += labels.cost();
        }
        if bytes > BODY_MAX && count > 0 {
            break;
        }
        streams.entry(labels).or_default().push((nanos(record.timestamp).to_string(), line));
        count += 1;
    }
    let streams = streams.iter().map(|(stream, values)| Stream { stream, values }).collect();
    Request { body: serde_json::to_vec(&Push { streams }).unwrap_or_default(), records: count }
}

fn labels<'a>(record: &'a Record, models: &mut Models, host: &'a str) -> Labels<'a> {
    Labels {
        job: JOB,
        model: models.label(record),
        endpoint: &record.endpoint,
        status: &record.status,
        prompt_category: &record.prompt_category,
        host,
    }
}

impl Labels<'_> {
    /// Bytes in a request.
    fn cost(&self) -> usize {
        let values = [self.model, self.endpoint, self.status, self.prompt_category, self.host];
        STREAM_COST + values.map(json_length).iter().sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::store::suite;

    fn body(request: &Request) -> Value {
        serde_json::from_slice(&request.body).unwrap()
    }

    #[test]
    fn a_record_is_a_line_of_the_stream_of_its_labels() {
        let records = [suite::record(1), suite::record(3), suite::record(7)];
        let request = request(&records, &mut Models::default(), "box");
        let stream = |endpoint: &str| json!({"job": "ollama-tap", "model": "phi4", "endpoint": endpoint, "status": "success", "prompt_category": "other", "host": "box"});
        let value = |n: usize| json!([format!("{}", nanos(records[n].timestamp)), serde_json::to_string(&records[n]).unwrap()]);
        let streams = json!([
            {"stream": stream("api/chat"), "values": [value(1)]},
            {"stream": stream("api/generate"), "values": [value(0), value(2)]},
        ]);
        assert_eq!((request.records, body(&request)), (3, json!({"streams": streams})));
        assert_eq!(nanos(records[0].timestamp) / 1000, 1_795_262_401_123_456);
    }

    #[test]
    fn bodies_stay_under_their_bound_whatever_they_hold() {
        let text = "\\\"\0".repeat(30_000);
        let hostile = |n| Record { prompt_full: Some(text.clone()), model: Some(format!("{n}\"\"")), ..suite::record(n) };
        let small = (0..1500).map(|n| Record { model: Some(format!("m{}", n % 150)), ..suite::record(n) });
        for records in [(0..5).map(hostile).collect::<Vec<_>>(), small.collect()] {
            let (mut models, mut rest, mut sizes) = (Models::default(), &records[..], Vec::new());
            while !rest.is_empty() {
                let request = request(rest, &mut models, "box");
                assert!(request.body.len() <= BODY_MAX, "{}", request.body.len());
                sizes.push(request.body.len());
                rest = &rest[request.records..];
            }
            assert!(sizes.iter().rev().skip(1).all(|size| *size > BODY_MAX / 3), "{sizes:?}");
        }
    }

    #[test]
    fn names_from_the_network_do_not_become_streams_without_bound() {
        let mut models = Models::default();
        let mut label = |name: &str| models.label(&Record { model: Some(name.to_owned()), ..Record::default() }).to_owned();
        for bad in ["", "a\nb", "\0", &"x".repeat(LABEL_MAX + 1)] {
            assert_eq!(label(bad), "other");
        }
        for n in 0..MODELS_MAX {
            assert_eq!(label(&format!("m{n}")), format!("m{n}"));
        }
        assert_eq!((label("one more").as_str(), label("m7").as_str()), ("other", "m7"));
        assert_eq!(models.label(&Record::default()), "unknown");
    }
}
