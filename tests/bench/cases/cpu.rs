//! What a proxy takes of the processors while it has time: requests and tokens come at a pace that leaves it waiting between them.

use std::io;
use std::time::Duration;

use super::VERSION_REQUEST;
use crate::clients::Clients;
use crate::process::Server;
use crate::rig::Rig;
use crate::streams::Streams;
use crate::table::{Row, Target, Unit};

/// Requests per second, come what may, and over how many kept connections.
const OFFERED: u32 = 300;
const CONNECTIONS: usize = 40;
const WINDOW: Duration = Duration::from_secs(3);

const STREAMS: Streams = Streams {
    count: 8,
    interval: Duration::from_millis(10),
    window: Duration::from_secs(3),
};

/// Processor time of one request, and of one token of a stream.
pub fn cpu(rig: &Rig) -> io::Result<Vec<Row>> {
    let tap = Server::tap(rig.upstream, &[])?;
    let [request] = rig.proxies(rig.nginx.as_ref(), &tap, |proxy| Ok([of_a_request(proxy)?]))?;
    let [token] = rig.proxies(rig.nginx.as_ref(), &tap, |proxy| Ok([of_a_token(proxy)?]))?;
    let (twice, little_more) = (
        Target::AtMost(2.0, "≤ 2× nginx"),
        Target::AtMost(1.2, "≤ 1.2× nginx"),
    );
    Ok(vec![
        Row::ratio(
            "**CPU of a request**, 300 GET /api/version a second over 40 keep-alive connections",
            &request,
            Unit::Micros,
            twice,
        ),
        Row::ratio(
            "**CPU of a token** (8 streams, 100 tokens/s each)",
            &token,
            Unit::Micros,
            little_more,
        ),
    ])
}

fn of_a_request(proxy: &Server) -> io::Result<f64> {
    let mut clients = Clients::warm(proxy.address, VERSION_REQUEST, CONNECTIONS)?;
    let before = proxy.cpu()?;
    let rate = clients.ask_at_a_pace_of(OFFERED, &[VERSION_REQUEST.to_vec()], WINDOW)?;
    let used = proxy.cpu()? - before;
    if rate < f64::from(OFFERED) * 0.95 {
        return Err(io::Error::other(format!(
            "{rate:.0} of {OFFERED} requests a second were answered"
        )));
    }
    Ok(micros(used) / (f64::from(OFFERED) * WINDOW.as_secs_f64()))
}

/// The few requests that open the streams are counted among their many tokens.
fn of_a_token(proxy: &Server) -> io::Result<f64> {
    let before = proxy.cpu()?;
    let tokens = STREAMS.run(proxy.address)?.tokens;
    Ok(micros(proxy.cpu()? - before) / tokens as f64)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
