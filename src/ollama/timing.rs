//! Time limits of a managed Ollama.

use std::time::Duration;

use crate::config::test_overrides;

/// The longest start: a search for graphics processors takes up to 90 s, and there may be several.
const START_TIMEOUT: Duration = Duration::from_secs(300);

/// An Ollama that has answered and then is silent for this long hangs.
const HANG_TIMEOUT: Duration = Duration::from_secs(60);

/// The time between two probes of Ollama.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// Put off before the first restart; each further one waits twice as long.
const RESTART_BACKOFF: Duration = Duration::from_millis(500);

/// The time that Ollama and its runners get to end by themselves; Ollama itself ends at once.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// The limits of one run.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub start: Duration,
    pub hang: Duration,
    pub probe_interval: Duration,
}

impl Timeouts {
    /// The usual ones, or those of a test.
    pub fn new() -> Timeouts {
        Timeouts {
            start: test_overrides::START_TIMEOUT.duration_or(START_TIMEOUT),
            hang: test_overrides::HANG_TIMEOUT.duration_or(HANG_TIMEOUT),
            probe_interval: test_overrides::PROBE_INTERVAL.duration_or(PROBE_INTERVAL),
        }
    }
}

/// The pause before the first restart.
pub fn restart_backoff() -> Duration {
    test_overrides::RESTART_BACKOFF.duration_or(RESTART_BACKOFF)
}

/// Returns the time that Ollama and its runners get to end by themselves.
pub fn stop_grace() -> Duration {
    test_overrides::STOP_GRACE.duration_or(STOP_GRACE)
}
