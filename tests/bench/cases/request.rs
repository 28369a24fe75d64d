//! How many requests a proxy passes on when it does nothing else.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::VERSION_REQUEST;
use crate::clients::Clients;
use crate::process::Server;
use crate::records::Author;
use crate::rig::Rig;
use crate::table::{Row, Target, Unit};
use crate::upstream::generate as generate_request;

/// The number of clients ask at once.
const CLIENTS: usize = 4;

/// How often in a round they connect anew, and for how long they then ask. Which of nginx's workers a connection falls to is luck that doubles or
/// halves its rate, so a round is the mean of several throws.
const THROWS: u32 = 10;
const ASKING: Duration = Duration::from_millis(200);

/// Different requests, since the same prompt again and again is what no history holds.
const REQUESTS: usize = 256;

/// Bytes of their prompts.
const PROMPT: usize = 1850;

/// The cost of a request that does nothing.
pub fn get(rig: &Rig) -> io::Result<Vec<Row>> {
    let tap = Server::tap(rig.upstream, &[])?;
    let [rate] = rig.rounds(&tap, |address| {
        answers_per_second(address, &[VERSION_REQUEST.to_vec()])
    })?;
    Ok(vec![Row::ratio(
        "**GET /api/version**, 4 keep-alive clients",
        &rate,
        Unit::PerSecond,
        Target::AtLeast(1.0, "≥ 1.0× nginx"),
    )])
}

/// The cost of a request that is observed, counted, logged and kept.
pub fn generate(rig: &Rig) -> io::Result<Vec<Row>> {
    let histories = [
        ("none", "history off", Target::AtLeast(0.9, "≥ 0.9× nginx")),
        (
            "jsonl",
            "history in jsonl",
            Target::AtLeast(0.8, "≥ 0.8× nginx"),
        ),
        (
            "sqlite",
            "history in sqlite, with the text index",
            Target::AtLeast(0.6, "≥ 0.6× nginx"),
        ),
    ];
    let requests = different_requests();
    let row = |(backend, name, target): (&str, &str, Target)| {
        let tap = Server::tap(rig.upstream, &["--analytics-backend", backend])?;
        let [rate] = rig.rounds(&tap, |address| answers_per_second(address, &requests))?;
        Ok(Row::ratio(
            &format!(
                "**POST /api/generate**, 2 KB each way, not streamed, 4 keep-alive clients, {name}"
            ),
            &rate,
            Unit::PerSecond,
            target,
        ))
    };
    histories.into_iter().map(row).collect()
}

/// Requests for /api/generate with 2 KB each way, as an application that wants no stream exchanges them, each with a prompt of its own.
pub fn different_requests() -> Vec<Vec<u8>> {
    let mut author = Author::new(2);
    let body = |prompt: String| {
        format!(
            r#"{{"model":"llama3.2","prompt":"{prompt}","stream":false,"options":{{"temperature":0.7,"num_predict":256}}}}"#
        )
    };
    (0..REQUESTS)
        .map(|_| generate_request(&body(author.text(PROMPT).replace('\n', " "))))
        .collect()
}

fn answers_per_second(address: SocketAddr, requests: &[Vec<u8>]) -> io::Result<[f64; 1]> {
    let throw = |_| {
        Clients::warm(address, &requests[0], CLIENTS)?.ask_as_fast_as_they_can(requests, ASKING)
    };
    let rates = (0..THROWS).map(throw).sum::<io::Result<f64>>()?;
    Ok([rates / f64::from(THROWS)])
}
