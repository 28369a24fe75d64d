//! An answer that is sent while it is made, so that however many records it shows, few are in memory.
//!
//! A short one is gathered and sent whole. A long one holds a worker of ours for as long as its reader takes to read it; so there
//! is one at a time, and the next hears that we are busy, while the other worker goes on answering.

use std::mem;
use std::sync::{MutexGuard, TryLockError};

use serde_json::json;

use super::analytics::{PRIVATE, refusal};
use super::{Answer, Pages, json_answer};
use crate::client::Client;
use crate::reply::{Frame, Framing, Manners, Reply};
use crate::store::{Flow, Result};

/// Bytes of a short answer: what the system takes off our hands also where nobody reads.
const SHORT_MAX: usize = 256 * 1024;

/// Bytes of a long answer that are sent at once.
const PIECE: usize = 32 * 1024;

/// Seconds after which who heard that we are busy may ask again.
const RETRY_AFTER: u32 = 5;

pub struct Stream<'a> {
    pages: &'a Pages,
    content_type: &'static str,
    /// Lines of the head beyond the usual ones.
    more: String,
    manners: Manners,
    /// What is still to be sent. Its owner appends to it, and says `go_on` now and then.
    pub pending: Vec<u8>,
    state: State<'a>,
}

enum State<'a> {
    /// Nothing was sent yet.
    Short(Client),
    Long {
        reply: Reply,
        frame: Frame,
        _turn: MutexGuard<'a, ()>,
    },
    /// With the status of the answer, or `None` where the client left.
    Over(Option<u16>),
}

impl<'a> Stream<'a> {
    pub fn new(pages: &'a Pages, client: Client, content_type: &'static str, more: String) -> Stream<'a> {
        let manners = Manners::of(&client);
        Stream { pages, content_type, more, manners, pending: Vec::new(), state: State::Short(client) }
    }

    /// Only the head is wanted, for which nothing need be read.
    pub fn is_head_only(&self) -> bool {
        self.manners.head_only
    }

    /// Sends what is pending once it is worth it. `Stop`: nobody takes any more of it.
    pub fn go_on(&mut self) -> Flow {
        let enough = if let State::Long { .. } = self.state { PIECE } else { SHORT_MAX };
        if self.pending.len() >= enough && !self.is_head_only() {
            self.flush();
        }
        if let State::Over(_) = self.state { Flow::Stop } else { Flow::GoOn }
    }

    /// Ends the answer as the reading ended. Returns its status, or `None` if the client left.
    pub fn end(mut self, read: Result<()>) -> Option<u16> {
        if let (State::Long { .. }, Ok(())) = (&self.state, &read) {
            self.flush();
        }
        match (self.state, read) {
            (State::Short(client), Ok(())) => {
                Answer { status: 200, content_type: self.content_type, body: self.pending, more: self.more }.send(client)
            }
            (State::Short(client), Err(why)) => refusal(&why).send(client),
            (State::Long { reply, .. }, Ok(())) => reply.end().ok().map(|()| 200),
            (State::Long { reply, .. }, Err(why)) => {
                log::warn!("an answer broke off: {why}");
                reply.abort();
                Some(200)
            }
            (State::Over(status), _) => status,
        }
    }

    /// Ends the answer with its head alone, which does not say how long the body would be.
    pub fn end_with_head(self) -> Option<u16> {
        let State::Short(client) = self.state else { return None };
        let head = head(self.manners, self.content_type, &self.more);
        Reply::new(client, self.manners, head, Framing::None).and_then(Reply::end).ok().map(|()| 200)
    }

    fn flush(&mut self) {
        self.state = match mem::replace(&mut self.state, State::Over(None)) {
            State::Short(client) => self.begin(client),
            state => state,
        };
        if let State::Long { reply, frame, .. } = &mut self.state
            && send(reply, frame, &self.pending).is_err()
        {
            self.state = State::Over(None);
        }
        self.pending.clear();
    }

    /// Begins a long answer, where there is none.
    fn begin(&self, client: Client) -> State<'a> {
        let turn = match self.pages.long_answer.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.pages.metrics.refused("busy");
                return State::Over(busy().send(client));
            }
        };
        let head = head(self.manners, self.content_type, &self.more);
        match Reply::new(client, self.manners, head, self.manners.framing(200, false)) {
            Ok(reply) => State::Long { reply, frame: Frame::of(PIECE), _turn: turn },
            Err(_) => State::Over(None),
        }
    }
}

fn head(manners: Manners, content_type: &str, more: &str) -> Vec<u8> {
    format!("{} 200 OK\r\nContent-Type: {content_type}\r\n{more}", manners.version()).into_bytes()
}

fn send(reply: &mut Reply, frame: &mut Frame, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let length = frame.read_from(&mut bytes)?;
        reply.send(frame, length)?;
    }
    Ok(())
}

fn busy() -> Answer {
    let error = "another long answer of the history is being read, and there is one at a time; try again, or ask for less";
    Answer { more: format!("Retry-After: {RETRY_AFTER}\r\n{PRIVATE}"), ..json_answer(503, &json!({ "error": error })) }
}
