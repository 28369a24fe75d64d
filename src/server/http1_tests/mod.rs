//! What holds of http1 as a whole. Beside it and not in it, so that tests/it can take in the same files without their tests.

/// The bounds, and that each byte is looked at once.
mod bounds;
/// What real clients, proxies and attackers sent, and others of each kind.
mod cases;
/// Header lines, and what they decide.
mod fields;
/// The rules once more, for whole inputs, as plainly as possible.
mod model;
/// The model and http1 agree on random requests in random pieces.
mod random;
/// Heads of replies.
mod replies;

use crate::server::http1::{BodyDecoder, HeadReader, Piece, Refusal, RequestHead, Version};

/// What is seen on a connection, one after the other.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Request(ParsedRequest),
    /// With this status; the connection is at its end.
    Refused(u16),
    /// What came is the beginning of a request, or nothing.
    Unfinished,
    /// The client asked for it; whatever it sends afterwards is not looked at.
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

/// Everything on a connection that brings `pieces`.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut reader = Reader::default();
    for piece in pieces {
        reader.input.extend_from_slice(piece);
        if reader.ended.is_none() {
            reader.ended = reader.go_on();
        }
    }
    reader.seen.push(reader.ended.unwrap_or(Seen::Unfinished));
    reader.seen
}

/// A connection, read as the server reads it.
#[derive(Default)]
struct Reader {
    head_reader: HeadReader,
    input: Vec<u8>,
    at: Option<(RequestHead, BodyDecoder, Vec<u8>)>,
    seen: Vec<Seen>,
    ended: Option<Seen>,
}

impl Reader {
    /// Reads what is there. Returns how the connection ends, if it does.
    fn go_on(&mut self) -> Option<Seen> {
        loop {
            match self.next() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(end) => return Some(end),
            }
        }
    }

    /// A head, or what there is of a body. False when more must come.
    fn next(&mut self) -> Result<bool, Seen> {
        let refused = |refusal: Refusal| Seen::Refused(refusal.status);
        let Some((_, body, so_far)) = &mut self.at else {
            let head = self.head_reader.take(&mut self.input).map_err(refused)?;
            self.at = head.map(|head| {
                let body = BodyDecoder::new(head.framing());
                (head, body, Vec::new())
            });
            return Ok(self.at.is_some());
        };
        let mut rest = &self.input[..];
        let piece = body.next(&mut rest).map_err(refused)?;
        if let Piece::Data(data) = piece {
            assert!(!data.is_empty());
            so_far.extend_from_slice(data);
        }
        let ends = piece == Piece::End;
        let more = piece == Piece::More;
        assert!(!more || rest.is_empty());
        self.input = rest.to_vec();
        if ends {
            self.finish()?;
        }
        Ok(!more)
    }

    fn finish(&mut self) -> Result<(), Seen> {
        let (head, _, body) = self.at.take().expect("a request");
        self.seen.push(Seen::Request(ParsedRequest {
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
            Err(Seen::Closed)
        }
    }
}

/// Everything on a connection in a line: `POST /x(52)` with the length of the body, the status of a refusal, and how it ends.
fn story(input: &[u8]) -> String {
    let told = |seen: &Seen| match seen {
        Seen::Request(asked) if asked.body.is_empty() => format!(
            "{} {}",
            asked.method,
            String::from_utf8_lossy(&asked.target)
        ),
        Seen::Request(asked) => format!(
            "{} {}({})",
            asked.method,
            String::from_utf8_lossy(&asked.target),
            asked.body.len()
        ),
        Seen::Refused(status) => status.to_string(),
        Seen::Unfinished => "…".into(),
        Seen::Closed => "closed".into(),
    };
    read([input])
        .iter()
        .map(told)
        .collect::<Vec<_>>()
        .join(", ")
}

fn assert_stories(stories: &[(&str, &str)]) {
    for (input, expected) in stories {
        assert_eq!(story(input.as_bytes()), *expected, "{input:?}");
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
