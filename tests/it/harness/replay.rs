//! Replays a recording: the stand-in plays Ollama's part, the test its client's.
//!
//! The stand-in sends each read of a stream only after the client has all chunks of the reads before it, so a replay that ends
//! shows that nothing is held back.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::http::{Framing, Wire};
use super::recording::{Message, Recording};
use super::{AfterReply, Client, Conn, FakeOllama, Reply};

/// The time in which a sent piece must reach the client.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Default)]
struct State {
    replies: VecDeque<Part>,
    /// Bytes of the present reply's body that reached the client.
    received: usize,
    /// A reply is being sent; what `received` says is of this one.
    playing: bool,
    held_back: bool,
}

/// A reply to send: its bytes and where to pause, each with the bytes of the body that must have arrived by then.
struct Part {
    bytes: Vec<u8>,
    pauses: Vec<(usize, usize)>,
    close: bool,
}

#[derive(Clone, Default)]
pub struct Replay(Arc<(Mutex<State>, Condvar)>);

impl Replay {
    pub fn ollama(&self) -> FakeOllama {
        let replay = self.clone();
        FakeOllama::start(move |conn| replay.play(conn))
    }

    /// Replays a recording over one connection and returns the replies that the client got.
    pub fn run(&self, mut client: Client, recording: &Recording) -> Vec<Reply> {
        let parts = recording
            .replies
            .iter()
            .map(|reply| Part::of(reply, recording));
        self.0.0.lock().unwrap().replies = parts.collect();
        let pairs = recording.requests.iter().zip(&recording.replies);
        let replies = pairs
            .map(|(request, _)| self.exchange(&mut client, request))
            .collect();
        assert!(
            !self.0.0.lock().unwrap().held_back,
            "{}: a piece was held back until more was sent",
            recording.name
        );
        replies
    }

    fn exchange(&self, client: &mut Client, request: &Message) -> Reply {
        self.begin();
        client.send(&request.raw);
        let method = request.head.method();
        let head = client.head(method);
        let framing = head.reply_framing(method);
        let mut body = Vec::new();
        while let Some(bytes) = client.piece().expect("the body of a reply") {
            body.extend(bytes);
            self.0.0.lock().unwrap().received = body.len();
            self.0.1.notify_all();
        }
        Reply {
            interim: std::mem::take(&mut client.interim),
            head,
            body,
            framing,
        }
    }

    /// Waits until the reply before is out of hand.
    fn begin(&self) {
        let state = self.0.0.lock().unwrap();
        let mut state = self.0.1.wait_while(state, |state| state.playing).unwrap();
        state.received = 0;
    }

    fn play(&self, conn: &mut Conn) -> io::Result<AfterReply> {
        conn.body()?;
        let Some(part) = self.next() else {
            return Ok(AfterReply::Close);
        };
        let sent = self.send(conn, &part);
        self.0.0.lock().unwrap().playing = false;
        self.0.1.notify_all();
        sent?;
        Ok(if part.close {
            AfterReply::Close
        } else {
            AfterReply::KeepAlive
        })
    }

    fn next(&self) -> Option<Part> {
        let mut state = self.0.0.lock().unwrap();
        let part = state.replies.pop_front();
        state.playing = part.is_some();
        part
    }

    fn send(&self, conn: &mut Conn, part: &Part) -> io::Result<()> {
        let mut sent = 0;
        for (end, decoded) in &part.pauses {
            conn.write(&part.bytes[sent..*end])?;
            self.until_received(*decoded);
            sent = *end;
        }
        conn.write(&part.bytes[sent..])
    }

    fn until_received(&self, count: usize) {
        let state = self.0.0.lock().unwrap();
        let (mut state, wait) = self
            .0
            .1
            .wait_timeout_while(state, FORWARD_TIMEOUT, |state| state.received < count)
            .unwrap();
        state.held_back |= wait.timed_out();
    }
}

impl Part {
    fn of(reply: &Message, recording: &Recording) -> Part {
        let bytes = reply.raw.clone();
        let is_stream = matches!(reply.framing, Framing::Chunked | Framing::ToClose);
        let close = reply.framing == Framing::ToClose
            || reply.head.says_close()
            || reply.head.is_http_1_0();
        let pauses = match is_stream {
            true if recording.reads.is_empty() => chunk_ends(reply),
            true => recording.read_ends(),
            false => Vec::new(),
        };
        Part {
            bytes,
            pauses,
            close,
        }
    }
}

/// Returns the end of each chunk of a reply, with the bytes of the body up to there.
fn chunk_ends(reply: &Message) -> Vec<(usize, usize)> {
    let body = &reply.raw[reply.head.raw.len()..];
    let (mut wire, mut framing) = (Wire::new(body), reply.framing);
    let (mut end, mut decoded, mut ends) = (reply.head.raw.len(), 0, Vec::new());
    while let Ok(Some(piece)) = wire.piece(&mut framing) {
        end += piece.raw.len();
        decoded += piece.bytes.len();
        ends.push((end, decoded));
    }
    ends
}
