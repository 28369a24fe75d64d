//! FINDINGS: one line at the end of a command, where the tap is sure that something went wrong with
//! its requests.
//!
//! No request says which process sent it. The tap counts findings at once and writes records up to
//! half a second later. So a record of the command `ollama` on this machine that arrived since the
//! command began is told as its own; where only the count has moved, the line says no more than
//! that.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::commands::discovery;
use crate::commands::history::tap_client::TapClient;
use crate::commands::metrics_text::sum_series;
use crate::config::test_overrides;
use crate::diagnose::{Certainty, Finding};
use crate::history::record::{Record, now};
use crate::history::store::Query;
use crate::history::store::query::FindingFilter;
use crate::http::address::Upstream;
use crate::util::sanitize::escape_control_chars;
use crate::util::stderr;
use crate::util::threads::{self, STACK};

/// The longest time that a command ends later for it.
const WAIT_MAX: Duration = Duration::from_millis(300);

/// The part of it in which the tap counts the findings of a request that has ended: one in so many.
const COUNT_PART: u32 = 5;

/// The time between two questions.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The beginning of the user agent of Ollama's own commands.
const OLLAMA_AGENT: &str = "ollama/";

/// Watches the findings of a tap while a command runs.
pub struct FindingsWatch {
    /// Dropped when the command has ended.
    running: Sender<()>,
    line: Receiver<String>,
}

impl FindingsWatch {
    /// Begins to watch, on a thread: the command starts without delay. `None` without a thread.
    pub fn begin(tap: Upstream, token: Option<String>) -> Option<FindingsWatch> {
        let (running, ended) = channel();
        let (told, line) = channel();
        let since = now();
        let watch = move || {
            if let Some(line) = watch(&tap, token.as_deref(), since, &ended) {
                _ = told.send(line);
            }
        };
        threads::spawn("findings", STACK, watch).ok()?;
        Some(FindingsWatch { running, line })
    }

    /// Tells on standard error what was found, once the command has ended.
    pub fn end(self) {
        drop(self.running);
        if let Ok(line) = self.line.recv_timeout(wait_max()) {
            stderr::say(format_args!("ollama-tap: {}", escape_control_chars(&line)));
        }
    }
}

fn wait_max() -> Duration {
    test_overrides::FINDINGS_WAIT.duration_or(WAIT_MAX)
}

/// Waits for the end of the command, and returns the line about it.
fn watch(tap: &Upstream, token: Option<&str>, since: f64, ended: &Receiver<()>) -> Option<String> {
    let tap = discovery::at_address(tap, token)?;
    let before = sure_findings(&tap)?;
    // An error says that the command has ended.
    _ = ended.recv();
    let (ended, wait_max) = (Instant::now(), wait_max());
    let mut count = 0;
    while ended.elapsed() < wait_max - POLL_INTERVAL * 2 {
        count = sure_findings(&tap)?.saturating_sub(before);
        if count > 0 {
            let own = own_findings(&tap, since);
            if !own.is_empty() {
                return Some(line(&own));
            }
        } else if ended.elapsed() > wait_max / COUNT_PART {
            return None;
        }
        thread::sleep(POLL_INTERVAL);
    }
    let plural = if count == 1 { "" } else { "s" };
    (count > 0).then(|| format!("{count} finding{plural} while this command ran: ollama-tap why"))
}

/// How many sure findings the tap has counted.
fn sure_findings(tap: &TapClient) -> Option<u64> {
    let metrics = tap.text("/metrics").ok()?;
    let sure = sum_series(&metrics, "ollama_findings_total", "certainty=\"sure\"");
    Some(sure.unwrap_or_default() as u64)
}

/// The sure findings of the command's requests, each with the id of its record, the newest first.
fn own_findings(tap: &TapClient, since: f64) -> Vec<(String, Finding)> {
    let query = Query {
        start_time: Some(since),
        finding: Some(FindingFilter {
            kind: None,
            only_sure: true,
        }),
        ..Query::default()
    };
    let records = tap.newest(&query).unwrap_or_default();
    let findings = records.into_iter().filter(is_own).flat_map(|record| {
        let id = record.interaction_id;
        let sure = |finding: &Finding| finding.certainty == Certainty::Sure;
        let findings = record.findings.into_iter().filter(sure);
        findings.map(move |finding| (id.clone(), finding))
    });
    findings.collect()
}

/// Whether a command of Ollama's sent it from this machine.
fn is_own(record: &Record) -> bool {
    let text = |name: &str| record.metadata[name].as_str().unwrap_or_default();
    let is_local = |address: &str| {
        let address = address.parse::<IpAddr>();
        address.is_ok_and(|address| address.to_canonical().is_loopback())
    };
    text("user_agent").starts_with(OLLAMA_AGENT) && is_local(text("client_ip"))
}

fn line(findings: &[(String, Finding)]) -> String {
    let Some(((id, newest), rest)) = findings.split_first() else {
        return String::new();
    };
    let more = match rest.len() {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    format!("{}{more}: ollama-tap why {id}", newest.sentence)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnose::Kind;

    #[test]
    fn only_commands_of_ollama_on_this_machine_are_ones_own() {
        for (agent, address, expected) in [
            ("ollama/0.33.0 (amd64 linux) Go/go1.24", "127.0.0.1", true),
            ("ollama/0.33.0", "::1", true),
            ("ollama/0.33.0", "192.0.2.7", false),
            ("ollama-python/0.6", "127.0.0.1", false),
            ("", "", false),
        ] {
            let record = Record {
                metadata: json!({"user_agent": agent, "client_ip": address}),
                ..Record::default()
            };
            assert_eq!(is_own(&record), expected, "{agent} {address}");
        }
    }

    #[test]
    fn one_line_names_the_newest_and_counts_the_others() {
        let found = |id: &str| {
            let finding = Finding::new(Kind::ContextCut, Certainty::Sure, "middle");
            (id.to_owned(), finding.sentence("half was cut"))
        };
        assert_eq!(line(&[found("a")]), "half was cut: ollama-tap why a");
        let several = [found("b"), found("a"), found("0")];
        assert_eq!(
            line(&several),
            "half was cut (and 2 more): ollama-tap why b"
        );
    }
}
