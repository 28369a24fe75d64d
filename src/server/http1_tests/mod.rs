//! Tests of http1 as a whole. Beside it and not in it, so that tests/it can include the same files without their tests.

/// The bounds, and that each byte is looked at once.
mod bounds;
/// Requests of real clients, proxies and attackers, and others of each kind.
mod cases;
/// Header lines, and what they decide.
mod fields;
/// The rules once more, for whole inputs, as plainly as possible.
mod model;
/// The model and http1 agree on random requests in random pieces.
mod random;
/// Heads of replies.
mod replies;

use crate::server::http1::{BodyDecoder, Decoded, HeadReader, Refusal, RequestHead, Version};

/// The events on a connection, one after the other.
#[derive(Clone, Debug, PartialEq)]
enum ConnectionEvent {
    Request(ParsedRequest),
    /// With this status; the connection is at its end.
    Refused(u16),
    /// The rest is the beginning of a request, or nothing.
    Incomplete,
    /// At the wish of the client; bytes that it sends afterwards are ignored.
    Closed,
}

/// A whole request.
#[derive(Clone, Debug, Default, PartialEq)]
struct ParsedRequest {
    method: String,
    target: Vec<u8>,
    is_http10: bool,
    /// The header lines as they came.
    lines: Vec<Vec<u8>>,
    body: Vec<u8>,
    expects_continue: bool,
}

/// The events on a connection that brings `pieces`.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<ConnectionEvent> {
    let mut reader = Reader::default();
    for piece in pieces {
        reader.input.extend_from_slice(piece);
        if reader.end.is_none() {
            reader.end = reader.read_available();
        }
    }
    reader
        .events
        .push(reader.end.unwrap_or(ConnectionEvent::Incomplete));
    reader.events
}

/// A connection, read as the server reads it.
#[derive(Default)]
struct Reader {
    head_reader: HeadReader,
    input: Vec<u8>,
    at: Option<(RequestHead, BodyDecoder, Vec<u8>)>,
    events: Vec<ConnectionEvent>,
    end: Option<ConnectionEvent>,
}

impl Reader {
    /// Reads the available input. Returns the end of the connection, if there is one.
    fn read_available(&mut self) -> Option<ConnectionEvent> {
        loop {
            match self.next() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(end) => return Some(end),
            }
        }
    }

    /// Reads a head, or the available part of a body. Returns false if more must come.
    fn next(&mut self) -> Result<bool, ConnectionEvent> {
        let refused = |refusal: Refusal| ConnectionEvent::Refused(refusal.status);
        let Some((_, body, data_so_far)) = &mut self.at else {
            let head = self.head_reader.take(&mut self.input).map_err(refused)?;
            self.at = head.map(|head| {
                let body = BodyDecoder::new(head.framing());
                (head, body, Vec::new())
            });
            return Ok(self.at.is_some());
        };
        let mut rest = &self.input[..];
        let piece = body.next(&mut rest).map_err(refused)?;
        if let Decoded::Data(data) = piece {
            assert!(!data.is_empty());
            data_so_far.extend_from_slice(data);
        }
        let ends = piece == Decoded::End;
        let more = piece == Decoded::NeedMore;
        assert!(!more || rest.is_empty());
        self.input = rest.to_vec();
        if ends {
            self.finish()?;
        }
        Ok(!more)
    }

    fn finish(&mut self) -> Result<(), ConnectionEvent> {
        let (head, _, body) = self.at.take().expect("a request");
        self.events.push(ConnectionEvent::Request(ParsedRequest {
            method: head.method().to_owned(),
            target: head.target().to_owned(),
            is_http10: head.version() == Version::Http10,
            lines: head.fields().map(|field| field.line.to_owned()).collect(),
            body,
            expects_continue: head.expects_continue(),
        }));
        if head.keeps_alive() {
            Ok(())
        } else {
            Err(ConnectionEvent::Closed)
        }
    }
}

/// Summarizes the events on a connection in a line: `POST /x(52)` with the length of the body, the status of a refusal, and the end.
fn summary(input: &[u8]) -> String {
    let events: Vec<String> = read([input]).iter().map(describe).collect();
    events.join(", ")
}

fn describe(event: &ConnectionEvent) -> String {
    match event {
        ConnectionEvent::Request(request) if request.body.is_empty() => format!(
            "{} {}",
            request.method,
            String::from_utf8_lossy(&request.target)
        ),
        ConnectionEvent::Request(request) => format!(
            "{} {}({})",
            request.method,
            String::from_utf8_lossy(&request.target),
            request.body.len()
        ),
        ConnectionEvent::Refused(status) => status.to_string(),
        ConnectionEvent::Incomplete => "…".into(),
        ConnectionEvent::Closed => "closed".into(),
    }
}

fn assert_summaries(cases: &[(&str, &str)]) {
    for (input, expected) in cases {
        assert_eq!(summary(input.as_bytes()), *expected, "{input:?}");
    }
}

fn head(input: &str) -> Result<RequestHead, Refusal> {
    HeadReader::default()
        .take(&mut input.into())
        .map(|head| head.expect("a whole head"))
}

fn refusal(input: &str) -> Refusal {
    match HeadReader::default().take(&mut input.into()) {
        Err(refusal) => refusal,
        other => panic!("{input:?} is not refused: {other:?}"),
    }
}
