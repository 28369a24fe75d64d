//! What it takes to send a full history away.

use std::io::{self, Read, Write};
use std::time::Instant;

use super::filled::Full;
use super::{at_full_size, grouped};
use crate::process::Server;
use crate::rig::Rig;
use crate::stats::Runs;
use crate::table::{Row, Target, Unit};
use crate::wire::Wire;

const REQUEST: &[u8] =
    b"GET /analytics/export?format=jsonl HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Peak memory and speed of one export by a tap that has done nothing else. More runs would only say it again.
pub fn export(rig: &Rig) -> io::Result<Vec<Row>> {
    let full = Full::of(rig)?;
    let mut rows = Vec::new();
    for (name, filled) in full.each() {
        let tap = Server::tap_on(rig.upstream, name, filled.dir.path())?;
        let begin = Instant::now();
        let records = records_sent(&tap)?;
        let rate = records as f64 / begin.elapsed().as_secs_f64();
        if records != full.count {
            return Err(io::Error::other(format!(
                "{name}: {records} of {} records were exported",
                full.count
            )));
        }
        let (peak, what) = (
            tap.memory("VmHWM")?,
            format!("export of {} records, {name}", grouped(records)),
        );
        let target = at_full_size(rig, Target::AtMost(60.0, "< 60 MB"));
        rows.push(Row::figure(
            &format!("**{what}: peak memory**, one run"),
            &Runs::one(peak),
            Unit::Megabytes,
            target,
        ));
        rows.push(Row::figure(
            &format!("{what}: records sent, one run"),
            &Runs::one(rate),
            Unit::PerSecond,
            Target::None,
        ));
    }
    Ok(rows)
}

/// Reads an export to its end, keeping nothing. A record ends with a bare line feed; those of heads and chunks follow a carriage return.
fn records_sent(tap: &Server) -> io::Result<usize> {
    let wire = Wire::connect(tap.address)?;
    wire.stream().write_all(REQUEST)?;
    let mut piece = vec![0; 256 * 1024];
    let (mut records, mut last) = (0, 0);
    loop {
        let length = wire.stream().read(&mut piece)?;
        if length == 0 {
            return Ok(records);
        }
        for byte in &piece[..length] {
            records += usize::from(*byte == b'\n' && last != b'\r');
            last = *byte;
        }
    }
}
