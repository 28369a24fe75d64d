//! How our server reads a connection, against Go's net/http, which Ollama uses.
//!
//! The bytes go to the decisions themselves (src/server/http1) and, over a pipe, to a small Go program (server.go), which is
//! built where Go is. Where they differ, ours must have been stricter in one of the ways in `STRICTER`, and each of those must
//! have been met.

/// The Go program.
mod go;
/// The decisions, and a loop around them.
mod ours;
/// Requests to spoil.
mod requests;

use std::collections::BTreeSet;

use self::go::Go;
use crate::harness::require_tool;

const SEED: u64 = 20_261_129;
const COUNT: usize = 20_000;

/// What is seen on a connection: whole requests, and how it ends.
#[derive(Debug, PartialEq)]
struct Seen {
    requests: Vec<Request>,
    end: End,
}

#[derive(Debug, PartialEq)]
struct Request {
    method: String,
    target: Vec<u8>,
    host: Vec<u8>,
    /// Names in small letters, sorted, but for those of the framing and `Host`; the values of one name in their order.
    headers: Vec<(String, Vec<Vec<u8>>)>,
    body: Vec<u8>,
    expects_continue: bool,
}

#[derive(Debug, PartialEq)]
enum End {
    Closed,
    /// More was wanted.
    Unfinished,
    Refused(u16),
}

/// The ways in which we refuse what Go takes, or with another status: each by what our message says.
const STRICTER: [&str; 16] = [
    "content-length together with transfer-encoding",
    "more than one Content-Length header",
    "transfer-encoding in an HTTP/1.0 request",
    // Go's status is 501.
    "is not supported; only \"chunked\" is",
    "more than one Transfer-Encoding header",
    // Go takes the version for one when the whole head is there, and lets the preface of HTTP/2 through.
    "is not supported; speak HTTP/1.1",
    // Go wants none with CONNECT.
    "no Host header",
    "begins with a blank, as if it continued the line before",
    "a bare LF after",
    // In trailers: folds, `name :` and bare LF.
    "\" \" is not allowed in the trailers",
    "\"\\t\" is not allowed in the trailers",
    "\"\\n\" is not allowed in the trailers",
    // Go's sums overflow there: it refuses some of them, and waits for others for ever.
    "the size of a chunk is over",
    // RFC 9112 section 9.3: close counts; with Go its opposite does.
    ours::BOTH,
    // Behind a POST Go skips whatever ends of lines come in four bytes.
    "\"\" is not a request line",
    "a lone CR after \"\"",
];

/// Compares what both make of `input`. Returns in what way we were stricter, if we were.
fn compare(go: &mut Go, input: &[u8]) -> Result<Option<&'static str>, String> {
    let (ours, why, read) = ours::read(input);
    // One CR LF before a request is ignored, as Go does behind a POST alone.
    let gos = go.read(&read);
    if ours == gos {
        return Ok(None);
    }
    let differ = |gos: &Seen| {
        Err(format!(
            "{}\nours: {ours:?} {why:?}\ngo: {gos:?}",
            input.escape_ascii()
        ))
    };
    if ours.end == End::Unfinished || !gos.requests.starts_with(&ours.requests) {
        return differ(&gos);
    }
    if let Some(way) = STRICTER.into_iter().find(|way| why.contains(way)) {
        return Ok(Some(way));
    }
    // We refuse at once what Go refuses when the line is whole, or the head.
    let ended = if gos.end == End::Unfinished {
        go.read(&[&read[..], b"\r\n\r\n"].concat())
    } else {
        gos
    };
    // Where there is another fault beside the Transfer-Encoding, Go's status is that of the latter.
    let is_refused = matches!(ended.end, End::Refused(status) if ours.end == End::Refused(status) || status == 501);
    if is_refused && ended.requests == ours.requests {
        Ok(None)
    } else {
        differ(&ended)
    }
}

#[test]
fn requests_are_read_as_go_reads_them_or_more_strictly_in_a_listed_way() {
    if !require_tool("go", &["version"]) {
        return;
    }
    let mut go = Go::start();
    let mut random = fastrand::Rng::with_seed(SEED);
    let good = requests::written();
    let spoilt = (0..COUNT).map(|_| requests::spoilt(&good, &mut random));
    let (mut met, mut count, mut differences) = (BTreeSet::new(), [0; 3], Vec::new());
    for input in good
        .iter()
        .cloned()
        .chain(requests::at_bounds())
        .chain(spoilt)
    {
        match compare(&mut go, &input) {
            Ok(way) => met.extend(way),
            Err(difference) => differences.push(difference),
        }
        count[match ours::read(&input).0.end {
            End::Closed => 0,
            End::Unfinished => 1,
            End::Refused(_) => 2,
        }] += 1;
    }
    let shown = differences
        .iter()
        .take(20)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("\n\n");
    assert!(
        differences.is_empty(),
        "{} differences with seed {SEED}, among them:\n{shown}",
        differences.len()
    );
    assert_eq!(
        met,
        BTreeSet::from(STRICTER),
        "a way in which nothing was stricter is none"
    );
    assert!(
        count.iter().all(|count| *count > COUNT / 20),
        "{count:?} closed, unfinished, refused"
    );
}

#[test]
fn go_takes_an_empty_line_before_a_request_behind_a_post_alone() {
    if !require_tool("go", &["version"]) {
        return;
    }
    let mut go = Go::start();
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(
        go.read(format!("\r\n{get}").as_bytes()).end,
        End::Refused(400)
    );
    assert_eq!(
        go.read(format!("{}\r\n{get}", get.replace("GET", "POST")).as_bytes())
            .requests
            .len(),
        2
    );
    assert_eq!(
        ours::read(format!("\r\n{get}\r\n{get}").as_bytes())
            .0
            .requests
            .len(),
        2
    );
}

#[test]
fn a_head_may_be_4096_bytes_longer_with_go() {
    if !require_tool("go", &["version"]) {
        return;
    }
    let mut go = Go::start();
    for (length, ours_end, gos_end) in [
        (1 << 20, End::Unfinished, End::Unfinished),
        ((1 << 20) + 1, End::Refused(431), End::Unfinished),
        ((1 << 20) + 8192, End::Refused(431), End::Refused(431)),
    ] {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        let head = format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4));
        assert_eq!(
            (
                ours::read(head.as_bytes()).0.end,
                go.read(head.as_bytes()).end
            ),
            (ours_end, gos_end),
            "{length}"
        );
    }
}
