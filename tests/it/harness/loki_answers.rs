//! What the stand-in for Loki keeps, checks and answers. The words are a real one's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::Seen;
use super::logql::{Count, Labels, Query};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Loki's default limits.
const LINE_MAX: usize = 262_144;
const BURST_MAX: usize = 6 << 20;
const LABELS_MAX: usize = 15;
const ENTRIES_MAX: usize = 5000;
const RANGE_MAX: i64 = 30 * DAY + 3600 * SECOND;
const OLDEST: i64 = 7 * DAY;
const AHEAD: i64 = 3600 * SECOND;

/// What the stand-in does and has seen. A test may change it at any time.
#[derive(Default)]
pub struct State {
    pub streams: BTreeMap<Labels, BTreeSet<(i64, String)>>,
    pub seen: Vec<Seen>,
    /// Answers of the next pushes, which store nothing: status and words.
    pub faults: VecDeque<(u16, String)>,
    /// A request needs a tenant.
    pub tenants: bool,
    /// Now, in nanoseconds since 1970: what is too old or too new is refused. `None`: nothing is.
    pub now: Option<i64>,
    /// Cut the connection of the next pushes after storing them, so many times.
    pub cuts: usize,
}

/// An answer: status line, content type, body.
pub struct Reply {
    status: u16,
    kind: &'static str,
    body: String,
    chunked: bool,
}

impl State {
    pub fn answer(&mut self, seen: &Seen) -> Reply {
        if self.tenants && !seen.headers.contains_key("x-scope-orgid") {
            return Reply::error(401, "no org id\n");
        }
        // What comes before is a gateway's.
        let api = seen.path.find("/loki/api/v1/").map_or("", |at| &seen.path[at..]);
        let answer = match api.trim_start_matches("/loki/api/v1/") {
            "push" if seen.method == "POST" => {
                return self.push(seen).unwrap_or_else(|(status, words)| Reply::error(status, &(words + "\n")));
            }
            "query_range" => self.query_range(seen),
            "query" => self.query(seen),
            _ => return Reply::error(404, "404 page not found\n"),
        };
        answer.map_or_else(
            |words| Reply::error(400, &words),
            |(kind, result)| {
                let data = json!({"resultType": kind, "result": result, "stats": {"summary": {"totalEntriesReturned": 0}}});
                let body = format!("{}\n", json!({"status": "success", "data": data}));
                Reply { status: 200, kind: "application/json; charset=UTF-8", body, chunked: true }
            },
        )
    }

    fn push(&mut self, seen: &Seen) -> Result<Reply, (u16, String)> {
        if let Some(fault) = self.faults.pop_front() {
            return Err(fault);
        }
        let bad = |words: String| (400, words);
        match seen.headers.get("content-type").map(String::as_str) {
            Some("application/json") => {}
            None => return Err(bad("mime: no media type".to_owned())),
            Some(_) => return Err(bad("unknown content type".to_owned())),
        }
        let push: Value = serde_json::from_slice(&seen.body).map_err(|_| bad(BAD_JSON.to_owned()))?;
        let streams = push["streams"].as_array().filter(|streams| !streams.is_empty());
        let streams = streams.ok_or((422, "error at least one valid stream is required for ingestion".to_owned()))?;
        let lines = || streams.iter().flat_map(|stream| stream["values"].as_array().into_iter().flatten());
        let bytes: usize = lines().map(|value| value[1].as_str().map_or(0, str::len)).sum();
        if bytes > BURST_MAX {
            return Err((429, rate_limited(lines().count(), bytes)));
        }
        let mut refused = BTreeMap::new();
        for stream in streams {
            self.store(stream, &mut refused).map_err(bad)?;
        }
        if refused.is_empty() { Ok(Reply { status: 204, kind: "", body: String::new(), chunked: false }) } else { Err(bad(told(&refused))) }
    }

    /// Stores the good entries of a stream and counts what is wrong with the others.
    fn store(&mut self, stream: &Value, refused: &mut BTreeMap<String, usize>) -> Result<(), String> {
        let labels = stream["stream"].as_object().ok_or(BAD_JSON)?;
        let mut labels: Labels = labels.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
        let count = labels.len();
        check_names(&labels)?;
        let service = labels.get("job").cloned().unwrap_or_else(|| "unknown_service".to_owned());
        labels.insert("service_name".to_owned(), service);
        for value in stream["values"].as_array().into_iter().flatten() {
            let time: i64 = value[0].as_str().and_then(|time| time.parse().ok()).ok_or(BAD_JSON)?;
            let line = value[1].as_str().ok_or(BAD_JSON)?;
            match self.objection(&labels, count, time, line) {
                Some(objection) => *refused.entry(objection).or_default() += 1,
                None => drop(self.streams.entry(labels.clone()).or_default().insert((time, line.to_owned()))),
            }
        }
        Ok(())
    }

    fn objection(&self, labels: &Labels, count: usize, time: i64, line: &str) -> Option<String> {
        let stream = shown(labels);
        let now = self.now.unwrap_or(time);
        if line.len() > LINE_MAX {
            let length = line.len();
            let entry = format!("while adding an entry with length '{length}' bytes");
            return Some(format!("max entry size '{LINE_MAX}' bytes exceeded for stream '{stream}' {entry}"));
        }
        if count > LABELS_MAX {
            return Some(format!("entry for stream '{stream}' has {count} label names; limit {LABELS_MAX}"));
        }
        if time < now - OLDEST {
            let oldest = rfc3339(now - OLDEST);
            let words = format!("has timestamp too old: {}, oldest acceptable timestamp is: {oldest}", rfc3339(time));
            return Some(format!("entry for stream '{stream}' {words}"));
        }
        (time > now + AHEAD).then(|| format!("entry for stream '{stream}' has timestamp too new: {}", rfc3339(time)))
    }

    fn query_range(&self, seen: &Seen) -> Result<(&'static str, Value), String> {
        let number = |name: &str| seen.parameters.get(name).and_then(|text| text.parse::<i64>().ok());
        let (start, end) = (number("start").ok_or("bad start")?, number("end").ok_or("bad end")?);
        let limit = number("limit").map_or(100, |limit| limit as usize);
        let query = Query::parse(seen.parameters.get("query").map_or("", String::as_str))?;
        if limit > ENTRIES_MAX {
            let text = "max entries limit per query exceeded, limit > max_entries_limit_per_query";
            return Err(format!("{text} ({limit} > {ENTRIES_MAX})"));
        }
        if end <= start {
            return Err("end timestamp must not be before or equal to start time".to_owned());
        }
        if end - start > RANGE_MAX {
            let length = go_duration(end / 1_000_000 - start / 1_000_000);
            return Err(format!("the query time range exceeds the limit (query length: {length}, limit: 30d1h)"));
        }
        let forward = seen.parameters.get("direction").is_some_and(|direction| direction == "forward");
        Ok(("streams", self.found(&query, start, end, limit, forward)))
    }

    /// The first entries in the order asked for, by stream.
    fn found(&self, query: &Query, start: i64, end: i64, limit: usize, forward: bool) -> Value {
        let mut found: Vec<(i64, &String, &Labels)> = Vec::new();
        for (labels, entries) in self.streams.iter().filter(|(labels, _)| query.selects(labels)) {
            let entries = entries.range((start, String::new())..(end, String::new()));
            found.extend(entries.filter(|(_, line)| query.finds(line)).map(|(time, line)| (*time, line, labels)));
        }
        found.sort_by_key(|(time, ..)| if forward { *time } else { -*time });
        found.truncate(limit);
        let mut streams: BTreeMap<Labels, Vec<Value>> = BTreeMap::new();
        for (time, line, labels) in found {
            let mut labels = labels.clone();
            let level = if line.contains("error") { "error" } else { "unknown" };
            labels.insert("detected_level".to_owned(), level.to_owned());
            streams.entry(labels).or_default().push(json!([time.to_string(), line]));
        }
        streams.into_iter().map(|(labels, values)| json!({"stream": labels, "values": values})).collect()
    }

    /// A range excludes its start and includes its end.
    fn query(&self, seen: &Seen) -> Result<(&'static str, Value), String> {
        let Count { by, query, range } = Count::parse(seen.parameters.get("query").map_or("", String::as_str))?;
        let time: i64 = seen.parameters.get("time").and_then(|text| text.parse().ok()).ok_or("bad time")?;
        if range * SECOND > RANGE_MAX {
            return Err(format!("the query time range exceeds the limit (query length: {range}s, limit: 30d1h)"));
        }
        let mut counts: BTreeMap<Labels, usize> = BTreeMap::new();
        for (labels, entries) in self.streams.iter().filter(|(labels, _)| query.selects(labels)) {
            let inside = |entry: &&(i64, String)| entry.0 > time - range * SECOND && entry.0 <= time && query.finds(&entry.1);
            let group = by.iter().filter_map(|name| Some((name.clone(), labels.get(name)?.clone()))).collect();
            *counts.entry(group).or_default() += entries.iter().filter(inside).count();
        }
        let sample =
            |(metric, count): (Labels, usize)| json!({"metric": metric, "value": [(time / 1_000_000) as f64 / 1e3, count.to_string()]});
        Ok(("vector", counts.into_iter().filter(|(_, count)| *count > 0).map(sample).collect()))
    }
}

impl Reply {
    fn error(status: u16, words: &str) -> Reply {
        Reply { status, kind: "text/plain; charset=utf-8", body: words.to_owned(), chunked: false }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let reason = match self.status {
            200 => "OK",
            204 => "No Content",
            400 => "Bad Request",
            401 => "Unauthorized",
            404 => "Not Found",
            422 => "Unprocessable Entity",
            429 => "Too Many Requests",
            500 => "Internal Server Error",
            _ => "Something",
        };
        let head = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        let kind = if self.kind.is_empty() { String::new() } else { format!("Content-Type: {}\r\n", self.kind) };
        let body = &self.body;
        let rest = match (self.chunked, self.status) {
            (true, _) => format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
            (_, 204) => "\r\n".to_owned(),
            _ => format!("X-Content-Type-Options: nosniff\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        };
        (head + &kind + &rest).into_bytes()
    }
}

/// What was recorded of a body that ends too early.
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
    refused.iter().map(|(words, count)| format!("{count} errors like: {words}")).collect::<Vec<_>>().join("; ")
}

fn check_names(labels: &Labels) -> Result<(), String> {
    let is_good = |(at, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || at > 0 && c.is_ascii_digit();
    for name in labels.keys() {
        if let Some((_, c)) = name.char_indices().find(|at| !is_good(*at)) {
            let text = shown(labels);
            let column = text.find(name.as_str()).and_then(|at| Some(at + text[at..].find(c)? + 1)).unwrap_or_default();
            return Err(format!("couldn't parse labels: 1:{column}: parse error: unexpected character inside braces: '{c}'"));
        }
    }
    Ok(())
}

fn shown(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

fn rfc3339(nanos: i64) -> String {
    chrono::DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn go_duration(millis: i64) -> String {
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    format!("{}h{}m{}{fraction}s", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
