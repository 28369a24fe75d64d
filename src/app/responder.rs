//! RESPONDER: answers of our own pages on their way to a client: whole ones that nobody waits for, and a long one that is sent while it
//! is made.

use std::io;

use crate::pages::BodyWriter;
use crate::server::driver;
use crate::server::reply::{Frame, Manners, Reply};
use crate::server::{Connection, ReaderPace, Then};

/// Bytes of a long answer that are sent at once.
const PIECE: usize = 32 * 1024;

/// The connection of a page that may become a long one.
pub struct Responder {
    manners: Manners,
    state: State,
}

enum State {
    /// Nothing was sent yet.
    Open(Connection),
    Sending(Reply, Frame),
    /// It was sent to its end.
    Ended(Connection, Then),
    Over,
}

impl Responder {
    pub fn new(conn: Connection, manners: Manners) -> Responder {
        Responder {
            manners,
            state: State::Open(conn),
        }
    }

    /// Sends a whole answer in its place.
    pub fn answer(self, bytes: Vec<u8>, then: Then) {
        if let State::Open(conn) = self.state {
            driver::answer(conn, bytes, then);
        }
    }

    /// Lets go of the connection after a long answer. Returns its status, or 499 where the client left.
    pub fn finish(self, status: u16) -> u16 {
        match self.state {
            State::Ended(mut conn, then) => {
                conn.long_answer = None;
                driver::finish(conn, then);
                status
            }
            // What broke off began with that status.
            _ => status,
        }
    }
}

impl BodyWriter for Responder {
    fn begin(&mut self, head: &dyn Fn(&str) -> Vec<u8>) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Open(mut conn) => {
                conn.long_answer = Some(ReaderPace::default());
                let framing = self.manners.framing(200, false);
                State::Sending(
                    Reply::new(conn, self.manners, head(self.manners.version()), framing),
                    Frame::of(PIECE),
                )
            }
            state => state,
        };
    }

    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let State::Sending(reply, frame) = &mut self.state else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        while !bytes.is_empty() {
            let length = frame.read_from(&mut bytes)?;
            if let Err(e) = reply.send(frame, length) {
                self.state = State::Over;
                return Err(e);
            }
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if let State::Sending(reply, _) = std::mem::replace(&mut self.state, State::Over) {
            let (conn, then) = reply.end()?;
            self.state = State::Ended(conn, then);
        }
        Ok(())
    }

    fn abort(&mut self, why: &str) {
        if let State::Sending(reply, _) = std::mem::replace(&mut self.state, State::Over) {
            reply.abort(why);
        }
    }
}
