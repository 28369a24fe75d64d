//! OWN HEALTH: the tap's own numbers, set by those who know them and read by a page.

use super::Metrics;

/// Numbers of the tap itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnHealth {
    pub workers: usize,
    pub workers_busy: usize,
    /// Records that wait to be written.
    pub analytics_queue_size: usize,
    /// Records that were lost.
    pub analytics_dropped: u64,
}

impl Metrics {
    pub fn own_health(&self) -> OwnHealth {
        let f = &self.families;
        OwnHealth {
            workers: count(f.workers.get()),
            workers_busy: count(f.workers_busy.get()),
            analytics_queue_size: count(f.analytics_queue_size.get()),
            analytics_dropped: self.analytics_dropped(),
        }
    }
}

/// A gauge that is read between two changes of it may be below 0 for a moment.
fn count(gauge: i64) -> usize {
    usize::try_from(gauge).unwrap_or_default()
}
