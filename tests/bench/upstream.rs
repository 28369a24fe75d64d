//! The stand-in for Ollama: answers what the bench asks at the least cost it can, and stamps every token with the time it was written.
//!
//! A thread per connection with a small stack, and blocking calls: one read and one write per request, one sleep and one write per token. Stamps
//! and readings are of one clock because both ends live in one process.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::os;
use crate::wire::{Message, Wire, find, number};

/// A thousand of these threads wait at once; each needs little more than its read buffer.
const STACK: usize = 64 * 1024;

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the bench first asked.
pub fn now() -> u64 {
    EPOCH.elapsed().as_nanos() as u64
}

/// What a stream is to look like. It rides in the prompt, which every proxy passes on, so the upstream needs no state of its own.
///
/// Tokens are due at `phase` + n × `interval` of the bench's clock, whenever the request came, and end at `until`: so the phases of many streams
/// stay spread as they were meant to be, and all streams end together.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Nanoseconds from token to token.
    pub interval: u64,
    /// Nanoseconds by which this stream's tokens come later than full intervals.
    pub phase: u64,
    /// The time, in nanoseconds of [`now`], after which the last object comes.
    pub until: u64,
}

impl Pace {
    /// The request for such a stream, with head.
    pub fn request(&self) -> Vec<u8> {
        generate(&format!(
            r#"{{"model":"llama3.2","prompt":"{}"}}"#,
            self.prompt()
        ))
    }

    /// What to ask a model for such a stream.
    pub fn prompt(&self) -> String {
        let Pace {
            interval,
            phase,
            until,
        } = self;
        format!("Why? interval={interval} phase={phase} until={until}")
    }

    fn of(body: &[u8]) -> Pace {
        let option =
            |name: &[u8]| find(body, name).map_or(0, |at| number(&body[at + name.len()..]));
        Pace {
            interval: option(b"interval=").max(1),
            phase: option(b"phase="),
            until: option(b"until="),
        }
    }

    fn next(&self, now: u64) -> u64 {
        now - now % self.interval + self.phase % self.interval + self.interval
    }
}

/// A request for /api/generate around `body`.
pub fn generate(body: &str) -> Vec<u8> {
    post("/api/generate", body)
}

/// A request for `path` around `body`.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:11434\r\nUser-Agent: bench\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A request and a reply of 2 KB each, as an application that wants no stream exchanges them.
pub fn two_kilobyte_request() -> Vec<u8> {
    let prompt = "Summarize in one sentence what follows. ".to_owned()
        + &"The quick brown fox jumps over the lazy dog. ".repeat(41);
    generate(&format!(
        r#"{{"model":"llama3.2","prompt":"{prompt}","stream":false,"options":{{"temperature":0.7,"num_predict":256}}}}"#
    ))
}

/// Starts the stand-in on a free loopback port; it lives as long as the process.
pub fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    os::widen_backlog(&listener)?;
    let address = listener.local_addr()?;
    thread::Builder::new()
        .name("upstream".into())
        .spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that cannot be served is closed, and whoever opened it fails the case.
                let _ = thread::Builder::new()
                    .stack_size(STACK)
                    .spawn(move || serve(stream));
            }
        })?;
    Ok(address)
}

fn serve(stream: TcpStream) -> io::Result<()> {
    let mut wire = Wire::accepted(stream)?;
    while let Some(request) = wire.message()? {
        match Answer::to(&request) {
            Answer::Whole(reply) => wire.stream().write_all(reply)?,
            Answer::Stream(text, pace) => stream_tokens(wire.stream(), text, pace)?,
        }
    }
    Ok(())
}

enum Answer {
    Whole(&'static [u8]),
    Stream(Text, Pace),
}

impl Answer {
    /// Besides what the bench asks, this knows what the tap asks on its own.
    fn to(request: &Message) -> Answer {
        static VERSION: LazyLock<Vec<u8>> =
            LazyLock::new(|| with_length("200 OK", r#"{"version":"0.33.0"}"#));
        static MODELS: LazyLock<Vec<u8>> =
            LazyLock::new(|| with_length("200 OK", r#"{"models":[]}"#));
        static GENERATED: LazyLock<Vec<u8>> = LazyLock::new(|| whole(Text::Generated));
        static CHATTED: LazyLock<Vec<u8>> = LazyLock::new(|| whole(Text::Chatted));
        static UNKNOWN: LazyLock<Vec<u8>> = LazyLock::new(|| {
            with_length(
                "404 Not Found",
                r#"{"error":"the bench knows no such page"}"#,
            )
        });
        match request.path() {
            b"/api/version" => Answer::Whole(&VERSION),
            b"/api/ps" | b"/api/tags" => Answer::Whole(&MODELS),
            b"/api/generate" if wants_no_stream(request.body()) => Answer::Whole(&GENERATED),
            b"/api/generate" => Answer::Stream(Text::Generated, Pace::of(request.body())),
            b"/api/chat" if wants_no_stream(request.body()) => Answer::Whole(&CHATTED),
            b"/api/chat" => Answer::Stream(Text::Chatted, Pace::of(request.body())),
            _ => Answer::Whole(&UNKNOWN),
        }
    }
}

/// Returns whether the client says so, with or without a blank.
fn wants_no_stream(body: &[u8]) -> bool {
    [b"\"stream\":false".as_slice(), b"\"stream\": false"]
        .iter()
        .any(|words| find(body, words).is_some())
}

/// Where an object has its text.
#[derive(Clone, Copy)]
enum Text {
    Generated,
    Chatted,
}

impl Text {
    fn field(self, text: &str) -> String {
        match self {
            Text::Generated => format!("\"response\":\"{text}\""),
            Text::Chatted => {
                format!("\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}}")
            }
        }
    }
}

/// A reply that is not streamed.
fn whole(text: Text) -> Vec<u8> {
    with_length(
        "200 OK",
        &last_object(&text.field(&"The fox, quick and brown, jumps over a dog. ".repeat(38))),
    )
}

fn stream_tokens(mut stream: &TcpStream, text: Text, pace: Pace) -> io::Result<()> {
    let mut out = String::from(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    let mut due = pace.next(now());
    while due < pace.until {
        thread::sleep(Duration::from_nanos(due.saturating_sub(now())));
        push_chunk(&mut out, &token(&text.field(&format!("{} ", now()))));
        stream.write_all(out.as_bytes())?;
        out.clear();
        due += pace.interval;
    }
    push_chunk(&mut out, &format!("{}\n", last_object(&text.field(""))));
    out.push_str("0\r\n\r\n");
    stream.write_all(out.as_bytes())
}

/// A line of a native stream.
fn token(text: &str) -> String {
    format!(
        "{{\"model\":\"llama3.2\",\"created_at\":\"2026-11-21T18:48:22.123456Z\",{text},\"done\":false}}\n"
    )
}

fn push_chunk(out: &mut String, text: &str) {
    write!(out, "{:x}\r\n{text}\r\n", text.len()).expect("a String takes everything");
}

/// The object with all six counters; `text` has the whole reply where nothing was streamed.
fn last_object(text: &str) -> String {
    format!(
        "{{\"model\":\"llama3.2\",\"created_at\":\"2026-11-21T18:48:22.9Z\",{text},\"done\":true,\"done_reason\":\"stop\",\"context\":[128006,882,128007,271],\"total_duration\":174560334,\"load_duration\":101397084,\"prompt_eval_count\":11,\"prompt_eval_duration\":13074791,\"eval_count\":18,\"eval_duration\":52479709}}"
    )
}

fn with_length(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let date = "Date: Sat, 21 Nov 2026 18:48:22 GMT";
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\n{date}\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}
