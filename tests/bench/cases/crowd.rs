//! Many connections: that do nothing, that come at once, and beside which one is refused.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::VERSION_REQUEST;
use crate::os::Poller;
use crate::process::Server;
use crate::rig::Rig;
use crate::table::{Row, Target, Unit};
use crate::wire::Wire;

/// Idle connections of the case `crowd`, and how long they are watched.
const CROWD: usize = 5000;
const WATCHED: Duration = Duration::from_secs(3);

/// Idle connections of the case `refusal`, and how many requests are refused beside them.
const BYSTANDERS: usize = 4000;
const REFUSALS: usize = 200;

/// Every proxy refuses a version that it does not speak.
const REFUSED: &[u8] = b"GET / HTTP/3.0\r\nHost: localhost:11434\r\n\r\n";

/// How long those may take who come at once before they count as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// What connections cost that were answered once and have been open since, as clients leave them.
pub fn crowd(rig: &Rig) -> io::Result<Vec<Row>> {
    let (tap, nginx) = (Server::tap(rig.upstream, &[])?, rig.fresh_nginx()?);
    let [memory, threads, cpu] = rig.proxies(nginx.as_ref(), &tap, cost_of_crowd)?;
    let name = |what: &str| format!("**5,000 idle connections: {what}**");
    Ok(vec![
        Row::absolute(
            &name("memory"),
            &memory,
            Unit::Megabytes,
            Target::AtMost(25.0, "≤ 25 MB"),
        ),
        Row::absolute(
            &name("threads for them"),
            &threads,
            Unit::Count,
            Target::AtMost(0.0, "0"),
        ),
        Row::absolute(
            &name("CPU, of one core"),
            &cpu,
            Unit::Percent,
            Target::AtMost(0.1, "0.0 %"),
        ),
    ])
}

/// Its memory in MB, the threads it has more than before, and what it takes of a core, in percent.
fn cost_of_crowd(proxy: &Server) -> io::Result<[f64; 3]> {
    answered(proxy.address, 1)?;
    let threads = proxy.threads()?;
    let _crowd = answered(proxy.address, CROWD)?;
    proxy.wait_until_idle()?;
    let before = proxy.cpu()?;
    thread::sleep(WATCHED);
    let used = proxy.cpu()? - before;
    Ok([
        proxy.memory("VmRSS")?,
        proxy.threads()? - threads,
        used.as_secs_f64() / WATCHED.as_secs_f64() * 100.0,
    ])
}

/// So many connections, each of which has asked once.
fn answered(address: SocketAddr, count: usize) -> io::Result<Vec<Wire>> {
    let connect = |_| {
        let mut wire = Wire::connect(address)?;
        wire.ask(VERSION_REQUEST)?;
        Ok(wire)
    };
    (0..count).map(connect).collect()
}

/// Returns how long it takes until all are answered who come at once.
pub fn burst(rig: &Rig) -> io::Result<Vec<Row>> {
    let tap = Server::tap(rig.upstream, &[])?;
    let [few, many] = rig.rounds(&tap, |address| {
        Ok([
            until_all_are_answered(address, 64)?,
            until_all_are_answered(address, 1000)?,
        ])
    })?;
    let name = |count: &str| format!("**{count} connections at once, one GET each: all answered**");
    Ok(vec![
        Row::absolute(
            &name("64"),
            &few,
            Unit::Millis,
            Target::AtMost(50.0, "≤ 50 ms"),
        ),
        Row::absolute(
            &name("1,000"),
            &many,
            Unit::Millis,
            Target::AtMost(200.0, "≤ 200 ms"),
        ),
    ])
}

/// Milliseconds from the first connection to the last answer. Each asks as soon as it is open, while the next one is opened.
fn until_all_are_answered(address: SocketAddr, count: usize) -> io::Result<f64> {
    let mut poller = Poller::new()?;
    let mut wires = Vec::with_capacity(count);
    let begin = Instant::now();
    for name in 0..count {
        let wire = Wire::connect(address)?;
        wire.stream().write_all(VERSION_REQUEST)?;
        poller.add(wire.stream(), name)?;
        wires.push(Some(wire));
    }
    let mut left = count;
    while left > 0 {
        let ready: Vec<usize> = poller.wait(Duration::from_millis(100))?.collect();
        for mut wire in ready.into_iter().filter_map(|name| wires[name].take()) {
            wire.reply()?;
            left -= 1;
        }
        if begin.elapsed() > PATIENCE {
            return Err(io::Error::other(format!(
                "{left} of {count} were not answered within {PATIENCE:?}"
            )));
        }
    }
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

/// What a refusal costs where many others are connected.
pub fn refusal(rig: &Rig) -> io::Result<Vec<Row>> {
    let tap = Server::tap(rig.upstream, &[])?;
    let [cpu] = rig.proxies(rig.nginx.as_ref(), &tap, |proxy| {
        Ok([cost_of_refusal(proxy)?])
    })?;
    let target = Target::AtMost(100.0, "< 100 µs");
    Ok(vec![Row::absolute(
        "**CPU of a refusal beside 4,000 idle connections**",
        &cpu,
        Unit::Micros,
        target,
    )])
}

/// Microseconds of processor time that each took, to the end of its connection.
fn cost_of_refusal(proxy: &Server) -> io::Result<f64> {
    let _bystanders = answered(proxy.address, BYSTANDERS)?;
    proxy.wait_until_idle()?;
    let before = proxy.cpu()?;
    (0..REFUSALS).try_for_each(|_| be_refused(proxy.address))?;
    Ok((proxy.cpu()? - before).as_secs_f64() * 1e6 / REFUSALS as f64)
}

fn be_refused(address: SocketAddr) -> io::Result<()> {
    let wire = Wire::connect(address)?;
    wire.stream().write_all(REFUSED)?;
    let mut reply = Vec::new();
    wire.stream().read_to_end(&mut reply)?;
    if reply.starts_with(b"HTTP/1.1 505 ") {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "refused, and got: {}",
        String::from_utf8_lossy(&reply)
    )))
}
