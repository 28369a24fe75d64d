//! How fast records are written while nothing else is to do.

use std::io;
use std::time::Duration;

use super::filled::Filled;
use super::{grouped, size};
use crate::config::Backend;
use crate::rig::Rig;
use crate::stats::Runs;
use crate::table::{Row, Target, Unit};

/// Records of one round.
const RECORDS: usize = 50_000;

/// Seconds over which they are spread, as if 1,000 had come in each.
const SPAN: f64 = RECORDS as f64 / 1000.0;

/// Records per second into each backend, each round into a new history.
pub fn write(rig: &Rig) -> io::Result<Vec<Row>> {
    let count = size(rig, RECORDS);
    let (mut jsonl, mut sqlite, mut indexed) = (Runs::NONE, Runs::NONE, Runs::NONE);
    let rate = |time: Duration| count as f64 / time.as_secs_f64();
    for _ in 0..rig.rounds {
        jsonl.push(rate(Filled::new(Backend::Jsonl, count, SPAN)?.writing));
        let filled = Filled::new(Backend::Sqlite, count, SPAN)?;
        sqlite.push(rate(filled.writing));
        indexed.push(rate(filled.in_all()));
    }
    let name = |what: &str| format!("{what}, {} records of 2 KB", grouped(count));
    let (fast, fair) = (
        Target::AtLeast(50_000.0, "≥ 50,000/s"),
        Target::AtLeast(10_000.0, "≥ 10,000/s"),
    );
    Ok(vec![
        Row::figure(
            &name("**written into jsonl**"),
            &jsonl,
            Unit::PerSecond,
            fast,
        ),
        Row::figure(
            &name("written into sqlite, text index left for later"),
            &sqlite,
            Unit::PerSecond,
            Target::None,
        ),
        Row::figure(
            &name("**written into sqlite, with the text index**"),
            &indexed,
            Unit::PerSecond,
            fair,
        ),
    ])
}
