//! WATCHER: asks Ollama every 15 s whether it is up and which models it has loaded, and sets the metrics; at once if a request shows
//! that this has changed (`forward::readiness`).
//!
//! An Ollama that is down is asked twice a second: without clients there is no other sign of its return, and it costs only a refused
//! connection.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::app::model_news::ModelNews;
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

/// The least time between two questions.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Watches for ever, and logs changes. An Ollama that is being started is asked once it is ready. Also tries to start missing workers
/// at each turn.
pub fn watch(ctx: &WorkerContext, workers: &Mutex<Workers>) {
    let (ollama, readiness) = (
        OllamaClient::new(&ctx.forwarder.target),
        &*ctx.forwarder.readiness,
    );
    let poll = test_overrides::POLL_INTERVAL.duration_or(POLL_INTERVAL);
    let mut changes = ChangeLog::default();
    let mut models = ModelNews::default();
    loop {
        let (start, is_ready) = (Instant::now(), readiness.is_ready());
        readiness.begin_check();
        let status = if is_ready {
            ollama.status().map_err(|error| error.to_string())
        } else {
            Err("ollama is being started".to_owned())
        };
        let is_up = readiness.finish_check(status.is_ok());
        changes.log(&status, is_up, is_ready.then_some(readiness.advice));
        match status {
            Ok(status) => {
                ctx.metrics.set_ollama_status(&status);
                ctx.active.ollama_answered(&status);
                models.tell(&status, &ollama, &ctx.diagnostics);
            }
            // It was busy, and answered clients meanwhile.
            Err(_) if is_up => ctx.diagnostics.no_listing(),
            Err(why) => {
                let advice = if is_ready { readiness.advice } else { "" };
                ctx.active.ollama_failed(why + advice);
                ctx.metrics.set_ollama_status(&OllamaStatus::default());
                ctx.diagnostics.no_listing();
            }
        }
        lock(workers).start_missing();
        let pause = if is_up || !is_ready {
            poll
        } else {
            poll.min(DOWN_POLL_INTERVAL)
        };
        readiness.wait_for_check(is_ready, pause);
        thread::sleep(MIN_POLL_INTERVAL.min(pause).saturating_sub(start.elapsed()));
    }
}

/// Logs the changes of the status.
#[derive(Default)]
struct ChangeLog {
    is_up: Option<bool>,
    has_logged_incomplete: bool,
}

impl ChangeLog {
    /// Logs a status that has changed. Without `advice` Ollama is being started.
    fn log(&mut self, status: &Result<OllamaStatus, String>, is_up: bool, advice: Option<&str>) {
        let has_changed = self.is_up.replace(is_up) != Some(is_up);
        let incomplete = status
            .as_ref()
            .ok()
            .and_then(|status| status.incomplete_reason.as_deref());
        let is_newly_incomplete =
            incomplete.is_some() && !std::mem::replace(&mut self.has_logged_incomplete, true);
        match (status, advice) {
            (Ok(status), _) if has_changed => log::info!(
                "ollama {} is up",
                status.version.as_deref().unwrap_or("of unknown version")
            ),
            (Err(why), Some(advice)) if has_changed && !is_up => log::warn!("{why}{advice}"),
            (Err(why), _) => log::debug!("{why}"),
            (Ok(_), _) => log::debug!("ollama is up"),
        }
        if let Some(why) = incomplete.filter(|_| is_newly_incomplete) {
            log::warn!(
                "{why}; it is up, but its version and its models stay unknown: it demands authorization, or is not an ollama"
            );
        }
    }
}
