//! TAP: wires the pipeline, whatever command asks for it, and drains it at the end.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::archive::{self, Archive};
use crate::config::Config;
use crate::connections::{Connections, Cut};
use crate::error::{Error, Result, failed};
use crate::forward::Forwarder;
use crate::forward::upstream::Target;
use crate::gate::Gate;
use crate::lanes::{Lanes, WAITING_MAX};
use crate::listen::Listener;
use crate::metrics::{Metrics, OllamaStatus};
use crate::observe::{Event, Sink};
use crate::ollama::Ollama;
use crate::pace::pace;
use crate::pages::Pages;
use crate::watch::Watch;
use crate::worker::Workshop;
use crate::{logging, platform, port, watchdog};

/// Stack of a thread of ours, and of each of tiny_http's (bytes). The default of 2 MiB is for recursion we do not have.
pub const STACK: usize = 256 * 1024;

/// Descriptors to ask the system for: a connection costs two, and one to Ollama while its request runs.
pub const DESCRIPTORS: u64 = 16_384;

/// The largest Content-Length that is accepted where the machine has memory enough (bytes); see `platform::tell_owed`.
const LENGTH_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// How often Ollama is asked how it is.
const POLL: Duration = Duration::from_secs(15);

/// After the grace has passed, requests that were cut get this long to end and be counted.
const CUT_GRACE: Duration = Duration::from_secs(2);

/// Shortens `POLL` in tests (milliseconds).
const ENV_TEST_POLL_MS: &str = "OLLAMA_TAP_TEST_POLL_MS";
/// Replaces `WAITING_MAX` in tests.
const ENV_TEST_MAX_WAITING: &str = "OLLAMA_TAP_TEST_MAX_WAITING";

/// Where the first lines go, from which people and tests read the address.
pub type Say = fn(&str);

/// On standard error, whatever the log level; in the log of a service that has none.
pub fn aloud(line: &str) {
    if platform::is_service() {
        return log::info!("{line}");
    }
    eprintln!("{line}");
}

/// A tap that answers, until it is drained.
pub struct Tap {
    workshop: Arc<Workshop>,
    archive: Option<Arc<Archive>>,
}

impl Tap {
    /// Takes the port, opens the history, says where both are, and starts to serve what the gate lets through.
    pub fn start(config: &Config, gate: Arc<Gate>, say: Say) -> Result<Tap> {
        let target = Target::of(&config.upstream)?;
        let socket = port::bind(config)?;
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")).map_err(failed("define metrics"))?);
        let archive = archive(config, &socket, &metrics)?;
        let lanes = listen(config, socket, archive.as_deref(), say)?;
        config.warnings.iter().for_each(|warning| log::warn!("{warning}"));
        log::debug!("bound {} with {} workers", lanes.listener.address(), config.workers);
        let workshop = workshop(config, target, gate, lanes, metrics, archive.clone())?;
        start(config, &workshop).map_err(failed("start threads"))?;
        watchdog::start(workshop.lanes.listener.own_address()).map_err(failed("start threads"))?;
        Ok(Tap { workshop, archive })
    }

    /// Where this machine reaches it.
    pub fn address(&self) -> SocketAddr {
        self.workshop.lanes.listener.own_address()
    }

    pub fn metrics(&self) -> Arc<Metrics> {
        self.workshop.metrics.clone()
    }

    /// Stops listening, lets what runs finish for up to `grace`, and writes the rest of the history.
    pub fn drain(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        platform::notify_stopping();
        self.finish(grace, deadline);
        if let Some(archive) = &self.archive {
            archive.shutdown(deadline.max(Instant::now() + CUT_GRACE));
        }
    }

    /// Lets what runs finish until the deadline, and then cuts it.
    fn finish(&self, grace: Duration, deadline: Instant) {
        let connections = &self.workshop.lanes.connections;
        log::info!("stopping: {} requests have up to {} s to finish", connections.flights().len(), grace.as_secs());
        self.workshop.lanes.close();
        if connections.wait_until_empty(deadline) {
            return;
        }
        let cut = connections.flights().iter().filter(|flight| flight.cut(Cut::Shutdown)).count();
        log::warn!("stopping: {cut} requests were cut after {} s", grace.as_secs());
        connections.wait_until_empty(Instant::now() + CUT_GRACE);
    }
}

/// The history, if one is kept.
fn archive(config: &Config, socket: &TcpListener, metrics: &Arc<Metrics>) -> Result<Option<Arc<Archive>>> {
    let address = socket.local_addr().map_or_else(|_| config.listen.to_string(), |address| address.to_string());
    let holder = format!("ollama-tap on {address} (pid {})", std::process::id());
    let archive = Archive::open(&config.history, &holder, metrics).map_err(|e| Error::Failed(e.to_string()))?;
    Ok(archive.map(Arc::new))
}

/// Listens, and says where.
fn listen(config: &Config, socket: TcpListener, archive: Option<&Archive>, say: Say) -> Result<Arc<Lanes>> {
    let listener = Listener::new(socket).map_err(failed(&format!("listen on {}", config.listen)))?;
    say(&format!("listening on http://{}", listener.address()));
    say(&format!("forwarding to {}", config.upstream));
    match archive {
        Some(archive) => say(&format!("storing in {} ({})", archive.store.place(), archive.store.backend())),
        None => say("storing nothing"),
    }
    let waiting = std::env::var(ENV_TEST_MAX_WAITING).ok().and_then(|n| n.parse().ok()).unwrap_or(WAITING_MAX);
    Ok(Arc::new(Lanes::new(listener, Arc::new(Connections::default()), waiting)))
}

fn workshop(
    config: &Config,
    target: Target,
    gate: Arc<Gate>,
    lanes: Arc<Lanes>,
    metrics: Arc<Metrics>,
    archive: Option<Arc<Archive>>,
) -> Result<Arc<Workshop>> {
    if let Some(collector) = platform::process_collector() {
        metrics.register(collector).map_err(failed("define metrics"))?;
    }
    metrics.workers(config.workers);
    let listening = lanes.listener.address().ip();
    let pages = Pages {
        metrics: metrics.clone(),
        ollama: Ollama::new(&target),
        ollama_host: config.upstream.to_string(),
        listening,
        names: platform::host_name().map(|name| name.to_ascii_lowercase()).into_iter().collect(),
        archive: archive.clone(),
        token: config.token.clone(),
        long_answer: Mutex::default(),
    };
    let forwarder = Forwarder {
        host_passes: listening.to_canonical().is_loopback() && config.upstream.is_loopback(),
        target,
        gate,
        budget: Arc::default(),
        length_max: platform::memory_bytes().map_or(LENGTH_MAX, |memory| LENGTH_MAX.min(memory / 2)),
    };
    let sink = sink(metrics.clone(), archive);
    Ok(Arc::new(Workshop { lanes, forwarder, pages, metrics, sink, track_embeddings: config.track_embeddings }))
}

/// Where observations go.
fn sink(metrics: Arc<Metrics>, archive: Option<Arc<Archive>>) -> Arc<Sink> {
    Arc::new(move |event| match event {
        Event::Began { interaction_id, model } => metrics.began(&interaction_id, model.as_deref()),
        Event::Ended(exchange) => {
            metrics.ended(&exchange);
            logging::exchange(&exchange);
            if let Some(archive) = &archive {
                archive.submit(exchange);
            }
        }
    })
}

fn start(config: &Config, workshop: &Arc<Workshop>) -> std::io::Result<()> {
    let spawn = |name: String, stack: usize, life: Box<dyn FnOnce(&Workshop) + Send>| {
        let workshop = workshop.clone();
        thread::Builder::new().name(name).stack_size(stack).spawn(move || life(&workshop)).map(drop)
    };
    spawn("pages-vital".into(), STACK, Box::new(|shop| shop.serve_pages(shop.lanes.vital())))?;
    for i in 0..2 {
        spawn(format!("pages-{i}"), archive::STACK, Box::new(|shop| shop.serve_pages(shop.lanes.pages())))?;
    }
    spawn("usher".into(), STACK, Box::new(|shop| shop.lanes.usher()))?;
    let target = workshop.forwarder.target.clone();
    spawn("ollama".into(), STACK, Box::new(move |shop| poll(&Ollama::new(&target), &shop.forwarder.gate, &shop.metrics)))?;
    let idle = config.idle_timeout;
    spawn("watch".into(), STACK, Box::new(move |shop| Watch::new(shop.lanes.clone(), shop.metrics.clone(), idle).run()))?;
    (0..config.workers).try_for_each(|i| spawn(format!("worker-{i}"), STACK, Box::new(|shop| shop.forward_all())))
}

/// Asks Ollama how it is, now and every 15 s, and says aloud what changed. One that is being started is asked once it is there.
fn poll(ollama: &Ollama, gate: &Gate, metrics: &Metrics) {
    let pause = pace(ENV_TEST_POLL_MS, POLL);
    let mut was_up = None;
    loop {
        let is_open = gate.is_open();
        let status = if is_open { ollama.status() } else { Err("ollama is being started".to_owned()) };
        let is_up = status.is_ok();
        match &status {
            Err(why) if !is_open => log::debug!("{why}"),
            Ok(status) if was_up != Some(true) => log::info!("ollama {} is up", status.version.as_deref().unwrap_or_default()),
            Err(why) if was_up != Some(false) => log::warn!("{why}{}", gate.advice),
            _ => log::debug!("ollama is {}", if is_up { "up" } else { "down" }),
        }
        was_up = Some(is_up);
        metrics.ollama(&status.unwrap_or_else(|_| OllamaStatus { up: false, version: None, models: Vec::new() }));
        gate.wait_while(is_open, pause);
    }
}
