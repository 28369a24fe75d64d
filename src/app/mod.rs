//! APP: starts a tap for any command, and drains it at the end.

mod diagnostics;
mod judge;
mod listeners;
mod model_news;
mod page_queues;
mod responder;
mod watchdog;
mod watcher;
pub mod wiring;
mod worker;
mod workers;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

use crate::app::listeners::Listeners;
use crate::app::wiring::TapParts;
use crate::app::worker::WorkerContext;
use crate::app::workers::Workers;
use crate::config::Config;
use crate::diagnose::context::lines::LogOwner;
use crate::error::{Result, failed};
use crate::forward::readiness::Readiness;
use crate::history::History;
use crate::http::address::dialable_ip;
use crate::http::agent::Target;
use crate::instance::histories::KnownHistory;
use crate::instance::{Registration, histories};
use crate::metrics::Metrics;
use crate::ollama::LineSink;
use crate::platform;
use crate::server::Context;
use crate::util::budget::Budget;
use crate::util::stderr;
use crate::util::threads::{self, STACK, lock};

/// After the grace period, cancelled requests get this long to end and be counted.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// The longest that the first lines wait for what is known of other histories: one may lie where nobody answers, as on a network
/// share that is gone.
const ELSEWHERE_MAX: Duration = Duration::from_secs(1);

/// Shows one of the first lines, from which users and tests read the address.
pub type Announce = fn(&str);

/// Announces on standard error, whatever the log level; in the log of a service, which has no standard error.
pub fn announce(line: &str) {
    if platform::service::is_service() {
        return log::info!("{line}");
    }
    stderr::say(line);
}

/// A running tap.
pub struct Tap {
    ctx: Arc<WorkerContext>,
    history: Option<Arc<History>>,
    address: SocketAddr,
    pages_address: SocketAddr,
    note: Option<Registration>,
}

impl Tap {
    /// Binds the port, opens the history, announces both, and starts to serve requests once Ollama is ready.
    pub fn start(config: &Config, readiness: Arc<Readiness>, announce: Announce) -> Result<Tap> {
        platform::resources::return_freed_memory();
        let config = &Config {
            history: config.history.with_whole_path(),
            ..config.clone()
        };
        let target = Target::of(&config.upstream)?;
        let listeners = Listeners::open(config)?;
        let metrics = wiring::metrics(config)?;
        let memory = platform::resources::memory_bytes();
        let budget = Budget::of(memory);
        let history = wiring::open_history(config, listeners.address, &metrics, &budget)?;
        let note = Registration::register(
            config,
            listeners.address,
            listeners.admin_address(),
            history.as_deref(),
        );
        let elsewhere = history.is_some().then(|| note_and_find_elsewhere(config));
        announce_start(config, &listeners, history.as_deref(), announce);
        let (public, pages) = (listeners.address, listeners.pages_address());
        let ctx = wiring::worker_context(TapParts {
            config,
            listeners: &listeners,
            target,
            readiness,
            metrics,
            history: history.clone(),
            memory,
            budget,
        })?;
        start_threads(&ctx, listeners, dialable(pages)).map_err(failed("start threads"))?;
        announce_elsewhere(elsewhere, announce);
        announce(&dashboard(pages, public));
        Ok(Tap {
            ctx,
            history,
            address: dialable(public),
            pages_address: dialable(pages),
            note,
        })
    }

    /// The address at which this machine reaches it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address at which this machine reaches its own pages.
    pub fn pages_address(&self) -> SocketAddr {
        self.pages_address
    }

    pub fn metrics(&self) -> Arc<Metrics> {
        self.ctx.metrics.clone()
    }

    /// Returns what is to be told each line of the log of the Ollama behind it.
    pub fn log_reader(&self, owner: LogOwner) -> LineSink {
        let diagnostics = self.ctx.diagnostics.clone();
        Arc::new(move |line| diagnostics.log_line(line, owner))
    }

    /// Stops listening, lets requests finish for up to `grace`, and writes the rest of the history.
    pub fn drain(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        platform::notify::notify_stopping();
        // Before the port is free for another tap.
        if let Some(note) = &self.note {
            note.remove();
        }
        self.finish_requests(grace, deadline);
        if let Some(history) = &self.history {
            history.shutdown(deadline.max(Instant::now() + CANCEL_GRACE));
        }
    }

    /// Lets requests finish until the deadline, and then cancels them.
    fn finish_requests(&self, grace: Duration, deadline: Instant) {
        let Context { pool, reactor, .. } = &*self.ctx.context;
        let (under_way, grace) = (pool.under_way(), grace.as_secs());
        log::info!("stopping: {under_way} requests have up to {grace} s to finish");
        self.ctx.context.close();
        let is_done = pool.wait_until_done(deadline);
        let undelivered = reactor.wait_until_delivered(deadline);
        if is_done && undelivered == 0 {
            return;
        }
        let cancelled = self.ctx.cancel_all() + undelivered;
        log::warn!("stopping: {cancelled} requests were cut after {grace} s");
        pool.wait_until_done(Instant::now() + CANCEL_GRACE);
    }
}

/// Returns the address to dial for a listening address.
fn dialable(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(dialable_ip(address.ip()), address.port())
}

/// Announces what is so before the first request is served: the listening addresses, the upstream, and the location of the history.
fn announce_start(
    config: &Config,
    listeners: &Listeners,
    history: Option<&History>,
    announce: Announce,
) {
    announce(&format!("listening on http://{}", listeners.address));
    announce(&format!("forwarding to {}", config.upstream));
    if let Some(address) = listeners.admin_address() {
        announce(&format!("pages on http://{address}"));
    }
    match history {
        Some(history) => {
            let (location, backend) = (history.store.location(), history.store.backend());
            announce(&format!("storing in {location} ({backend})"));
        }
        None => announce("storing nothing"),
    }
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
}

/// Notes where this tap writes, and looks for other histories on a thread of its own.
fn note_and_find_elsewhere(config: &Config) -> Receiver<Vec<KnownHistory>> {
    if config.is_noted {
        histories::note(&config.history);
    }
    let here = config.history.dir.clone();
    let (tell, found) = bounded(1);
    let find = move || drop(tell.send(histories::elsewhere(&here, None)));
    if let Err(cause) = threads::spawn("elsewhere", STACK, find) {
        log::debug!("look for other histories: {cause}");
    }
    found
}

fn announce_elsewhere(found: Option<Receiver<Vec<KnownHistory>>>, announce: Announce) {
    let others = found.and_then(|found| found.recv_timeout(ELSEWHERE_MAX).ok());
    for other in others.unwrap_or_default() {
        announce(&format!("also a history in: {other}"));
    }
}

/// Starts to serve requests. The workers are the last, as they may take all remaining threads.
fn start_threads(
    ctx: &Arc<WorkerContext>,
    listeners: Listeners,
    pages: SocketAddr,
) -> io::Result<()> {
    let workers = Arc::new(Mutex::new(Workers::new(ctx)));
    wiring::start_threads(ctx, &workers, listeners)?;
    watchdog::start(pages)?;
    lock(&workers).start()
}

/// The address of the dashboard, as a browser on this machine takes it, and whether others reach the public port too.
fn dashboard(pages: SocketAddr, public: SocketAddr) -> String {
    let host = match pages.ip().is_unspecified() {
        true => format!("localhost:{}", pages.port()),
        false => pages.to_string(),
    };
    let openness = match public.ip().is_unspecified() {
        true => format!(" (port {} is open on every interface)", public.port()),
        false => String::new(),
    };
    format!("dashboard http://{host}/analytics{openness}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dashboard_has_an_address_that_a_browser_takes() {
        for (pages, public, line) in [
            (
                "[::]:8000",
                "[::]:8000",
                "dashboard http://localhost:8000/analytics (port 8000 is open on every interface)",
            ),
            (
                "127.0.0.1:11434",
                "127.0.0.1:11434",
                "dashboard http://127.0.0.1:11434/analytics",
            ),
            (
                "127.0.0.1:9",
                "0.0.0.0:8000",
                "dashboard http://127.0.0.1:9/analytics (port 8000 is open on every interface)",
            ),
            (
                "[2001:db8::1]:9",
                "127.0.0.1:8000",
                "dashboard http://[2001:db8::1]:9/analytics",
            ),
        ] {
            let [pages, public] = [pages, public].map(|text| text.parse().expect("an address"));
            assert_eq!(dashboard(pages, public), line);
        }
    }
}
