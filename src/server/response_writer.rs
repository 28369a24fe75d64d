//! RESPONSE WRITER: sends a response piece by piece: head, body of a known length, chunks, or a body that the close ends; every
//! piece is sent at once.

use std::io;

use super::connection::Connection;
use crate::server::chunk_buffer::ChunkBuffer;
use crate::server::response::{ABORT_PREFIX, Persistence, ResponseFraming, ResponseMode};
use crate::util::sanitize::escape_control_chars;

/// A response on its way, on a connection that it owns until it ends.
pub struct ResponseWriter {
    conn: Connection,
    framing: ResponseFraming,
    /// The head, until it is sent with the first piece.
    head: Vec<u8>,
    persistence: Persistence,
}

impl ResponseWriter {
    /// Starts a response with `head`, which lacks its empty line and the hop-by-hop headers. Nothing is sent yet.
    pub fn new(
        conn: Connection,
        mode: ResponseMode,
        mut head: Vec<u8>,
        framing: ResponseFraming,
    ) -> ResponseWriter {
        let mode = if conn.context.sheds_connections() {
            mode.closing()
        } else {
            mode
        };
        head.extend_from_slice(mode.hop_headers(framing).as_bytes());
        head.extend_from_slice(b"\r\n");
        ResponseWriter {
            conn,
            framing,
            head,
            persistence: mode.persistence(framing),
        }
    }

    /// Sends the head now, because the body is still to come.
    pub fn send_head(&mut self) -> io::Result<()> {
        self.conn.send_all(&std::mem::take(&mut self.head), &[])
    }

    /// Sends the first `length` bytes of `buffer`, after the head if that was not sent yet.
    pub fn send(&mut self, buffer: &mut ChunkBuffer, length: usize) -> io::Result<()> {
        let framed = if self.framing == ResponseFraming::Chunked {
            buffer.chunk(length)
        } else {
            buffer.data(length)
        };
        self.conn.send_all(&std::mem::take(&mut self.head), framed)
    }

    /// Sends the head and the rendered `body`, and gives the connection back.
    pub fn send_whole(mut self, body: &[u8]) -> io::Result<(Connection, Persistence)> {
        self.conn.send_all(&self.head, body)?;
        Ok((self.conn, self.persistence))
    }

    /// Ends the response cleanly, and gives the connection back.
    pub fn end(mut self) -> io::Result<(Connection, Persistence)> {
        let last: &[u8] = if self.framing == ResponseFraming::Chunked {
            b"0\r\n\r\n"
        } else {
            b""
        };
        self.conn.send_all(&self.head, last)?;
        Ok((self.conn, self.persistence))
    }

    /// Ends the response so that the client sees that it broke off, and in chunks also why.
    pub fn abort(mut self, why: &str) {
        if self.framing == ResponseFraming::Chunked {
            self.head.extend_from_slice(
                format!("{ABORT_PREFIX}{}\r\n", escape_control_chars(why)).as_bytes(),
            );
            let _ = match self.conn.long_response {
                // The reader of a response of ours may pause, and should learn why it broke off.
                Some(_) => self.conn.send_all(&self.head, &[]),
                // Not worth waiting for: the connection ends either way.
                None => self.conn.try_send(&self.head).map(drop),
            };
        } else {
            self.conn.reset();
        }
    }
}
