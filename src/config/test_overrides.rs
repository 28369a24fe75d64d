//! Overrides of times and bounds, so that tests need not wait for hours or send thousands of requests: hidden variables,
//! `OLLAMA_TAP_TEST_*`, which nothing else in the executable reads.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A hidden variable; one that is unset or holds no such value overrides nothing.
pub struct TestOverride(&'static str);

/// The longest wait for the occupant of a port to answer (milliseconds).
pub const ANSWER_TIMEOUT: TestOverride = TestOverride("OLLAMA_TAP_TEST_ANSWER_MS");
/// The port that is tried first for the Ollama behind a tap.
pub const BACKEND_PORT: TestOverride = TestOverride("OLLAMA_TAP_TEST_BACKEND_PORT");
/// A factor by which the demo's Ollama is faster.
pub const DEMO_SPEED_UP: TestOverride = TestOverride("OLLAMA_TAP_TEST_DEMO_SPEED_UP");
/// The number that a demo's random choices follow from; with 0 no model ever crashes.
pub const DEMO_SEED: TestOverride = TestOverride("OLLAMA_TAP_TEST_DEMO_SEED");
/// The longest time that a command ends later for what was found of its requests (milliseconds).
pub const FINDINGS_WAIT: TestOverride = TestOverride("OLLAMA_TAP_TEST_FINDINGS_MS");
/// The longest time until a record is on disk (milliseconds).
pub const FLUSH_INTERVAL: TestOverride = TestOverride("OLLAMA_TAP_TEST_FLUSH_MS");
/// The longest silence of an Ollama (milliseconds).
pub const HANG_TIMEOUT: TestOverride = TestOverride("OLLAMA_TAP_TEST_HANG_MS");
/// The time between two probes of a managed Ollama (milliseconds).
pub const PROBE_INTERVAL: TestOverride = TestOverride("OLLAMA_TAP_TEST_LOOK_MS");
/// The time between two attempts to open a history (milliseconds).
pub const OPEN_RETRY_INTERVAL: TestOverride = TestOverride("OLLAMA_TAP_TEST_OPEN_MS");
/// The time between two questions of the watcher to Ollama, and of the tray icon to the tap (milliseconds).
pub const POLL_INTERVAL: TestOverride = TestOverride("OLLAMA_TAP_TEST_POLL_MS");
/// The delay before the first restart of Ollama (milliseconds).
pub const RESTART_BACKOFF: TestOverride = TestOverride("OLLAMA_TAP_TEST_PAUSE_MS");
/// The time between two deletions of old records (milliseconds).
pub const RETENTION_INTERVAL: TestOverride = TestOverride("OLLAMA_TAP_TEST_RETENTION_MS");
/// The directory in which taps leave word of themselves.
pub const RUNTIME_DIRECTORY: TestOverride = TestOverride("OLLAMA_TAP_TEST_RUNTIME_DIR");
/// The service manager: `systemd` or `launchd`.
pub const SERVICE_MANAGER: TestOverride = TestOverride("OLLAMA_TAP_TEST_SERVICE_MANAGER");
/// The longest start of Ollama (milliseconds).
pub const START_TIMEOUT: TestOverride = TestOverride("OLLAMA_TAP_TEST_START_MS");
/// The number of steps after which an installation dies.
pub const STEPS_MAX: TestOverride = TestOverride("OLLAMA_TAP_TEST_STEPS");
/// The longest wait for Ollama to end by itself (milliseconds).
pub const STOP_GRACE: TestOverride = TestOverride("OLLAMA_TAP_TEST_STOP_MS");
/// The most requests that may wait for a worker.
pub const WAITING_MAX: TestOverride = TestOverride("OLLAMA_TAP_TEST_MAX_WAITING");

impl TestOverride {
    /// The value, where there is one.
    pub fn get<T: FromStr>(&self) -> Option<T> {
        std::env::var(self.0).ok()?.parse().ok()
    }

    /// The time that it holds in milliseconds, else `default`.
    pub fn duration_or(&self, default: Duration) -> Duration {
        self.get().map_or(default, Duration::from_millis)
    }

    /// The path that it holds.
    pub fn path(&self) -> Option<PathBuf> {
        std::env::var_os(self.0).map(PathBuf::from)
    }
}
