//! TAP: wires the pipeline, whatever command asks for it, and drains it at the end.

mod lanes;
mod listeners;
mod responder;
mod watch;
mod watchdog;
mod worker;
mod workers;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::app::lanes::Lanes;
use crate::app::listeners::Listeners;
use crate::app::watch::watch;
use crate::app::worker::Workshop;
use crate::app::workers::Workers;
use crate::config::{Config, test_overrides};
use crate::error::{Error, Result, failed};
use crate::forward::Forwarder;
use crate::forward::readiness::Readiness;
use crate::forward::upstream::Target;
use crate::history::{self, History};
use crate::http::address::dialable_ip;
use crate::instance::OwnNote;
use crate::metrics::Metrics;
use crate::observe::log_line::LogLine;
use crate::observe::{ExchangeEvent, Sink};
use crate::ollama::client::OllamaClient;
use crate::pages::Pages;
use crate::platform;
use crate::server::{Bounds, Context, EventLoop, Port};
use crate::util::budget::Budget;
use crate::util::threads::{self, STACK, lock};

/// Descriptors to ask the system for: one for each connection, and one to Ollama for each worker.
pub const DESCRIPTORS: u64 = 16_384;

/// After the grace has passed, requests that were cut get this long to end and be counted.
const CUT_GRACE: Duration = Duration::from_secs(2);

/// Requests that wait for a worker; one more is refused.
const WAITING_MAX: usize = 1024;

/// Where the first lines go, from which people and tests read the address.
pub type Say = fn(&str);

/// On standard error, whatever the log level; in the log of a service that has none.
pub fn aloud(line: &str) {
    if platform::service::is_service() {
        return log::info!("{line}");
    }
    eprintln!("{line}");
}

/// A tap that answers, until it is drained.
pub struct Tap {
    workshop: Arc<Workshop>,
    history: Option<Arc<History>>,
    address: SocketAddr,
    pages: SocketAddr,
    note: Option<OwnNote>,
}

impl Tap {
    /// Takes the port, opens the history, says where both are, and starts to serve requests once Ollama is ready.
    pub fn start(config: &Config, readiness: Arc<Readiness>, say: Say) -> Result<Tap> {
        platform::resources::return_freed_memory();
        let target = Target::of(&config.upstream)?;
        let listeners = Listeners::open(config)?;
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION")).map_err(failed("define metrics"))?;
        let metrics = Arc::new(if config.metrics_category {
            metrics
        } else {
            metrics.without_categories()
        });
        let memory = platform::resources::memory_bytes();
        let budget = Budget::of(memory);
        let history = open_history(config, listeners.address, &metrics, &budget)?;
        let note = OwnNote::leave(
            config,
            listeners.address,
            listeners.admin_at(),
            history.as_deref(),
        );
        announce(config, &listeners, history.as_deref(), say);
        config
            .warnings
            .iter()
            .for_each(|warning| log::warn!("{warning}"));
        let [address, pages] = [listeners.address, listeners.pages_at()]
            .map(|at| SocketAddr::new(dialable_ip(at.ip()), at.port()));
        let context =
            context(config, &listeners, &metrics, memory, budget).map_err(failed("listen"))?;
        let workshop = workshop(
            config,
            target,
            readiness,
            &listeners,
            metrics,
            history.clone(),
            context,
        )?;
        let workers = Arc::new(Mutex::new(Workers::new(&workshop)));
        start(&workshop, &workers, listeners).map_err(failed("start threads"))?;
        watchdog::start(pages).map_err(failed("start threads"))?;
        // Last, as they take what threads there are.
        lock(&workers).start().map_err(failed("start threads"))?;
        Ok(Tap {
            workshop,
            history,
            address,
            pages,
            note,
        })
    }

    /// Where this machine reaches it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where this machine reaches its own pages.
    pub fn pages(&self) -> SocketAddr {
        self.pages
    }

    pub fn metrics(&self) -> Arc<Metrics> {
        self.workshop.metrics.clone()
    }

    /// Stops listening, lets what runs finish for up to `grace`, and writes the rest of the history.
    pub fn drain(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        platform::notify::notify_stopping();
        // Before the port is free for another tap.
        self.note.iter().for_each(OwnNote::remove);
        self.finish(grace, deadline);
        if let Some(history) = &self.history {
            history.shutdown(deadline.max(Instant::now() + CUT_GRACE));
        }
    }

    /// Lets what runs finish until the deadline, and then cuts it.
    fn finish(&self, grace: Duration, deadline: Instant) {
        let Context { pool, reactor, .. } = &*self.workshop.context;
        log::info!(
            "stopping: {} requests have up to {} s to finish",
            pool.under_way(),
            grace.as_secs()
        );
        self.workshop.context.close();
        let is_quiet = pool.wait_until_quiet(deadline);
        let untaken = reactor.wait_until_taken(deadline);
        if is_quiet && untaken == 0 {
            return;
        }
        let cut = self.workshop.cut_all() + untaken;
        log::warn!(
            "stopping: {cut} requests were cut after {} s",
            grace.as_secs()
        );
        pool.wait_until_quiet(Instant::now() + CUT_GRACE);
    }
}

/// The history, if one is kept.
fn open_history(
    config: &Config,
    address: SocketAddr,
    metrics: &Arc<Metrics>,
    budget: &Budget,
) -> Result<Option<Arc<History>>> {
    let holder = format!("ollama-tap on {address} (pid {})", std::process::id());
    let history = History::open(&config.history, address.port(), &holder, metrics, budget)
        .map_err(|e| Error::Failed(e.to_string()))?;
    Ok(history.map(Arc::new))
}

/// Says where we listen, and what becomes of what comes.
fn announce(config: &Config, listeners: &Listeners, history: Option<&History>, say: Say) {
    say(&format!("listening on http://{}", listeners.address));
    say(&format!("forwarding to {}", config.upstream));
    if let Some(address) = listeners.admin_at() {
        say(&format!("pages on http://{address}"));
    }
    match history {
        Some(history) => say(&format!(
            "storing in {} ({})",
            history.store.location(),
            history.store.backend()
        )),
        None => say("storing nothing"),
    }
}

fn workshop(
    config: &Config,
    target: Target,
    readiness: Arc<Readiness>,
    listeners: &Listeners,
    metrics: Arc<Metrics>,
    history: Option<Arc<History>>,
    context: Context,
) -> Result<Arc<Workshop>> {
    if let Some(collector) = platform::resources::process_collector() {
        metrics
            .register(collector)
            .map_err(failed("define metrics"))?;
    }
    let pages = Pages {
        metrics: metrics.clone(),
        readiness: readiness.clone(),
        ollama: OllamaClient::new(&target),
        ollama_host: config.upstream.to_string(),
        listening: listeners.pages_at().ip(),
        names: platform::resources::host_name()
            .map(|name| name.to_ascii_lowercase())
            .into_iter()
            .collect(),
        history: history.clone(),
        token: config.token.clone(),
        long_response: Mutex::default(),
    };
    let forwarder = Forwarder {
        host_passes: listeners.address.ip().to_canonical().is_loopback()
            && config.upstream.is_loopback(),
        target,
        readiness,
    };
    let sink = sink(metrics.clone(), history);
    Ok(Arc::new(Workshop {
        context: Arc::new(context),
        forwarder,
        pages,
        lanes: Lanes::default(),
        metrics,
        sink,
        track_embeddings: config.track_embeddings,
        lines: Mutex::default(),
    }))
}

fn context(
    config: &Config,
    listeners: &Listeners,
    metrics: &Arc<Metrics>,
    memory: Option<u64>,
    budget: Arc<Budget>,
) -> std::io::Result<Context> {
    let waiting = test_overrides::WAITING_MAX.get().unwrap_or(WAITING_MAX);
    let descriptors = platform::resources::raise_descriptor_limit(DESCRIPTORS);
    // Each worker needs one for its connection to Ollama, and clients need some as well.
    let workers = config.workers.min((descriptors / 4).max(1) as usize);
    if workers < config.workers {
        log::warn!(
            "{workers} workers run instead of {}: there are only {descriptors} descriptors",
            config.workers
        );
    }
    let bounds = Bounds {
        descriptors,
        memory,
        budget,
        workers,
        waiting,
        idle: config.idle_timeout,
    };
    Context::new(bounds, listeners.admin.is_some(), metrics.clone())
}

/// Returns the sink of all observers: metrics, the log and the history.
fn sink(metrics: Arc<Metrics>, history: Option<Arc<History>>) -> Arc<Sink> {
    Arc::new(move |event| match event {
        ExchangeEvent::Started {
            interaction_id,
            model,
        } => metrics.request_started(&interaction_id, model.as_deref()),
        ExchangeEvent::Finished(exchange) => {
            metrics.request_finished(&exchange);
            if exchange.is_unrecorded {
                return;
            }
            log::info!("{}", LogLine(&exchange));
            if let Some(history) = &history {
                history.submit(exchange);
            }
        }
    })
}

fn start(
    workshop: &Arc<Workshop>,
    workers: &Arc<Mutex<Workers>>,
    listeners: Listeners,
) -> std::io::Result<()> {
    let lanes = &workshop.lanes;
    let pages = [
        ("memory", STACK, &lanes.memory),
        ("test", STACK, &lanes.test),
    ];
    let history = ["history-0", "history-1"].map(|name| (name, history::STACK, &lanes.history));
    for (name, stack, (_, requests)) in pages.into_iter().chain(history) {
        let (shop, requests) = (workshop.clone(), requests.clone());
        threads::spawn(format!("pages-{name}"), stack, move || {
            shop.serve_pages(&requests)
        })?;
    }
    let admin = listeners.admin.map(|(socket, _)| (Port::Admin, socket));
    let listeners = [(Port::Public, listeners.public)]
        .into_iter()
        .chain(admin)
        .collect();
    let metrics = workshop.metrics.clone();
    let event_loop = EventLoop::new(
        workshop.context.clone(),
        workshop.clone(),
        listeners,
        Box::new(move || metrics.count_listener_restart()),
    )?;
    threads::spawn("event-loop", STACK, move || event_loop.run())?;
    let (shop, workers) = (workshop.clone(), workers.clone());
    threads::spawn("ollama", STACK, move || watch(&shop, &workers))
}
