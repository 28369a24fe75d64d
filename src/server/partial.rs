//! PARTIAL: a request whose head is here, and whose body is being gathered.

use std::time::{Instant, SystemTime};

use super::http1::{Body, Head, Piece, Refusal};
use crate::http::route::Route;
use crate::util::budget::Buffer;

/// A request whose head is here.
pub struct Partial {
    pub head: Head,
    pub route: Route,
    /// When the last byte of the head came.
    pub arrived: Instant,
    pub at: SystemTime,
    /// How far the body has come.
    pub body: Body,
    pub held: Buffer,
    /// So much of it is gathered (bytes); a longer one streams.
    pub max: usize,
    /// Its length, where the head tells it.
    pub announced: Option<u64>,
    /// The client was given leave to send it.
    pub is_allowed: bool,
    /// The time until which the body must bring something, and what of it there was when that was set.
    pub mark: (Instant, usize),
}

/// What came of taking what is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Took {
    More,
    Whole,
    /// There is no room for it: the rest streams.
    TooMuch,
}

impl Partial {
    /// Whether its head tells that it will not be gathered.
    pub fn is_too_long(&self) -> bool {
        self.announced
            .is_some_and(|length| length > self.max as u64)
    }

    /// Takes what of the body is in the inbox.
    pub fn take(&mut self, inbox: &mut Vec<u8>) -> Result<Took, Refusal> {
        if self.is_too_long() {
            return Ok(Took::TooMuch);
        }
        let mut input = &inbox[..];
        let took = loop {
            let before = self.body.clone();
            let all = input;
            match self.body.next(&mut input)? {
                Piece::More => break Took::More,
                Piece::End => break Took::Whole,
                Piece::Data(piece) => {
                    let fits = self.held.bytes().len() + piece.len() <= self.max;
                    if !fits || !self.held.push(piece, self.announced) {
                        // It stays in the inbox, and streams from there.
                        self.body = before;
                        input = all;
                        break Took::TooMuch;
                    }
                }
            }
        };
        let used = inbox.len() - input.len();
        inbox.drain(..used);
        Ok(took)
    }
}
