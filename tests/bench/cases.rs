//! What is measured, case by case, and the targets each figure has to reach.

use std::cell::OnceCell;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::slice;
use std::thread;
use std::time::{Duration, Instant};

use crate::history::{self, Full};
use crate::load::{Streams, requests_per_second};
use crate::process::{Server, executable};
use crate::stats::{Runs, Ways};
use crate::table::{Row, Table, Target, Unit};
use crate::upstream::two_kilobyte_request;
use crate::wire::Wire;

/// A name to choose it by, the table that its rows go into, and what it measures.
pub type Case = (&'static str, Table, fn(&Rig) -> io::Result<Vec<Row>>);

/// All cases, in the order of the tables.
pub const CASES: [Case; 9] = [
    ("token", Table::Ways, token),
    ("get", Table::Ways, get),
    ("generate", Table::Ways, generate),
    ("thousand", Table::Ways, thousand),
    ("idle", Table::Ways, idle),
    ("write", Table::Figures, history::write),
    ("search", Table::Figures, history::search),
    ("export", Table::Figures, history::export),
    ("history", Table::Figures, history::history),
];

const VERSION_REQUEST: &[u8] = b"GET /api/version HTTP/1.1\r\nHost: localhost:11434\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";

/// How many clients ask at once for the requests per second.
const CLIENTS: usize = 4;

/// How often in a round they connect anew, and for how long they then ask. Which of nginx's workers a connection falls to is luck that doubles or
/// halves its rate, so a round is the mean of several throws.
const THROWS: u32 = 10;
const ASKING: Duration = Duration::from_millis(200);

/// What all cases share: the upstream, nginx where there is one, how often everything is measured, and the full histories once a case asked for them.
pub struct Rig {
    pub upstream: SocketAddr,
    pub nginx: Option<Server>,
    pub rounds: usize,
    pub full: OnceCell<Full>,
}

impl Rig {
    /// Measures direct, through nginx and through `tap` in turn within each round, so that a drift of the machine hits all ways alike.
    fn rounds<const N: usize>(&self, tap: &Server, measure: impl Fn(SocketAddr) -> io::Result<[f64; N]>) -> io::Result<[Ways; N]> {
        let mut figures = [const { Ways::NONE }; N];
        for _ in 0..self.rounds {
            let mut run = |address, way: fn(&mut Ways) -> &mut Runs| {
                measure(address).map(|run| figures.iter_mut().zip(run).for_each(|(ways, figure)| way(ways).push(figure)))
            };
            run(self.upstream, |ways| &mut ways.direct).map_err(|cause| because("direct", &cause))?;
            if let Some(nginx) = &self.nginx {
                run(nginx.address, |ways| &mut ways.nginx).map_err(|cause| because("through nginx", &cause))?;
            }
            run(tap.address, |ways| &mut ways.tap).map_err(|cause| because("through the tap", &cause))?;
        }
        Ok(figures)
    }
}

fn because(way: &str, cause: &io::Error) -> io::Error {
    io::Error::other(format!("measuring {way}: {cause}"))
}

/// Added time per token, with few streams of a fast model.
fn token(rig: &Rig) -> io::Result<Vec<Row>> {
    let streams = Streams { count: 8, interval: Duration::from_millis(2), window: Duration::from_secs(2) };
    let tap = Server::tap(rig.upstream, &[])?;
    let [median, tail] = rig.rounds(&tap, |address| streams.run(address).map(|run| [run.transit(0.5), run.transit(0.99)]))?;
    let target = Target::AtMost(0.7, "≤ 0.7× nginx");
    Ok(vec![
        Row::absolute("token from write to read, p50 (8 streams, 500 tokens/s each)", &median, Unit::Micros, Target::None),
        Row::absolute("token from write to read, p99", &tail, Unit::Micros, Target::None),
        Row::ratio("**added time per token, p50**", &median.added(), Unit::Micros, target),
        Row::ratio("added time per token, p99", &tail.added(), Unit::Micros, Target::None),
    ])
}

/// The cost of a request that does nothing.
fn get(rig: &Rig) -> io::Result<Vec<Row>> {
    let tap = Server::tap(rig.upstream, &[])?;
    let [rate] = rig.rounds(&tap, |address| answers_per_second(address, &VERSION_REQUEST.to_vec()))?;
    Ok(vec![Row::ratio("**GET /api/version**, 4 keep-alive clients", &rate, Unit::PerSecond, Target::AtLeast(1.0, "≥ 1.0× nginx"))])
}

/// The cost of a request that is observed, counted and logged.
fn generate(rig: &Rig) -> io::Result<Vec<Row>> {
    let tap = Server::tap(rig.upstream, &[])?;
    let request = two_kilobyte_request();
    let [rate] = rig.rounds(&tap, |address| answers_per_second(address, &request))?;
    let target = Target::AtLeast(0.8, "≥ 0.8× nginx (goal 0.9×)");
    Ok(vec![Row::ratio("**POST /api/generate**, 2 KB each way, not streamed, 4 keep-alive clients", &rate, Unit::PerSecond, target)])
}

fn answers_per_second(address: SocketAddr, request: &Vec<u8>) -> io::Result<[f64; 1]> {
    let rates = (0..THROWS).map(|_| requests_per_second(address, slice::from_ref(request), CLIENTS, ASKING)).sum::<io::Result<f64>>()?;
    Ok([rates / f64::from(THROWS)])
}

/// A full house: more streams than most machines will ever see.
fn thousand(rig: &Rig) -> io::Result<Vec<Row>> {
    let streams = Streams { count: 1000, interval: Duration::from_millis(50), window: Duration::from_secs(7) };
    let tap = Server::tap(rig.upstream, &["--workers", "1024"])?;
    let [delivered, median, tail] =
        rig.rounds(&tap, |address| streams.run(address).map(|run| [run.delivered, run.transit(0.5) / 1e3, run.transit(0.99) / 1e3]))?;
    let peak = Ways { tap: Runs::one(tap.memory("VmHWM")?), ..Ways::NONE };
    Ok(vec![
        Row::absolute("1,000 streams of 20 tokens/s: delivered in time", &delivered, Unit::Percent, Target::None),
        Row::absolute("1,000 streams: token from write to read, p50", &median, Unit::Millis, Target::None),
        Row::absolute("1,000 streams: token from write to read, p99", &tail, Unit::Millis, Target::None),
        Row::absolute("**1,000 streams: added time, p99**", &tail.added(), Unit::Millis, Target::AtMost(5.0, "< 5 ms")),
        Row::absolute("**1,000 streams: peak memory**", &peak, Unit::Megabytes, Target::AtMost(80.0, "< 80 MB")),
    ])
}

/// What it costs to have the tap at all.
fn idle(rig: &Rig) -> io::Result<Vec<Row>> {
    let (mut first_answer, mut at_rest, mut after_one) = (Ways::NONE, Ways::NONE, Ways::NONE);
    for _ in 0..rig.rounds {
        let begin = Instant::now();
        let tap = Server::tap(rig.upstream, &[])?;
        Wire::connect(tap.address)?.ask(VERSION_REQUEST)?;
        first_answer.tap.push(begin.elapsed().as_secs_f64() * 1e3);
        drop(tap);

        let tap = Server::tap(rig.upstream, &[])?;
        thread::sleep(Duration::from_secs(1));
        at_rest.tap.push(tap.memory("VmRSS")?);
        Wire::connect(tap.address)?.ask(&two_kilobyte_request())?;
        after_one.tap.push(tap.memory("VmRSS")?);
    }
    let size = Ways { tap: Runs::one(fs::metadata(executable())?.len() as f64 / 1e6), ..Ways::NONE };
    Ok(vec![
        Row::absolute("**memory at rest**, 1 s after start, default workers", &at_rest, Unit::Megabytes, Target::AtMost(12.0, "≤ 12 MB")),
        Row::absolute("memory after one generate", &after_one, Unit::Megabytes, Target::None),
        Row::absolute("**start to first forwarded answer**", &first_answer, Unit::Millis, Target::AtMost(20.0, "< 20 ms")),
        Row::absolute("**size of the executable**", &size, Unit::Megabytes, Target::AtMost(8.0, "< 8 MB")),
    ])
}
