//! Checks of a push to the stand-in for Loki.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Seen;
use super::answers::{DAY, Reply, SECOND, State, rfc3339, shown};
use super::logql::Labels;

/// Limits that no test changes.
const LINE_MAX: usize = 262_144;
const LABELS_MAX: usize = 15;
const OLDEST: i64 = 7 * DAY;
const AHEAD: i64 = 3600 * SECOND;

type Refused<T = ()> = Result<T, (u16, String)>;

impl State {
    pub fn push(&mut self, seen: &Seen) -> Refused<Reply> {
        if let Some(fault) = self.faults.pop_front() {
            return Err(fault);
        }
        let bad = |words: String| (400, words);
        match seen.headers.get("content-type").map(String::as_str) {
            Some("application/json") => {}
            None => return Err(bad("mime: no media type".to_owned())),
            Some(_) => return Err(bad("unknown content type".to_owned())),
        }
        let push: Value =
            serde_json::from_slice(&seen.body).map_err(|_| bad(BAD_JSON.to_owned()))?;
        let streams = push["streams"]
            .as_array()
            .filter(|streams| !streams.is_empty());
        let streams = streams.ok_or((
            422,
            "error at least one valid stream is required for ingestion".to_owned(),
        ))?;
        let lines = || {
            streams
                .iter()
                .flat_map(|stream| stream["values"].as_array().into_iter().flatten())
        };
        let bytes: usize = lines()
            .map(|value| value[1].as_str().map_or(0, str::len))
            .sum();
        if bytes > self.limits.burst {
            return Err((429, rate_limited(lines().count(), bytes)));
        }
        let mut refused = BTreeMap::new();
        // A real one's ingester answers for the last stream alone, whatever became of the others.
        let mut last = Ok(());
        for stream in streams {
            last = self.store(stream, &mut refused)?;
        }
        if refused.is_empty() {
            last.map(|()| Reply {
                status: 204,
                kind: "",
                body: String::new(),
                chunked: false,
            })
        } else {
            Err(bad(told(&refused)))
        }
    }

    /// Stores the good entries of a stream and counts what is wrong with the others. Within: what its ingester says.
    fn store(&mut self, stream: &Value, refused: &mut BTreeMap<String, usize>) -> Refused<Refused> {
        let bad = |words: &str| (400, words.to_owned());
        let labels = stream["stream"].as_object().ok_or(bad(BAD_JSON))?;
        let mut labels: Labels = labels
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let count = labels.len();
        check_names(&labels).map_err(|words| bad(&words))?;
        let service = labels
            .get("job")
            .cloned()
            .unwrap_or_else(|| "unknown_service".to_owned());
        labels.insert("service_name".to_owned(), service);
        let mut good = Vec::new();
        for value in stream["values"].as_array().into_iter().flatten() {
            let time: i64 = value[0]
                .as_str()
                .and_then(|time| time.parse().ok())
                .ok_or(bad(BAD_JSON))?;
            let line = value[1].as_str().ok_or(bad(BAD_JSON))?;
            match self.objection(&labels, count, time, line, &value[2]) {
                Some(objection) => *refused.entry(objection).or_default() += 1,
                None => good.push((time, line.to_owned(), metadata(&value[2]))),
            }
        }
        Ok(self.ingest(&labels, good))
    }

    fn ingest(&mut self, labels: &Labels, entries: Vec<(i64, String, Labels)>) -> Refused {
        let stream = shown(labels);
        if !self.streams.contains_key(labels) && self.streams.len() >= self.limits.streams {
            let why = "reduce the number of active streams (reduce labels or reduce label values), or contact your Loki administrator to see if the limit can be increased, user: 'fake'";
            return Err((
                429,
                format!(
                    "maximum active stream limit exceeded when trying to create stream {stream}, {why}"
                ),
            ));
        }
        let limits = self.limits.clone();
        let stored = self.streams.entry(labels.clone()).or_default();
        let is_bounded = limits.stream_bytes < usize::MAX;
        let mut newest = stored.last().map(|entry| entry.0);
        let mut bytes = if is_bounded {
            stored.iter().map(|(_, line)| line.len()).sum()
        } else {
            0
        };
        let (mut ignored, mut status, total) = (Vec::new(), 400, entries.len());
        for (time, line, beside) in entries {
            let acceptable = limits
                .behind
                .and_then(|behind| Some(newest? - behind))
                .unwrap_or(i64::MIN);
            bytes += line.len();
            if time < acceptable {
                let times = format!(
                    "entry timestamp is: {}, oldest acceptable timestamp is: {}",
                    rfc3339(time),
                    rfc3339(acceptable)
                );
                ignored.push(format!(
                    "entry with timestamp {} ignored, reason: 'entry too far behind, {times}',\n",
                    rfc3339(time)
                ));
            } else if bytes > limits.stream_bytes {
                bytes -= line.len();
                status = 429;
                let why = format!(
                    "Per stream rate limit exceeded (limit: 3MB/sec) while attempting to ingest for stream '{stream}'"
                );
                ignored.push(format!(
                    "entry with timestamp {} ignored, reason: '{why}',\n",
                    rfc3339(time)
                ));
            } else {
                newest = newest.max(Some(time));
                stored.insert((time, line.clone()));
                self.metadata.insert((labels.clone(), time, line), beside);
            }
        }
        let told = || {
            format!(
                "{}user 'fake', total ignored: {} out of {total} for stream: {stream}",
                ignored.concat(),
                ignored.len()
            )
        };
        if ignored.is_empty() {
            Ok(())
        } else {
            Err((status, told()))
        }
    }

    fn objection(
        &self,
        labels: &Labels,
        count: usize,
        time: i64,
        line: &str,
        beside: &Value,
    ) -> Option<String> {
        let stream = shown(labels);
        let now = self.now.unwrap_or(time);
        if line.len() > LINE_MAX {
            let length = line.len();
            let entry = format!("while adding an entry with length '{length}' bytes");
            return Some(format!(
                "max entry size '{LINE_MAX}' bytes exceeded for stream '{stream}' {entry}"
            ));
        }
        if !self.limits.metadata && beside.is_object() {
            let way_out = "Please see `limits_config.allow_structured_metadata` or contact your Loki administrator to enable it";
            return Some(format!(
                "stream '{stream}' includes structured metadata, but this feature is disallowed. {way_out}"
            ));
        }
        if count > LABELS_MAX {
            return Some(format!(
                "entry for stream '{stream}' has {count} label names; limit {LABELS_MAX}"
            ));
        }
        if time < now - OLDEST {
            let oldest = rfc3339(now - OLDEST);
            let words = format!(
                "has timestamp too old: {}, oldest acceptable timestamp is: {oldest}",
                rfc3339(time)
            );
            return Some(format!("entry for stream '{stream}' {words}"));
        }
        (time > now + AHEAD).then(|| {
            format!(
                "entry for stream '{stream}' has timestamp too new: {}",
                rfc3339(time)
            )
        })
    }
}

fn metadata(value: &Value) -> Labels {
    let fields = value.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| {
            (
                name.clone(),
                value.as_str().expect("metadata is text").to_owned(),
            )
        })
        .collect()
}

/// The recorded error for a body that ends too early.
const BAD_JSON: &str = r#"loghttp.PushRequest.Streams: []loghttp.LogProtoStream: Skip: do not know how to skip: 0, error found in #10 byte of ...|streams":[|..., bigger context ...|{"streams":[|..."#;

fn rate_limited(lines: usize, bytes: usize) -> String {
    format!(
        "ingestion rate limit exceeded for user fake (limit: 4194304 bytes/sec) while attempting to ingest '{lines}' lines totaling \
         '{bytes}' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased"
    )
}

/// One error as it is, several with their counts.
fn told(refused: &BTreeMap<String, usize>) -> String {
    if refused.len() == 1 && refused.values().all(|count| *count == 1) {
        return refused.keys().next().cloned().unwrap_or_default();
    }
    refused
        .iter()
        .map(|(words, count)| format!("{count} errors like: {words}"))
        .collect::<Vec<_>>()
        .join("; ")
}

fn check_names(labels: &Labels) -> Result<(), String> {
    let is_good = |(at, c): (usize, char)| {
        c == '_' || c.is_ascii_alphabetic() || at > 0 && c.is_ascii_digit()
    };
    for name in labels.keys() {
        if let Some((_, c)) = name.char_indices().find(|at| !is_good(*at)) {
            let text = shown(labels);
            let column = text
                .find(name.as_str())
                .and_then(|at| Some(at + text[at..].find(c)? + 1))
                .unwrap_or_default();
            return Err(format!(
                "couldn't parse labels: 1:{column}: parse error: unexpected character inside braces: '{c}'"
            ));
        }
    }
    Ok(())
}
