//! What the history costs those who only want their answers: the same load through a tap that keeps one and through a tap that keeps none, in turn.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::cases::different_requests;
use crate::clients::Clients;
use crate::process::Server;
use crate::rig::Rig;
use crate::stats::Runs;
use crate::streams::Streams;
use crate::table::{Row, Target, Unit};
use crate::wire::{Wire, find, number};

/// Requests per second where the question is whether all are answered.
const OFFERED: u32 = 1000;

const CLIENTS: usize = 4;
const WINDOW: Duration = Duration::from_secs(2);

/// A figure with the history in sqlite and without one, round by round.
struct Beside {
    sqlite: Runs,
    none: Runs,
}

/// Time per token, and requests per second as they come and as fast as they can.
pub fn history(rig: &Rig) -> io::Result<Vec<Row>> {
    let taps = Taps {
        sqlite: Server::tap(rig.upstream, &["--analytics-backend", "sqlite"])?,
        none: Server::tap(rig.upstream, &["--analytics-backend", "none"])?,
        rounds: rig.rounds,
    };
    let requests = different_requests();
    let warm = |address| Clients::warm(address, &requests[0], CLIENTS);
    let streams = Streams {
        count: 8,
        interval: Duration::from_millis(2),
        window: WINDOW,
    };
    let token = taps.beside(|address| streams.run(address).map(|run| run.transit(0.5)))?;
    let offered =
        taps.beside(|address| warm(address)?.ask_at_a_pace_of(OFFERED, &requests, WINDOW))?;
    let lost_at_ease = taps.lost()?;
    let saturated =
        taps.beside(|address| warm(address)?.ask_as_fast_as_they_can(&requests, WINDOW))?;
    let lost_in_all = taps.lost()?;
    let generate = "POST /api/generate, 2 KB each way";
    Ok(vec![
        token.row(
            "**token from write to read, p50 (8 streams, 500 tokens/s each)**",
            Unit::Micros,
            Target::AtMost(1.05, "≤ 1.05× none"),
        ),
        offered.row(
            &format!("**{generate}, 1,000/s offered: answered**"),
            Unit::PerSecond,
            Target::AtLeast(0.95, "≥ 0.95× none"),
        ),
        Row::figure(
            "records lost of those",
            &lost_at_ease,
            Unit::Count,
            Target::AtMost(0.0, "0"),
        ),
        saturated.row(
            &format!("**{generate}, 4 clients as fast as they can**"),
            Unit::PerSecond,
            Target::AtLeast(0.75, "≥ 0.75× none"),
        ),
        Row::figure(
            "records lost of those",
            &lost_in_all.with(&lost_at_ease, |all, before| all - before),
            Unit::Count,
            Target::None,
        ),
    ])
}

/// Both taps, asked in turn.
struct Taps {
    sqlite: Server,
    none: Server,
    rounds: usize,
}

impl Taps {
    fn beside(&self, measure: impl Fn(SocketAddr) -> io::Result<f64>) -> io::Result<Beside> {
        let mut figures = Beside {
            sqlite: Runs::NONE,
            none: Runs::NONE,
        };
        for _ in 0..self.rounds {
            figures.none.push(measure(self.none.address)?);
            figures.sqlite.push(measure(self.sqlite.address)?);
            // What is left to write and to index would slow down whoever is measured next.
            self.sqlite.wait_until_idle()?;
        }
        Ok(figures)
    }

    /// Records that did not get into the history so far.
    fn lost(&self) -> io::Result<Runs> {
        const NAME: &[u8] = b"\nollama_tap_analytics_dropped_total ";
        let mut wire = Wire::connect(self.sqlite.address)?;
        let metrics = wire.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let at = find(metrics.body(), NAME)
            .ok_or_else(|| io::Error::other("/metrics does not say how many records were lost"))?;
        Ok(Runs::one(
            number::<u32>(&metrics.body()[at + NAME.len()..]).into(),
        ))
    }
}

impl Beside {
    fn row(&self, measure: &str, unit: Unit, target: Target) -> Row {
        Row::compared(
            &format!("{measure}: sqlite, none"),
            &self.sqlite,
            &self.none,
            unit,
            target,
        )
    }
}
