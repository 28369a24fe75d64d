//! An answer that is sent while it is made, so that however many records it shows, few are in memory.
//!
//! A short one is gathered and sent whole. A long one holds a worker of ours for as long as its reader takes to read it; so there
//! is one at a time, and the next hears that we are busy, while the other worker goes on answering.

use std::sync::{MutexGuard, TryLockError};

use serde_json::json;

use super::analytics::{PRIVATE, refusal};
use super::{Answer, Answered, Asked, BodyWriter, Pages, json_answer};
use crate::history::store::{Flow, Result};
use crate::server::fault::own_head;

/// Bytes of a short answer, which nobody waits for while it is taken.
const SHORT_MAX: usize = 1024 * 1024;

/// Bytes of a long answer that are sent at once.
const PIECE: usize = 32 * 1024;

/// Seconds after which who heard that we are busy may ask again.
const RETRY_AFTER: u32 = 5;

pub struct Stream<'a> {
    pages: &'a Pages,
    outlet: &'a mut dyn BodyWriter,
    content_type: &'static str,
    /// Lines of the head beyond the usual ones.
    more: String,
    is_head_only: bool,
    /// What is still to be sent. Its owner appends to it, and says `go_on` now and then.
    pub pending: Vec<u8>,
    state: State<'a>,
}

enum State<'a> {
    /// Nothing was sent yet.
    Short,
    Long {
        _turn: MutexGuard<'a, ()>,
    },
    /// Nobody takes any more of it.
    Left,
    /// Another long answer is on its way.
    Busy,
}

impl<'a> Stream<'a> {
    pub fn new(
        pages: &'a Pages,
        asked: &Asked,
        outlet: &'a mut dyn BodyWriter,
        content_type: &'static str,
        more: String,
    ) -> Stream<'a> {
        Stream {
            pages,
            outlet,
            content_type,
            more,
            is_head_only: asked.head.is_head(),
            pending: Vec::new(),
            state: State::Short,
        }
    }

    /// Only the head is wanted, for which nothing need be read.
    pub fn is_head_only(&self) -> bool {
        self.is_head_only
    }

    /// Sends what is pending once it is worth it. `Stop`: nobody takes any more of it.
    pub fn go_on(&mut self) -> Flow {
        let enough = if let State::Long { .. } = self.state {
            PIECE
        } else {
            SHORT_MAX
        };
        if self.pending.len() >= enough && !self.is_head_only {
            self.flush();
        }
        if let State::Left | State::Busy = self.state {
            Flow::Stop
        } else {
            Flow::GoOn
        }
    }

    /// Ends the answer as the reading ended.
    pub fn end(mut self, read: Result<()>) -> Answered {
        if let (State::Long { .. }, Ok(())) = (&self.state, &read) {
            self.flush();
        }
        match (self.state, read) {
            (State::Short, Ok(())) => Answered::Whole(Answer {
                status: 200,
                content_type: self.content_type,
                body: Some(self.pending),
                more: self.more,
            }),
            (State::Short, Err(why)) => Answered::Whole(refusal(&why)),
            (State::Long { .. }, Ok(())) => self
                .outlet
                .end()
                .map_or(Answered::Left, |()| Answered::Sent),
            (State::Long { .. }, Err(why)) => {
                log::warn!("an answer broke off: {why}");
                self.outlet.abort(&why.to_string());
                Answered::Sent
            }
            (State::Left, _) => Answered::Left,
            (State::Busy, _) => Answered::Busy(busy()),
        }
    }

    /// Ends the answer with its head alone, which does not say how long the body would be.
    pub fn end_with_head(self) -> Answered {
        Answered::Whole(Answer {
            status: 200,
            content_type: self.content_type,
            body: None,
            more: self.more,
        })
    }

    fn flush(&mut self) {
        if let State::Short = self.state {
            self.begin();
        }
        if let State::Long { .. } = self.state
            && self.outlet.send(&self.pending).is_err()
        {
            self.state = State::Left;
        }
        self.pending.clear();
    }

    /// Begins a long answer, where there is none.
    fn begin(&mut self) {
        let turn = match self.pages.long_answer.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => return self.state = State::Busy,
        };
        self.outlet.begin(&|version| {
            [
                own_head(version, 200, self.content_type, None),
                self.more.clone().into_bytes(),
            ]
            .concat()
        });
        self.state = State::Long { _turn: turn };
    }
}

fn busy() -> Answer {
    let error = "another long answer of the history is being read, and there is one at a time; try again, or ask for less";
    Answer {
        more: format!("Retry-After: {RETRY_AFTER}\r\n{PRIVATE}"),
        ..json_answer(503, &json!({ "error": error }))
    }
}
