//! WATCHER: asks Ollama every 15 s whether it is up and what it has loaded, and shows the answer; at once where requests tell that this
//! has changed (`forward::readiness`).
//!
//! An Ollama that is down is asked twice a second: without clients nothing else would tell that it is back, and it costs a refused
//! connection.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::app::worker::WorkerContext;
use crate::app::workers::Workers;
use crate::config::test_overrides;
use crate::metrics::OllamaStatus;
use crate::ollama::client::OllamaClient;
use crate::util::threads::lock;

/// An Ollama that is up is asked at this interval, at which missing workers are started, too.
const POLL_INTERVAL: Duration = Duration::from_secs(15);

/// An Ollama that is down is asked at this interval.
const DOWN_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The least time between two questions, however much is in doubt.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Asks for ever, and logs what changed. An Ollama that is being started is asked once it is there. Tries to start missing workers
/// as often.
pub fn watch(ctx: &WorkerContext, workers: &Mutex<Workers>) {
    let (ollama, readiness) = (
        OllamaClient::new(&ctx.forwarder.target),
        &*ctx.forwarder.readiness,
    );
    let poll = test_overrides::POLL_INTERVAL.duration_or(POLL_INTERVAL);
    let mut changes = ChangeLog::default();
    loop {
        let (asked, is_open) = (Instant::now(), readiness.is_ready());
        readiness.begin_check();
        let status = if is_open {
            ollama.status()
        } else {
            Err("ollama is being started".to_owned())
        };
        let is_up = readiness.finish_check(status.is_ok());
        changes.log(&status, is_up, is_open.then_some(readiness.advice));
        match status {
            Ok(status) => ctx.metrics.set_ollama_status(&status),
            // It was busy, and answered clients meanwhile.
            Err(_) if is_up => {}
            Err(_) => ctx.metrics.set_ollama_status(&OllamaStatus::default()),
        }
        lock(workers).start_missing();
        let pause = if is_up || !is_open {
            poll
        } else {
            poll.min(DOWN_POLL_INTERVAL)
        };
        readiness.wait_for_check(is_open, pause);
        thread::sleep(MIN_POLL_INTERVAL.min(pause).saturating_sub(asked.elapsed()));
    }
}

/// Logs what has changed since it was logged last.
#[derive(Default)]
struct ChangeLog {
    is_up: Option<bool>,
    has_logged_untold: bool,
}

impl ChangeLog {
    /// Logs a status where it is news. Without `advice` Ollama is being started.
    fn log(&mut self, status: &Result<OllamaStatus, String>, is_up: bool, advice: Option<&str>) {
        let is_news = self.is_up.replace(is_up) != Some(is_up);
        let untold = status
            .as_ref()
            .ok()
            .and_then(|status| status.incomplete_reason.as_deref());
        let is_untold_news =
            untold.is_some() && !std::mem::replace(&mut self.has_logged_untold, true);
        match (status, advice) {
            (Ok(status), _) if is_news => log::info!(
                "ollama {} is up",
                status.version.as_deref().unwrap_or("of unknown version")
            ),
            (Err(why), Some(advice)) if is_news && !is_up => log::warn!("{why}{advice}"),
            (Err(why), _) => log::debug!("{why}"),
            (Ok(_), _) => log::debug!("ollama is up"),
        }
        if let Some(why) = untold.filter(|_| is_untold_news) {
            log::warn!(
                "{why}; it is up, but its version and its models stay unknown: it demands authorization, or is not an ollama"
            );
        }
    }
}
