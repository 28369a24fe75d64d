//! RESPONDER: responses of our own pages on their way to a client: whole ones that no worker waits for, and a long one that is sent
//! while it is made.

use std::io;

use crate::pages::BodyWriter;
use crate::server::chunk_buffer::ChunkBuffer;
use crate::server::driver;
use crate::server::response::{Persistence, ResponseMode};
use crate::server::{Connection, DeliveryRate, ResponseWriter};

/// A long response is sent in pieces of this size (bytes).
const PIECE_SIZE: usize = 32 * 1024;

/// The connection of a page, whose response may become a long one.
pub struct Responder {
    mode: ResponseMode,
    state: State,
}

enum State {
    /// Nothing was sent yet.
    Open(Connection),
    Sending(ResponseWriter, ChunkBuffer),
    /// The response was sent to its end.
    Ended(Connection, Persistence),
    /// The connection is gone.
    Closed,
}

impl Responder {
    pub fn new(conn: Connection, mode: ResponseMode) -> Responder {
        Responder {
            mode,
            state: State::Open(conn),
        }
    }

    /// Sends a whole response.
    pub fn answer(self, bytes: Vec<u8>, persistence: Persistence) {
        if let State::Open(conn) = self.state {
            driver::send_response(conn, bytes, persistence);
        }
    }

    /// Lets go of the connection after a long response. Returns its status.
    pub fn finish(self, status: u16) -> u16 {
        match self.state {
            State::Ended(mut conn, persistence) => {
                conn.long_response = None;
                driver::finish_response(conn, persistence);
                status
            }
            // A response that broke off began with that status.
            State::Open(_) | State::Sending(..) | State::Closed => status,
        }
    }
}

impl BodyWriter for Responder {
    fn begin(&mut self, head: &dyn Fn(&str) -> Vec<u8>) {
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(mut conn) => {
                conn.long_response = Some(DeliveryRate::default());
                let framing = self.mode.framing(200, false);
                let head = head(self.mode.version());
                let writer = ResponseWriter::new(conn, self.mode, head, framing);
                State::Sending(writer, ChunkBuffer::with_capacity(PIECE_SIZE))
            }
            state => state,
        };
    }

    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let State::Sending(writer, buffer) = &mut self.state else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        while !bytes.is_empty() {
            let length = buffer.read_from(&mut bytes)?;
            if let Err(e) = writer.send(buffer, length) {
                self.state = State::Closed;
                return Err(e);
            }
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if let State::Sending(writer, _) = std::mem::replace(&mut self.state, State::Closed) {
            let (conn, persistence) = writer.end()?;
            self.state = State::Ended(conn, persistence);
        }
        Ok(())
    }

    fn abort(&mut self, why: &str) {
        if let State::Sending(writer, _) = std::mem::replace(&mut self.state, State::Closed) {
            writer.abort(why);
        }
    }
}
