//! REFUSALS: counted by reason, and logged once a minute.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::http1::Reason;
use crate::metrics::Metrics;
use crate::util::threads::lock;

/// At most this many refused requests are recorded in a second.
const RECORDED_PER_SECOND_MAX: u32 = 10;

/// The least time between two log lines on refusals.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The counts of refusals, and the limits of logging and recording them.
pub struct Refusals {
    metrics: Arc<Metrics>,
    /// By reason, since the last log line.
    counts: [AtomicU64; Reason::ALL.len()],
    last_line: Mutex<LastLine>,
    recorded: Mutex<RecordedInSecond>,
}

#[derive(Default)]
struct LastLine {
    at: Option<Instant>,
    /// The last refusal since then; empty if there was none.
    last_refused: String,
}

#[derive(Default)]
struct RecordedInSecond {
    since: Option<Instant>,
    count: u32,
}

impl Refusals {
    pub fn new(metrics: Arc<Metrics>) -> Refusals {
        Refusals {
            metrics,
            counts: Default::default(),
            last_line: Mutex::default(),
            recorded: Mutex::default(),
        }
    }

    /// Counts a refusal; `what` names the refused request or connection, safe for a log.
    pub fn note(&self, reason: Reason, peer: SocketAddr, what: &str) {
        self.metrics.count_refusal(reason.as_str());
        if let Some(count) = self.counts.get(reason as usize) {
            count.fetch_add(1, Relaxed);
        }
        log::debug!("refused {peer} ({}): {what}", reason.as_str());
        lock(&self.last_line).last_refused = format!("{peer}: {what}");
        self.log_if_due(Instant::now());
    }

    /// Returns whether one more refused request may be recorded: a flood would fill the history with itself.
    pub fn may_record(&self) -> bool {
        let mut recorded = lock(&self.recorded);
        if recorded
            .since
            .is_none_or(|since| since.elapsed() >= Duration::from_secs(1))
        {
            *recorded = RecordedInSecond {
                since: Some(Instant::now()),
                count: 0,
            };
        }
        recorded.count += 1;
        recorded.count <= RECORDED_PER_SECOND_MAX
    }

    /// Logs the refusals since the last line, if a minute has passed.
    pub fn log_if_due(&self, now: Instant) {
        let mut line = lock(&self.last_line);
        let next = line.at.map(|at| at + LOG_INTERVAL);
        if line.last_refused.is_empty() || next.is_some_and(|next| now < next) {
            return;
        }
        line.at = Some(now);
        let last_refused = std::mem::take(&mut line.last_refused);
        drop(line);
        self.log(&last_refused);
    }

    fn log(&self, last_refused: &str) {
        let mut counts = Vec::new();
        for (reason, count) in Reason::ALL.iter().zip(&self.counts) {
            let count = count.swap(0, Relaxed);
            if count > 0 {
                counts.push(format!("{count} {}", reason.as_str()));
            }
        }
        log::info!("refused {}; the last: {last_refused}", counts.join(", "));
    }
}
