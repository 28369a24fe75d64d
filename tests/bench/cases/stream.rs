//! What a proxy adds to the time of a token.

use std::io;
use std::time::Duration;

use crate::process::Server;
use crate::rig::Rig;
use crate::stats::{Runs, Ways};
use crate::streams::Streams;
use crate::table::{Row, Target, Unit};

/// Added time per token, with few streams of a fast model.
pub fn token(rig: &Rig) -> io::Result<Vec<Row>> {
    let streams = Streams {
        count: 8,
        interval: Duration::from_millis(2),
        window: Duration::from_secs(2),
    };
    let tap = Server::tap(rig.upstream, &[])?;
    let [median, tail] = rig.rounds(&tap, |address| {
        streams
            .run(address)
            .map(|run| [run.transit(0.5), run.transit(0.99)])
    })?;
    let target = Target::AtMost(0.9, "≤ 0.9× nginx");
    Ok(vec![
        Row::absolute(
            "token from write to read, p50 (8 streams, 500 tokens/s each)",
            &median,
            Unit::Micros,
            Target::None,
        ),
        Row::absolute(
            "token from write to read, p99",
            &tail,
            Unit::Micros,
            Target::None,
        ),
        Row::ratio(
            "**added time per token, p50**",
            &median.added(),
            Unit::Micros,
            target,
        ),
        Row::ratio(
            "added time per token, p99",
            &tail.added(),
            Unit::Micros,
            Target::Reported("≤ 1.0× nginx"),
        ),
    ])
}

/// A full house: more streams than most machines will ever see.
pub fn thousand(rig: &Rig) -> io::Result<Vec<Row>> {
    let streams = Streams {
        count: 1000,
        interval: Duration::from_millis(50),
        window: Duration::from_secs(7),
    };
    let tap = Server::tap(rig.upstream, &["--workers", "1024"])?;
    let [delivered, median, tail] = rig.rounds(&tap, |address| {
        streams.run(address).map(|run| {
            [
                run.delivered,
                run.transit(0.5) / 1e3,
                run.transit(0.99) / 1e3,
            ]
        })
    })?;
    let peak = Ways {
        tap: Runs::one(tap.memory("VmHWM")?),
        ..Ways::NONE
    };
    Ok(vec![
        Row::absolute(
            "1,000 streams of 20 tokens/s: delivered in time",
            &delivered,
            Unit::Percent,
            Target::None,
        ),
        Row::absolute(
            "1,000 streams: token from write to read, p50",
            &median,
            Unit::Millis,
            Target::None,
        ),
        Row::absolute(
            "1,000 streams: token from write to read, p99",
            &tail,
            Unit::Millis,
            Target::None,
        ),
        Row::absolute(
            "1,000 streams: added time, p99",
            &tail.added(),
            Unit::Millis,
            Target::Reported("< 5 ms"),
        ),
        Row::absolute(
            "**1,000 streams: peak memory**",
            &peak,
            Unit::Megabytes,
            Target::AtMost(60.0, "≤ 60 MB"),
        ),
    ])
}
