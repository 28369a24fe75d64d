//! How long a question takes that is asked of a full history.

use std::io;
use std::time::Instant;

use super::filled::{Filled, Full};
use super::{at_full_size, grouped};
use crate::process::Server;
use crate::records::{RARE, common_words_in_rare_order};
use crate::rig::Rig;
use crate::stats::Runs;
use crate::table::{Row, Target, Unit};
use crate::wire::{Wire, find};

/// What is asked of one history, in milliseconds.
struct Times {
    rare: Runs,
    common: Runs,
    stats: Runs,
}

/// Searches, and the numbers of a day, as the pages of a tap answer them.
pub fn search(rig: &Rig) -> io::Result<Vec<Row>> {
    let full = Full::of(rig)?;
    let taps = full
        .each()
        .into_iter()
        .map(|(name, filled)| Server::tap_on(rig.upstream, name, filled.dir.path()))
        .collect::<io::Result<Vec<_>>>()?;
    let mut times = [const {
        Times {
            rare: Runs::NONE,
            common: Runs::NONE,
            stats: Runs::NONE,
        }
    }; 2];
    for _ in 0..rig.rounds {
        for (tap, times) in taps.iter().zip(&mut times) {
            times.rare.push(search_for(tap, RARE)?);
            times
                .common
                .push(search_for(tap, &common_words_in_rare_order())?);
            times.stats.push(ask(
                tap,
                "/analytics/stats/enhanced?hours=24",
                "\"success_rate\"",
            )?);
        }
    }
    Ok(rows(rig, full, &times))
}

fn rows(rig: &Rig, full: &Full, [jsonl, sqlite]: &[Times; 2]) -> Vec<Row> {
    let (all, day) = (grouped(full.count), grouped(full.count / 10));
    let target = |bound, words| at_full_size(rig, Target::AtMost(bound, words));
    let rare = |store: &str| format!("**search for a rare word in {all} records, {store}**");
    let common =
        |store: &str| format!("search for common words in a rare order, {all} records, {store}");
    let stats =
        |store: &str| format!("stats/enhanced of 24 h with {day} of {all} records, {store}");
    vec![
        written(full, "jsonl", &full.jsonl),
        written(full, "sqlite, with the text index", &full.sqlite),
        Row::figure(
            &rare("sqlite"),
            &sqlite.rare,
            Unit::Millis,
            target(50.0, "< 50 ms"),
        ),
        Row::figure(
            &rare("jsonl"),
            &jsonl.rare,
            Unit::Millis,
            target(8000.0, "< 8 s"),
        ),
        Row::figure(
            &common("sqlite"),
            &sqlite.common,
            Unit::Millis,
            Target::None,
        ),
        Row::figure(&common("jsonl"), &jsonl.common, Unit::Millis, Target::None),
        Row::figure(
            &format!("**{}**", stats("sqlite")),
            &sqlite.stats,
            Unit::Millis,
            target(300.0, "< 300 ms"),
        ),
        Row::figure(&stats("jsonl"), &jsonl.stats, Unit::Millis, Target::None),
    ]
}

/// The same figure as of the case `write`, for a history that grew long.
fn written(full: &Full, backend: &str, filled: &Filled) -> Row {
    let rate = Runs::one(full.count as f64 / filled.in_all().as_secs_f64());
    Row::figure(
        &format!(
            "{} records written into {backend}, one run",
            grouped(full.count)
        ),
        &rate,
        Unit::PerSecond,
        Target::None,
    )
}

fn search_for(tap: &Server, text: &str) -> io::Result<f64> {
    ask(
        tap,
        &format!("/analytics/search?prompt_search={}", text.replace(' ', "+")),
        RARE,
    )
}

/// Milliseconds until the page is there, which has to hold `expected`.
fn ask(tap: &Server, page: &str, expected: &str) -> io::Result<f64> {
    let request = format!("GET {page} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut wire = Wire::connect(tap.address)?;
    let begin = Instant::now();
    let reply = wire.ask(request.as_bytes())?;
    let time = begin.elapsed().as_secs_f64() * 1e3;
    match find(reply.body(), expected.as_bytes()) {
        Some(_) => Ok(time),
        None => Err(io::Error::other(format!(
            "{page}: {expected} is not in the answer"
        ))),
    }
}
