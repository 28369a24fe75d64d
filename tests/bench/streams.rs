//! Many streams read at once, each token against the time of its writing.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use crate::os::Poller;
use crate::stats::percentile;
use crate::upstream::{Pace, now};
use crate::wire::{Wire, find, number};

/// Streams open one after the other within this time, and settle for half as long, before anything counts.
const OPENING: Duration = Duration::from_millis(800);

/// After the last token is due, streams may take this long to end before they count as broken.
const ENDING: Duration = Duration::from_secs(3);

/// Many streams of evenly spread phases.
#[derive(Clone, Copy)]
pub struct Streams {
    /// How many run at once.
    pub count: usize,
    /// From token to token of one stream.
    pub interval: Duration,
    /// How long tokens are counted.
    pub window: Duration,
}

/// What became of the tokens that were due within the window.
pub struct Delivery {
    transits: Vec<u64>,
    /// Tokens read within the window, in percent of those due.
    pub delivered: f64,
    /// Tokens read from the first to the last, within the window or not.
    pub tokens: usize,
}

impl Delivery {
    /// Microseconds from write to read that `share` (0 to 1) of the tokens did not exceed.
    pub fn transit(&self, share: f64) -> f64 {
        percentile(&self.transits, share) as f64 / 1e3
    }
}

impl Streams {
    /// Opens the streams through `address` and reads them to their end. One that breaks, or does not end soon after its last token, is an error.
    pub fn run(self, address: SocketAddr) -> io::Result<Delivery> {
        self.run_as(address, Pace::request)
    }

    /// The same, where streams of a pace are asked for with `request`.
    pub fn run_as(
        self,
        address: SocketAddr,
        request: fn(&Pace) -> Vec<u8>,
    ) -> io::Result<Delivery> {
        let from = now() + nanos(OPENING) * 3 / 2;
        let window = from..from + nanos(self.window);
        // The streams outlast the window, so that their endings all at once disturb nothing that counts.
        let until = window.end + nanos(OPENING) / 4;
        let mut reader = Reader {
            poller: Poller::new()?,
            streams: Vec::new(),
            window,
            transits: Vec::new(),
            in_time: 0,
            tokens: 0,
        };
        for index in 0..self.count {
            let phase = nanos(self.interval) * index as u64 / self.count as u64;
            let wire = Wire::connect(address)?;
            wire.stream().write_all(&request(&Pace {
                interval: nanos(self.interval),
                phase,
                until,
            }))?;
            reader.poller.add(wire.stream(), index)?;
            reader.streams.push(Stream {
                wire,
                rest: Vec::new(),
                ended: false,
            });
            thread::sleep(OPENING / self.count as u32);
        }
        reader.read_all()?;
        reader.transits.sort_unstable();
        let due = self.count as f64 * self.window.as_secs_f64() / self.interval.as_secs_f64();
        Ok(Delivery {
            delivered: reader.in_time as f64 / due * 100.0,
            transits: reader.transits,
            tokens: reader.tokens,
        })
    }
}

struct Stream {
    wire: Wire,
    /// The line that the last read broke off.
    rest: Vec<u8>,
    ended: bool,
}

struct Reader {
    poller: Poller,
    streams: Vec<Stream>,
    window: Range<u64>,
    transits: Vec<u64>,
    in_time: usize,
    tokens: usize,
}

impl Reader {
    fn read_all(&mut self) -> io::Result<()> {
        let mut left = self.streams.len();
        let mut piece = vec![0; 64 * 1024];
        while left > 0 {
            if now() > self.window.end + nanos(OPENING + ENDING) {
                return Err(io::Error::other(format!(
                    "{left} of {} streams did not end",
                    self.streams.len()
                )));
            }
            let ready: Vec<usize> = self.poller.wait(Duration::from_millis(100))?.collect();
            for index in ready {
                left -= usize::from(self.read_one(index, &mut piece)?);
            }
        }
        Ok(())
    }

    /// Takes what one stream has; true where that ended it.
    fn read_one(&mut self, index: usize, piece: &mut [u8]) -> io::Result<bool> {
        let stream = &mut self.streams[index];
        let read = stream.wire.stream().read(piece)?;
        let at = now();
        if read == 0 {
            return Err(io::Error::other(format!(
                "stream {index} was closed before its end: {}",
                String::from_utf8_lossy(&stream.rest)
            )));
        }
        stream.rest.extend_from_slice(&piece[..read]);
        let mut seen = 0;
        while let Some(length) = stream.rest[seen..].iter().position(|byte| *byte == b'\n') {
            let line = &stream.rest[seen..seen + length];
            seen += length + 1;
            stream.ended |= line == b"0\r";
            let Some(written) = stamp(line) else { continue };
            self.tokens += 1;
            if self.window.contains(&written) {
                self.transits.push(at.saturating_sub(written));
                self.in_time += usize::from(at < self.window.end);
            }
        }
        stream.rest.drain(..seen);
        Ok(stream.ended)
    }
}

/// When the token of this line was written, in whichever dialect; `None` for any other line.
fn stamp(line: &[u8]) -> Option<u64> {
    let text = [b"\"response\":\"".as_slice(), b"\"content\":\""]
        .iter()
        .find_map(|key| Some(&line[find(line, key)? + key.len()..]))?;
    text.first()
        .filter(|byte| byte.is_ascii_digit())
        .map(|_| number(text))
}

fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}
