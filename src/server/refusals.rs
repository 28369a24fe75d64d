//! REFUSALS: what we refused, counted by reason, and told once a minute.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::http1::Reason;
use crate::metrics::Metrics;
use crate::util::threads::lock;

/// So many refused requests are recorded in a second.
const RECORDED_MAX: u32 = 10;

/// Between two lines that say what was refused.
const TELL: Duration = Duration::from_secs(60);

pub struct Refusals {
    metrics: Arc<Metrics>,
    /// Since the last line.
    counts: [AtomicU64; Reason::ALL.len()],
    /// When the last line was told, and what the last refusal of this minute was about.
    told: Mutex<(Option<Instant>, String)>,
    /// How many were recorded since when.
    recorded: Mutex<(Option<Instant>, u32)>,
}

impl Refusals {
    pub fn new(metrics: Arc<Metrics>) -> Refusals {
        Refusals {
            metrics,
            counts: Default::default(),
            told: Mutex::default(),
            recorded: Mutex::default(),
        }
    }

    /// Counts a refusal; `what` says what was refused, safe for a log.
    pub fn note(&self, reason: Reason, peer: SocketAddr, what: &str) {
        self.metrics.count_refusal(reason.as_str());
        if let Some(count) = self.counts.get(reason as usize) {
            count.fetch_add(1, Relaxed);
        }
        log::debug!("refused {peer} ({}): {what}", reason.as_str());
        let mut told = lock(&self.told);
        told.1 = format!("{peer}: {what}");
        if told.0.is_none_or(|at| at.elapsed() >= TELL) {
            told.0 = Some(Instant::now());
            let last = std::mem::take(&mut told.1);
            drop(told);
            self.tell(&last);
        }
    }

    /// Whether one more refused request may be recorded: a flood would fill the history with itself.
    pub fn may_record(&self) -> bool {
        let mut recorded = lock(&self.recorded);
        if recorded
            .0
            .is_none_or(|since| since.elapsed() >= Duration::from_secs(1))
        {
            *recorded = (Some(Instant::now()), 0);
        }
        recorded.1 += 1;
        recorded.1 <= RECORDED_MAX
    }

    /// Says what was refused since the last line, where a minute has passed.
    pub fn tell_if_due(&self, now: Instant) {
        let mut told = lock(&self.told);
        if told.1.is_empty()
            || told
                .0
                .is_some_and(|at| now.saturating_duration_since(at) < TELL)
        {
            return;
        }
        told.0 = Some(now);
        let last = std::mem::take(&mut told.1);
        drop(told);
        self.tell(&last);
    }

    fn tell(&self, last: &str) {
        let counts = Reason::ALL
            .iter()
            .zip(&self.counts)
            .map(|(reason, count)| (reason.as_str(), count.swap(0, Relaxed)));
        let counts: Vec<String> = counts
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        log::info!("refused {}; the last: {last}", counts.join(", "));
    }
}
