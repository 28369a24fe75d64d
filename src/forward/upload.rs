//! UPLOAD: a body that is passed on to Ollama as it comes.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use super::control::ConnectionControl;
use crate::platform;
use crate::platform::sockets::Interest;
use crate::server::{
    BodyDecoder, CONTINUE, Connection, Decoded, READ_SIZE, ReadResult, Reason, Refusal,
};
use crate::util::budget::Buffer;

/// The beginning of a streamed body is stored up to this size (bytes), to read model and prompt from.
const OBSERVED_MAX: usize = 2 * 1024 * 1024;

/// An upload must bring this many bytes in this time.
const RATE_MIN: (u64, Duration) = (1024, Duration::from_secs(60));

/// The same, while another upload waits for its place.
const RATE_MIN_IN_DEMAND: (u64, Duration) = (16 * 1024, Duration::from_secs(10));

/// A streaming body: first the buffered part, then the rest as the client sends it, until Ollama wants no more.
pub struct Upload<'a> {
    pub buffered: &'a [u8],
    pub conn: &'a mut Connection,
    pub decoder: &'a mut BodyDecoder,
    pub control: &'a ConnectionControl,
    /// The client waits for `100 Continue`.
    pub awaits_continue: bool,
    /// The beginning of the body; `None` if no observer reads it.
    pub observed: Option<Buffer>,
    /// Bytes passed on, buffered ones included.
    pub passed: u64,
    /// The time at which all of it had been read.
    pub complete_at: Option<Instant>,
    /// The failure on the side of the client, if there was one.
    pub failure: Option<UploadError>,
    pub rate: MinRate,
}

/// The failure of an upload on the side of the client.
#[derive(Debug)]
pub enum UploadError {
    ClientGone,
    Refused(Refusal),
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UploadError::ClientGone => f.write_str("the client has left"),
            UploadError::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for UploadError {}

impl Read for Upload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.control.is_answered() {
            return Ok(0);
        }
        let amount = if self.buffered.is_empty() {
            self.take(buffer)?
        } else {
            self.buffered.read(buffer)?
        };
        self.passed += amount as u64;
        self.observe(&buffer[..amount]);
        if amount == 0 && !self.control.is_answered() {
            self.complete_at.get_or_insert_with(Instant::now);
        }
        Ok(amount)
    }
}

impl Upload<'_> {
    /// Takes the next piece of the body from the client.
    fn take(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.awaits_continue) && self.conn.send_all(CONTINUE, &[]).is_err() {
            return self.fail(UploadError::ClientGone);
        }
        loop {
            // No more than fits into the buffer.
            let before = self.conn.read_buffer.len().min(buffer.len());
            let mut input = &self.conn.read_buffer[..before];
            let piece = match self.decoder.next(&mut input) {
                Err(refusal) => return self.fail(UploadError::Refused(refusal)),
                Ok(Decoded::Data(data)) => {
                    buffer[..data.len()].copy_from_slice(data);
                    Some(data.len())
                }
                Ok(Decoded::End) => Some(0),
                Ok(Decoded::NeedMore) => None,
            };
            let used = before - input.len();
            self.conn.read_buffer.drain(..used);
            if let Some(amount) = piece {
                return Ok(amount);
            }
            if self.conn.read_buffer.is_empty() && !self.fill()? {
                return Ok(0);
            }
        }
    }

    /// Waits until the client has sent more. Returns false if Ollama has answered meanwhile.
    fn fill(&mut self) -> io::Result<bool> {
        let mut scratch = [0; READ_SIZE];
        loop {
            match self.conn.fill(&mut scratch) {
                Ok(ReadResult::Bytes(_)) => return Ok(true),
                Ok(ReadResult::WouldBlock) => {}
                Ok(ReadResult::Eof) | Err(_) => return self.fail(UploadError::ClientGone),
            }
            let Some(time) = self
                .rate
                .time_left(self.passed, self.conn.context.pool.waiting_uploads() > 0)
            else {
                let message = "read request body: it comes too slowly".to_owned();
                return self.fail(UploadError::Refused(Refusal {
                    reason: Reason::SlowBody,
                    status: 408,
                    message,
                }));
            };
            match self.control.stream() {
                Some(stream) if self.control.check_early_reply(&stream) => return Ok(false),
                Some(stream) => {
                    // Bytes of Ollama that are not a reply would wake us again and again.
                    let upstream_interest =
                        if platform::sockets::has_input(&stream, &mut [0]).is_some() {
                            Interest::NONE
                        } else {
                            Interest::READ
                        };
                    platform::sockets::wait(
                        [
                            (&**self.conn.socket(), Interest::READ),
                            (&stream, upstream_interest),
                        ],
                        Some(time),
                    )?;
                }
                None => drop(self.conn.wait_for_input(time)),
            }
            if self.control.cancelled().is_some() {
                return self.fail(UploadError::ClientGone);
            }
        }
    }

    /// Stores the beginning of the body, as far as there is memory for it.
    fn observe(&mut self, piece: &[u8]) {
        if let Some(observed) = &mut self.observed {
            let room = OBSERVED_MAX.saturating_sub(observed.bytes().len());
            observed.push(&piece[..piece.len().min(room)], None);
        }
    }

    fn fail<T>(&mut self, why: UploadError) -> io::Result<T> {
        self.failure = Some(why);
        Err(ErrorKind::Other.into())
    }
}

/// Holds an upload to its minimal rate.
pub struct MinRate {
    since: Instant,
    passed: u64,
}

impl MinRate {
    pub fn new() -> MinRate {
        MinRate {
            since: Instant::now(),
            passed: 0,
        }
    }

    /// Returns the time that the next bytes may take after `passed` have come; `None` if they took too long.
    fn time_left(&mut self, passed: u64, is_in_demand: bool) -> Option<Duration> {
        /// The interval of checking whether others wait.
        const DEMAND_CHECK_INTERVAL: Duration = Duration::from_secs(1);
        let (bytes, time) = if is_in_demand {
            RATE_MIN_IN_DEMAND
        } else {
            RATE_MIN
        };
        if passed - self.passed >= bytes {
            *self = MinRate {
                since: Instant::now(),
                passed,
            };
        }
        let remaining = time.saturating_sub(self.since.elapsed());
        (!remaining.is_zero()).then_some(remaining.min(DEMAND_CHECK_INTERVAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_must_come_and_faster_while_another_waits() {
        let mut rate = MinRate {
            since: Instant::now() - Duration::from_secs(11),
            passed: 0,
        };
        assert!(rate.time_left(1023, false).is_some());
        assert!(rate.time_left(1023, true).is_none());
        assert!(rate.time_left(1024, false).is_some() && rate.passed == 1024);
        assert!(rate.time_left(1024, true).is_some());
    }
}
