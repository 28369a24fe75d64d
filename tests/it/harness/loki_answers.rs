//! The state of the stand-in for Loki, and its answers in the words of a real one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::Seen;
use super::logql::Labels;

pub const SECOND: i64 = 1_000_000_000;
pub const DAY: i64 = 86_400 * SECOND;

/// The limits of a Loki. A test may lower them.
#[derive(Clone)]
pub struct Limits {
    /// Bytes of the lines of a push: `ingestion_burst_size_mb`.
    pub burst: usize,
    /// Streams that there may be: `max_global_streams_per_user`.
    pub streams: usize,
    /// Bytes that a stream takes, until a test allows more: `per_stream_rate_limit`.
    pub stream_bytes: usize,
    /// How far behind its stream an entry may be (nanoseconds); `None`: as far as it likes. A real one has an hour.
    pub behind: Option<i64>,
    /// Structured metadata is taken.
    pub metadata: bool,
    /// Bytes of an answer: `grpc_server_max_send_msg_size`.
    pub answer: usize,
    /// `max_entries_limit_per_query`.
    pub entries: usize,
    /// `max_query_length` (nanoseconds).
    pub range: i64,
    /// `max_query_lookback` (nanoseconds).
    pub lookback: Option<i64>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            burst: 6 << 20,
            streams: 5000,
            stream_bytes: usize::MAX,
            behind: None,
            metadata: true,
            answer: 4 << 20,
            entries: 5000,
            range: 30 * DAY + 3600 * SECOND,
            lookback: None,
        }
    }
}

/// The state of the stand-in. A test may change it at any time.
#[derive(Default)]
pub struct State {
    pub streams: BTreeMap<Labels, BTreeSet<(i64, String)>>,
    pub seen: Vec<Seen>,
    /// Answers of the next pushes, which store nothing: status and words.
    pub faults: VecDeque<(u16, String)>,
    /// After so many questions for lines the next ones are answered with this: status and words.
    pub breaks: Option<(usize, u16, String)>,
    /// A request needs a tenant.
    pub tenants: bool,
    /// Now, in nanoseconds since 1970: what is too old or too new is refused. `None`: nothing is.
    pub now: Option<i64>,
    pub limits: Limits,
    /// Questions and pushes that were answered with an error, those among them that were about the length of an answer, and bytes of
    /// answers.
    pub errors: usize,
    pub refusals: usize,
    pub bytes: usize,
    /// Entries that questions for lines were answered with.
    pub entries: usize,
    /// Structured metadata, by stream, time and line.
    pub metadata: BTreeMap<(Labels, i64, String), Labels>,
    /// Queries that a real one would have made of the questions so far: one for every hour that it had to look at.
    pub subqueries: usize,
    /// Cut the connection of the next pushes after storing them, so many times.
    pub cuts: usize,
}

/// An answer: status line, content type, body.
pub struct Reply {
    pub status: u16,
    pub kind: &'static str,
    pub body: String,
    pub chunked: bool,
}

impl State {
    pub fn answer(&mut self, seen: &Seen) -> Reply {
        if self.tenants && !seen.headers.contains_key("x-scope-orgid") {
            return Reply::error(401, "no org id\n");
        }
        // What comes before is a gateway's.
        let api = seen
            .path
            .find("/loki/api/v1/")
            .map_or("", |at| &seen.path[at..]);
        let reply = self.answer_to(seen, api);
        self.errors += usize::from(reply.status >= 400);
        self.refusals += usize::from(reply.status == 500);
        self.bytes += reply.body.len();
        reply
    }

    fn answer_to(&mut self, seen: &Seen, api: &str) -> Reply {
        let asked = api.trim_start_matches("/loki/api/v1/");
        match &mut self.breaks {
            Some((0, status, words)) if asked == "query_range" => {
                return Reply::error(*status, words);
            }
            Some((left, ..)) if asked == "query_range" => *left -= 1,
            _ => {}
        }
        let answer = match asked {
            "push" if seen.method == "POST" => {
                return self
                    .push(seen)
                    .unwrap_or_else(|(status, words)| Reply::error(status, &(words + "\n")));
            }
            "query_range" => self
                .query_range(seen)
                .map(|result| data("streams", &result)),
            "query" => self.query(seen).map(|result| data("vector", &result)),
            "series" => self.series(seen),
            _ => return Reply::error(404, "404 page not found\n"),
        };
        match answer {
            Ok(data) => Reply::ok(&data),
            Err((status, words)) => Reply::error(status, &words),
        }
    }
}

fn data(kind: &str, result: &Value) -> Value {
    json!({"resultType": kind, "result": result, "stats": {"summary": {"totalEntriesReturned": 0}}})
}

impl Reply {
    fn ok(data: &Value) -> Reply {
        let body = format!("{}\n", json!({"status": "success", "data": data}));
        Reply {
            status: 200,
            kind: "application/json; charset=UTF-8",
            body,
            chunked: true,
        }
    }

    fn error(status: u16, words: &str) -> Reply {
        Reply {
            status,
            kind: "text/plain; charset=utf-8",
            body: words.to_owned(),
            chunked: false,
        }
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
        let kind = if self.kind.is_empty() {
            String::new()
        } else {
            format!("Content-Type: {}\r\n", self.kind)
        };
        let body = &self.body;
        let rest = match (self.chunked, self.status) {
            (true, _) => format!(
                "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            ),
            (_, 204) => "\r\n".to_owned(),
            _ => format!(
                "X-Content-Type-Options: nosniff\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        };
        (head + &kind + &rest).into_bytes()
    }
}

pub fn shown(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

pub fn rfc3339(nanos: i64) -> String {
    chrono::DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
