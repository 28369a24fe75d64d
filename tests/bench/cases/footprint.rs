//! What it costs to have the tap at all.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::VERSION_REQUEST;
use crate::process::{Server, executable};
use crate::rig::Rig;
use crate::stats::{Runs, Ways};
use crate::table::{Row, Target, Unit};
use crate::upstream::two_kilobyte_request;
use crate::wire::Wire;

/// Memory, the time to start, and what lies on the disk.
pub fn idle(rig: &Rig) -> io::Result<Vec<Row>> {
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
    let size = Ways {
        tap: Runs::one(fs::metadata(executable())?.len() as f64 / 1e6),
        ..Ways::NONE
    };
    Ok(vec![
        Row::absolute(
            "**memory at rest**, 1 s after start, default workers",
            &at_rest,
            Unit::Megabytes,
            Target::AtMost(10.0, "≤ 10 MB"),
        ),
        Row::absolute(
            "memory after one generate",
            &after_one,
            Unit::Megabytes,
            Target::None,
        ),
        Row::absolute(
            "**start to first forwarded answer**",
            &first_answer,
            Unit::Millis,
            Target::AtMost(10.0, "< 10 ms"),
        ),
        Row::absolute(
            "**size of the executable**",
            &size,
            Unit::Megabytes,
            Target::AtMost(8.0, "< 8 MB"),
        ),
    ])
}
