//! The load: many streams read at once, or a few clients that ask as fast as they are answered.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::os::Poller;
use crate::stats::percentile;
use crate::upstream::{Pace, now};
use crate::wire::{Wire, find, number};

/// Streams open one after the other within this time, and settle for half as long, before anything counts.
const OPENING: Duration = Duration::from_millis(800);

/// After the last token is due, streams may take this long to end before they count as broken.
const ENDING: Duration = Duration::from_secs(3);

/// Questions a client asks before its answers count: by then every connection on the way is open.
const WARM_UP: usize = 20;

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
        let from = now() + nanos(OPENING) * 3 / 2;
        let window = from..from + nanos(self.window);
        // The streams outlast the window, so that their endings all at once disturb nothing that counts.
        let until = window.end + nanos(OPENING) / 4;
        let mut reader = Reader { poller: Poller::new()?, streams: Vec::new(), window, transits: Vec::new(), in_time: 0 };
        for index in 0..self.count {
            let phase = nanos(self.interval) * index as u64 / self.count as u64;
            let wire = Wire::connect(address)?;
            wire.stream().write_all(&Pace { interval: nanos(self.interval), phase, until }.request())?;
            reader.poller.add(wire.stream(), index)?;
            reader.streams.push(Stream { wire, rest: Vec::new(), ended: false });
            thread::sleep(OPENING / self.count as u32);
        }
        reader.read_all()?;
        reader.transits.sort_unstable();
        let due = self.count as f64 * self.window.as_secs_f64() / self.interval.as_secs_f64();
        Ok(Delivery { delivered: reader.in_time as f64 / due * 100.0, transits: reader.transits })
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
}

impl Reader {
    fn read_all(&mut self) -> io::Result<()> {
        let mut left = self.streams.len();
        let mut piece = vec![0; 64 * 1024];
        while left > 0 {
            if now() > self.window.end + nanos(OPENING + ENDING) {
                return Err(io::Error::other(format!("{left} of {} streams did not end", self.streams.len())));
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
            return Err(io::Error::other(format!("stream {index} was closed before its end: {}", String::from_utf8_lossy(&stream.rest))));
        }
        stream.rest.extend_from_slice(&piece[..read]);
        let mut seen = 0;
        while let Some(length) = stream.rest[seen..].iter().position(|byte| *byte == b'\n') {
            let line = &stream.rest[seen..seen + length];
            seen += length + 1;
            stream.ended |= line == b"0\r";
            if let Some(written) = stamp(line).filter(|written| self.window.contains(written)) {
                self.transits.push(at.saturating_sub(written));
                self.in_time += usize::from(at < self.window.end);
            }
        }
        stream.rest.drain(..seen);
        Ok(stream.ended)
    }
}

/// When the token of this line was written; `None` for any other line.
fn stamp(line: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"response\":\"";
    let text = &line[find(line, KEY)? + KEY.len()..];
    text.first().filter(|byte| byte.is_ascii_digit()).map(|_| number(text))
}

fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

/// Answers per second for `clients` that send `requests` over and over, each on a connection of its own, for as long as `window`.
pub fn requests_per_second(address: SocketAddr, requests: &[Vec<u8>], clients: usize, window: Duration) -> io::Result<f64> {
    all_at_once(clients, &|_, start| ask_for(address, requests, start, window))
}

/// Answers per second where `offered` requests per second are sent at even intervals, by `clients` in turn. Who comes too late for one sends it at once.
pub fn answers_per_second(offered: u32, address: SocketAddr, requests: &[Vec<u8>], clients: usize, window: Duration) -> io::Result<f64> {
    let interval = Duration::from_secs(1) / offered;
    let sent = (window.as_nanos() / interval.as_nanos()) as usize;
    all_at_once(clients, &|client, start| {
        let warm = warm_up(address, &requests[0]);
        start.wait();
        let mut wire = warm?;
        let begin = Instant::now();
        let mine = (client..sent).step_by(clients);
        let answers = mine.len();
        for n in mine {
            thread::sleep((interval * n as u32).saturating_sub(begin.elapsed()));
            wire.ask(&requests[n % requests.len()])?;
        }
        Ok(answers as f64 / begin.elapsed().max(window).as_secs_f64())
    })
}

/// The rates of all clients together, which begin at once.
fn all_at_once(clients: usize, ask: &(dyn Fn(usize, &Barrier) -> io::Result<f64> + Sync)) -> io::Result<f64> {
    let start = Barrier::new(clients);
    let rates = thread::scope(|scope| {
        let start = &start;
        let clients: Vec<_> = (0..clients).map(|client| scope.spawn(move || ask(client, start))).collect();
        clients.into_iter().map(|client| client.join().expect("a client does not panic")).collect::<io::Result<Vec<f64>>>()
    })?;
    Ok(rates.iter().sum())
}

fn ask_for(address: SocketAddr, requests: &[Vec<u8>], start: &Barrier, window: Duration) -> io::Result<f64> {
    let warm = warm_up(address, &requests[0]);
    start.wait();
    let mut wire = warm?;
    let begin = Instant::now();
    let mut answers = 0;
    while begin.elapsed() < window {
        wire.ask(&requests[answers % requests.len()])?;
        answers += 1;
    }
    Ok(answers as f64 / begin.elapsed().as_secs_f64())
}

fn warm_up(address: SocketAddr, request: &[u8]) -> io::Result<Wire> {
    let mut wire = Wire::connect(address)?;
    for _ in 0..WARM_UP {
        wire.ask(request)?;
    }
    Ok(wire)
}
