//! An upload on its way to Ollama: a body that is passed on as it comes.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use super::line::Line;
use crate::platform;
use crate::platform::sockets::Awaited;
use crate::server::{Body, CONTINUE, Came, Connection, Piece, READ, Reason, Refusal};
use crate::util::budget::Buffer;

/// Of a body that is streamed, this many bytes at its head are kept to read model and prompt from.
pub const HEAD_KEPT: usize = 2 * 1024 * 1024;

/// An upload must bring so many bytes in so long.
const PACE: (u64, Duration) = (1024, Duration::from_secs(60));

/// The same, while another upload waits for its place.
const PACE_IN_DEMAND: (u64, Duration) = (16 * 1024, Duration::from_secs(10));

/// A body on its way: first what was held, then what the client still sends, until Ollama wants no more.
pub struct Upload<'a> {
    pub held: &'a [u8],
    pub conn: &'a mut Connection,
    pub body: &'a mut Body,
    pub line: &'a Line,
    /// The client waits for leave to send it.
    pub awaits_leave: bool,
    /// Of what is passed on, what is kept to read model and prompt from; `None` where nobody reads it.
    pub kept: Option<Buffer>,
    /// Bytes passed on, held ones included.
    pub passed: u64,
    /// When all of it had been read.
    pub whole_at: Option<Instant>,
    /// Why the client's side failed, if it did.
    pub failure: Option<Failed>,
    pub pace: Pace,
}

/// Why an upload ended early.
#[derive(Debug)]
pub enum Failed {
    ClientGone,
    Refused(Refusal),
}

impl Read for Upload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.line.answered() {
            return Ok(0);
        }
        let amount = if self.held.is_empty() {
            self.take(buffer)?
        } else {
            self.held.read(buffer)?
        };
        self.passed += amount as u64;
        self.keep(&buffer[..amount]);
        if amount == 0 && !self.line.answered() {
            self.whole_at.get_or_insert_with(Instant::now);
        }
        Ok(amount)
    }
}

impl Upload<'_> {
    /// Takes the next piece of what the client sends.
    fn take(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.awaits_leave) && self.conn.send(CONTINUE, &[]).is_err() {
            return self.fail(Failed::ClientGone);
        }
        loop {
            // No more than fits, so that no piece is longer than the buffer.
            let before = self.conn.inbox.len().min(buffer.len());
            let mut input = &self.conn.inbox[..before];
            let piece = match self.body.next(&mut input) {
                Err(refusal) => return self.fail(Failed::Refused(refusal)),
                Ok(Piece::Data(data)) => {
                    buffer[..data.len()].copy_from_slice(data);
                    Some(data.len())
                }
                Ok(Piece::End) => Some(0),
                Ok(Piece::More) => None,
            };
            let used = before - input.len();
            self.conn.inbox.drain(..used);
            if let Some(amount) = piece {
                return Ok(amount);
            }
            if self.conn.inbox.is_empty() && !self.fill()? {
                return Ok(0);
            }
        }
    }

    /// Waits until the client has sent more. False when Ollama has answered meanwhile.
    fn fill(&mut self) -> io::Result<bool> {
        let mut scratch = [0; READ];
        loop {
            match self.conn.fill(&mut scratch) {
                Ok(Came::Bytes(_)) => return Ok(true),
                Ok(Came::Nothing) => {}
                Ok(Came::End) | Err(_) => return self.fail(Failed::ClientGone),
            }
            let time = match self
                .pace
                .left(self.passed, self.conn.context.pool.waiting_uploads() > 0)
            {
                Some(time) => time,
                None => {
                    let message = "read request body: it comes too slowly".to_owned();
                    return self.fail(Failed::Refused(Refusal {
                        reason: Reason::SlowBody,
                        status: 408,
                        message,
                    }));
                }
            };
            match self.line.stream() {
                Some(stream) if self.line.has_answered(&stream) => return Ok(false),
                Some(stream) => {
                    // What Ollama says that is no answer would wake us again and again.
                    let of_ollama = if platform::sockets::has_input(&stream, &mut [0]).is_some() {
                        Awaited::NOTHING
                    } else {
                        Awaited::READ
                    };
                    platform::sockets::wait(
                        [(&**self.conn.socket(), Awaited::READ), (&stream, of_ollama)],
                        Some(time),
                    )?;
                }
                None => drop(self.conn.wait_for_input(time)),
            }
            if self.line.is_cut().is_some() {
                return self.fail(Failed::ClientGone);
            }
        }
    }

    /// Keeps the head of the body, as far as there is memory for it.
    fn keep(&mut self, piece: &[u8]) {
        if let Some(kept) = &mut self.kept {
            let room = HEAD_KEPT.saturating_sub(kept.bytes().len());
            kept.push(&piece[..piece.len().min(room)], None);
        }
    }

    fn fail<T>(&mut self, why: Failed) -> io::Result<T> {
        self.failure = Some(why);
        Err(ErrorKind::Other.into())
    }
}

/// How fast an upload must come.
pub struct Pace {
    since: Instant,
    passed: u64,
}

impl Pace {
    pub fn new() -> Pace {
        Pace {
            since: Instant::now(),
            passed: 0,
        }
    }

    /// How long the next bytes may take after `passed` have come; `None` when they took too long.
    fn left(&mut self, passed: u64, in_demand: bool) -> Option<Duration> {
        /// How often it is looked whether others wait.
        const LOOK: Duration = Duration::from_secs(1);
        let (bytes, time) = if in_demand { PACE_IN_DEMAND } else { PACE };
        if passed - self.passed >= bytes {
            *self = Pace {
                since: Instant::now(),
                passed,
            };
        }
        let left = time.saturating_sub(self.since.elapsed());
        (!left.is_zero()).then_some(left.min(LOOK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_must_come_and_faster_while_another_waits() {
        let mut pace = Pace {
            since: Instant::now() - Duration::from_secs(11),
            passed: 0,
        };
        assert!(pace.left(1023, false).is_some());
        assert!(pace.left(1023, true).is_none());
        assert!(pace.left(1024, false).is_some() && pace.passed == 1024);
        assert!(pace.left(1024, true).is_some());
    }
}
