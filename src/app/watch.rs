//! WATCH: asks Ollama how it is, every 15 s, and shows what it says; at once where requests tell otherwise than it was (`forward::readiness`).
//!
//! One that is down is asked twice a second, which nothing else would tell of where no client asks: it costs a refused connection.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::app::worker::Workshop;
use crate::app::workers::Workers;
use crate::config::test_overrides;
use crate::metrics::OllamaStatus;
use crate::ollama::client::OllamaClient;
use crate::util::threads::lock;

/// How often an Ollama that is up is asked, and how often the workers that are missing are tried again.
const POLL: Duration = Duration::from_secs(15);

/// How often one that is down is asked.
const POLL_DOWN: Duration = Duration::from_millis(500);

/// Between the beginnings of two questions, however much is in doubt.
const SPACING: Duration = Duration::from_millis(250);

/// Asks for ever, and says aloud what changed. An Ollama that is being started is asked once it is there. Tries to start the workers
/// that are missing as often.
pub fn watch(shop: &Workshop, workers: &Mutex<Workers>) {
    let (ollama, readiness) = (
        OllamaClient::new(&shop.forwarder.target),
        &*shop.forwarder.readiness,
    );
    let poll = test_overrides::POLL_INTERVAL.duration_or(POLL);
    let mut known = Known::default();
    loop {
        let (asked, is_open) = (Instant::now(), readiness.is_ready());
        readiness.begin_check();
        let status = if is_open {
            ollama.status()
        } else {
            Err("ollama is being started".to_owned())
        };
        let is_up = readiness.finish_check(status.is_ok());
        known.tell(
            &status,
            is_up,
            if is_open {
                Some(readiness.advice)
            } else {
                None
            },
        );
        match status {
            Ok(status) => shop.metrics.set_ollama_status(&status),
            // It was busy, and answered clients meanwhile.
            Err(_) if is_up => {}
            Err(_) => shop.metrics.set_ollama_status(&OllamaStatus::default()),
        }
        lock(workers).start_missing();
        let pause = if is_up || !is_open {
            poll
        } else {
            poll.min(POLL_DOWN)
        };
        readiness.wait_for_check(is_open, pause);
        thread::sleep(SPACING.min(pause).saturating_sub(asked.elapsed()));
    }
}

/// What was said aloud last.
#[derive(Default)]
struct Known {
    is_up: Option<bool>,
    is_untold: bool,
}

impl Known {
    /// Says what is news. Without `advice` Ollama is being started.
    fn tell(&mut self, status: &Result<OllamaStatus, String>, is_up: bool, advice: Option<&str>) {
        let is_news = self.is_up.replace(is_up) != Some(is_up);
        let untold = status
            .as_ref()
            .ok()
            .and_then(|status| status.incomplete_reason.as_deref());
        let is_untold_news = untold.is_some() && !std::mem::replace(&mut self.is_untold, true);
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
                "{why}; it is up, but its version and its models stay unknown: it wants to know who asks, or is no ollama"
            );
        }
    }
}
