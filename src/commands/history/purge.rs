//! `ollama-tap purge`: deletes history, in the store or through the running tap that writes it.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use super::format::{format_time, pluralize};
use super::source::{HistorySource, Purpose};
use super::{UsageErrors, combine, filter, print, query_config, usage};
use crate::cli::PurgeArgs;
use crate::error::{Error, Result, failed};
use crate::history::record::now;
use crate::history::store::PurgeReport;
use crate::history::store::query::{TIME_FORMATS, parse_time};
use crate::util::sanitize::escape_control_chars;

/// The shortest time that statistics are asked for (hours).
const HOURS_MIN: f64 = 0.001;

pub fn run(args: &PurgeArgs) -> Result<ExitCode> {
    let (config, before) = combine(query_config(args.location()), before(args)).map_err(usage)?;
    let source = HistorySource::open(&config, Purpose::Purge)?;
    let what = before.map_or(String::new(), |time| {
        format!(" older than {}", format_time(time))
    });
    let origin = source.origin()?;
    if !args.yes && io::stdin().is_terminal() {
        let meant = pluralize(meant(&source, before)?, "record");
        if !confirmed(&format!("delete {meant}{what} in {origin}?"))? {
            return Err(Error::Failed("nothing was deleted".to_owned()));
        }
    }
    let purged = source.purge(before)?;
    print(&format!(
        "deleted {}{what} in {origin}{}\n",
        pluralize(purged.deleted, "record"),
        shares(&purged)
    ))
}

/// Words the records of each backend, where more than one had any.
fn shares(purged: &PurgeReport) -> String {
    let shares: Vec<String> = purged
        .from
        .iter()
        .map(|(backend, deleted)| format!("{deleted} of {}", escape_control_chars(backend)))
        .collect();
    if shares.len() > 1 {
        format!(": {}", shares.join(", "))
    } else {
        String::new()
    }
}

/// The time before which everything goes (Unix seconds), or `None` for all.
fn before(args: &PurgeArgs) -> Result<Option<f64>, UsageErrors> {
    match (&args.before, args.all) {
        (Some(text), false) => parse_time(text.trim())
            .map(Some)
            .ok_or_else(|| vec![filter::bad_flag("--before", text, TIME_FORMATS)]),
        (None, true) => Ok(None),
        (Some(_), true) => Err(vec!["--before and --all exclude each other".to_owned()]),
        (None, false) => Err(vec![
            "say what to delete: --before TIME, or --all".to_owned(),
        ]),
    }
}

/// Returns how many records would go: all, without those that statistics count from that time on.
fn meant(source: &HistorySource, before: Option<f64>) -> Result<u64> {
    let extent = source.extent()?;
    let (Some(before), Some(oldest), Some(newest)) = (before, extent.oldest, extent.newest) else {
        return Ok(extent.records);
    };
    if oldest >= before {
        return Ok(0);
    }
    if newest < before {
        return Ok(extent.records);
    }
    let later = source
        .enhanced(((now() - before) / 3600.0).max(HOURS_MIN), None)?
        .totals
        .requests;
    Ok(extent.records.saturating_sub(later))
}

fn confirmed(question: &str) -> Result<bool> {
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(failed("read the answer"))?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before_of(before: Option<&str>, all: bool) -> Result<Option<f64>, UsageErrors> {
        super::before(&PurgeArgs {
            before: before.map(str::to_owned),
            all,
            ..PurgeArgs::default()
        })
    }

    #[test]
    fn what_to_delete_is_said_in_one_way_and_exactly() {
        assert_eq!(before_of(None, true), Ok(None));
        assert_eq!(
            before_of(Some(" 2026-11-21T09:17:02Z "), false),
            Ok(Some(1_795_252_622.0))
        );
        for (before, all) in [
            (None, false),
            (Some("1"), true),
            (Some("yesterday"), false),
            (Some(""), false),
        ] {
            assert!(
                before_of(before, all).is_err_and(|bad| bad[0].contains("--before")),
                "{before:?} {all}"
            );
        }
    }
}
