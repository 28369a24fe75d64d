//! `ollama-tap proxy`: wires the pipeline in front of an Ollama that already runs, and drains it at the end.

use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};

use crate::cli::ProxyArgs;
use crate::config::Config;
use crate::connections::{Connections, Cut};
use crate::error::{Error, Result};
use crate::forward::Forwarder;
use crate::forward::upstream::{Target, addresses, roots_with};
use crate::lanes::{Lanes, WAITING_MAX};
use crate::listen::{self, Listener};
use crate::metrics::{Metrics, OllamaStatus};
use crate::observe::{Event, Sink};
use crate::ollama::Ollama;
use crate::pages::Pages;
use crate::watch::Watch;
use crate::worker::Workshop;
use crate::{logging, platform};

/// Descriptors to ask the system for: a connection costs two, and one to Ollama while its request runs.
const DESCRIPTORS: u64 = 16_384;

/// Stack of a thread of ours, and of each of tiny_http's (bytes). The default of 2 MiB is for recursion we do not have.
const STACK: usize = 256 * 1024;

/// The largest Content-Length that is accepted where the machine has memory enough (bytes); see `platform::defuse`.
const LENGTH_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// How often Ollama is asked how it is.
const POLL: Duration = Duration::from_secs(15);

/// After the grace has passed, requests that were cut get this long to end and be counted.
const CUT_GRACE: Duration = Duration::from_secs(2);

/// A PEM file with further roots for https upstreams.
const ENV_CERT_FILE: &str = "SSL_CERT_FILE";

/// Shortens `POLL` in tests (milliseconds).
const ENV_TEST_POLL_MS: &str = "OLLAMA_TAP_TEST_POLL_MS";
/// Replaces `WAITING_MAX` in tests.
const ENV_TEST_MAX_WAITING: &str = "OLLAMA_TAP_TEST_MAX_WAITING";

pub fn run(args: &ProxyArgs) -> Result<ExitCode> {
    platform::set_thread_stack(STACK);
    let config = Config::resolve(args, &|name| std::env::var(name).ok()).map_err(|bad| {
        let lines: Vec<String> = bad.iter().map(|value| value.to_string()).collect();
        Error::Usage(lines.join("\nollama-tap: "))
    })?;
    logging::start(config.log_level);
    let descriptors = platform::raise_descriptor_limit(DESCRIPTORS);
    log::debug!(
        "checked for a later version: {:?}, a token {}",
        config.history,
        if config.token.is_some() { "is set" } else { "is not set" }
    );
    let (stop, stopped) = unbounded();
    let stopping = AtomicBool::new(false);
    platform::wait_for_signals(move || {
        if stopping.swap(true, SeqCst) || stop.send(()).is_err() {
            std::process::exit(1);
        }
    })
    .map_err(failed("wait for signals"))?;
    let target = target(&config)?;
    let lanes = listen(&config)?;
    config.warnings.iter().for_each(|warning| log::warn!("{warning}"));
    log::debug!("bound {} with {descriptors} descriptors and {} workers", lanes.listener.address(), config.workers);
    let workshop = workshop(&config, target, lanes)?;
    start(&config, &workshop).map_err(failed("start threads"))?;
    wait_and_drain(&config, &workshop, &stopped);
    Ok(ExitCode::SUCCESS)
}

fn target(config: &Config) -> Result<Target> {
    let roots = match std::env::var(ENV_CERT_FILE) {
        Ok(path) if config.upstream.is_https() && !path.is_empty() => {
            let pem = std::fs::read(&path).map_err(failed(&format!("read {ENV_CERT_FILE} {path}")))?;
            Some(roots_with(&pem).map_err(|e| Error::Failed(format!("read {ENV_CERT_FILE} {path}: {e}")))?)
        }
        _ => None,
    };
    Ok(Target { upstream: config.upstream.clone(), roots })
}

/// Listens, and says where: tests and people read the address from these lines, whatever the log level.
fn listen(config: &Config) -> Result<Arc<Lanes>> {
    let wanted = addresses(&config.listen.host, config.listen.port).map_err(failed(&format!("listen on {}", config.listen)))?;
    if config.listen.port == config.upstream.port && upstream_is_here(config, &wanted) {
        let text = format!("listen on {}: the upstream {} is this very address", config.listen, config.upstream);
        return Err(Error::Usage(format!("{text}; give another --listen, or where Ollama is with --upstream")));
    }
    let socket = listen::bind(&wanted, config.idle_timeout).map_err(|e| unbound(config, &e))?;
    let listener = Listener::new(socket).map_err(failed(&format!("listen on {}", config.listen)))?;
    eprintln!("listening on http://{}", listener.address());
    eprintln!("forwarding to {}", config.upstream);
    eprintln!("storing nothing: this version keeps metrics only");
    let waiting = std::env::var(ENV_TEST_MAX_WAITING).ok().and_then(|n| n.parse().ok()).unwrap_or(WAITING_MAX);
    Ok(Arc::new(Lanes::new(listener, Arc::new(Connections::default()), waiting)))
}

/// Whether the upstream's name leads to one of the addresses we are about to listen on.
fn upstream_is_here(config: &Config, wanted: &[SocketAddr]) -> bool {
    let upstream = addresses(&config.upstream.host, config.upstream.port).unwrap_or_default();
    upstream.iter().any(|there| {
        // An address that can be bound is one of this machine's.
        let local = UdpSocket::bind((there.ip(), 0)).is_ok();
        wanted.iter().any(|here| here == there || here.ip().is_unspecified() && local)
    })
}

fn unbound(config: &Config, cause: &std::io::Error) -> Error {
    let text = format!("listen on {}: {cause}", config.listen);
    if cause.kind() != std::io::ErrorKind::AddrInUse {
        return Error::Failed(format!("{text}; choose another address with --listen"));
    }
    let holder = platform::port_holder(config.listen.port).map(|holder| format!(" by {holder}")).unwrap_or_default();
    let here = crate::address::Upstream { scheme: crate::address::Scheme::Http, port: config.listen.port, ..Default::default() };
    let ollama = match Ollama::new(&Target { upstream: here, roots: None }).version() {
        Ok(version) => format!(", where an Ollama {version} answers"),
        Err(_) => String::new(),
    };
    Error::Failed(format!("{text}: the port is taken{holder}{ollama}; stop it, or choose another port with --listen"))
}

fn workshop(config: &Config, target: Target, lanes: Arc<Lanes>) -> Result<Arc<Workshop>> {
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION")).map_err(|e| Error::Failed(format!("define metrics: {e}")))?;
    let metrics = Arc::new(metrics);
    if let Some(collector) = platform::process_collector() {
        metrics.register(collector).map_err(|e| Error::Failed(format!("define metrics: {e}")))?;
    }
    metrics.workers(config.workers);
    let listening = lanes.listener.address().ip();
    let pages = Pages {
        metrics: metrics.clone(),
        ollama: Ollama::new(&target),
        ollama_host: config.upstream.to_string(),
        listening,
        names: platform::host_name().map(|name| name.to_ascii_lowercase()).into_iter().collect(),
    };
    let forwarder = Forwarder {
        host_passes: listening.to_canonical().is_loopback() && config.upstream.is_loopback(),
        target,
        budget: Arc::default(),
        length_max: platform::memory_bytes().map_or(LENGTH_MAX, |memory| LENGTH_MAX.min(memory / 2)),
    };
    let sink = sink(metrics.clone());
    Ok(Arc::new(Workshop { lanes, forwarder, pages, metrics, sink, track_embeddings: config.track_embeddings }))
}

/// Where observations go.
fn sink(metrics: Arc<Metrics>) -> Arc<Sink> {
    Arc::new(move |event| match event {
        Event::Began { interaction_id, model } => metrics.began(&interaction_id, model.as_deref()),
        Event::Ended(exchange) => {
            metrics.ended(&exchange);
            logging::exchange(&exchange);
        }
    })
}

fn start(config: &Config, workshop: &Arc<Workshop>) -> std::io::Result<()> {
    let spawn = |name: String, life: Box<dyn FnOnce(&Workshop) + Send>| {
        let workshop = workshop.clone();
        thread::Builder::new().name(name).stack_size(STACK).spawn(move || life(&workshop)).map(drop)
    };
    spawn("pages-vital".into(), Box::new(|shop| shop.serve_pages(shop.lanes.vital())))?;
    for i in 0..2 {
        spawn(format!("pages-{i}"), Box::new(|shop| shop.serve_pages(shop.lanes.pages())))?;
    }
    spawn("usher".into(), Box::new(|shop| shop.lanes.usher()))?;
    let target = workshop.forwarder.target.clone();
    spawn("ollama".into(), Box::new(move |shop| poll(&Ollama::new(&target), &shop.metrics)))?;
    let idle = config.idle_timeout;
    spawn("watch".into(), Box::new(move |shop| Watch::new(shop.lanes.clone(), shop.metrics.clone(), idle).run()))?;
    (0..config.workers).try_for_each(|i| spawn(format!("worker-{i}"), Box::new(|shop| shop.forward_all())))
}

/// Asks Ollama how it is, now and every 15 s, and says aloud what changed.
fn poll(ollama: &Ollama, metrics: &Metrics) {
    let pause = std::env::var(ENV_TEST_POLL_MS).ok().and_then(|ms| ms.parse().ok()).map_or(POLL, Duration::from_millis);
    let mut was_up = None;
    loop {
        let status = ollama.status();
        let is_up = status.is_ok();
        match &status {
            Ok(status) if was_up != Some(true) => log::info!("ollama {} is up", status.version.as_deref().unwrap_or_default()),
            Err(why) if was_up != Some(false) => log::warn!("{why}; start it with `ollama serve`, or say where it is with --upstream"),
            _ => log::debug!("ollama is {}", if is_up { "up" } else { "down" }),
        }
        was_up = Some(is_up);
        metrics.ollama(&status.unwrap_or_else(|_| OllamaStatus { up: false, version: None, models: Vec::new() }));
        thread::sleep(pause);
    }
}

/// Waits for the first signal, then lets what runs finish, and at last cuts it.
fn wait_and_drain(config: &Config, workshop: &Workshop, stopped: &Receiver<()>) {
    let _ = stopped.recv();
    let connections = &workshop.lanes.connections;
    log::info!("stopping: {} requests have up to {} s to finish", connections.flights().len(), config.shutdown_grace.as_secs());
    workshop.lanes.close();
    if connections.wait_until_empty(Instant::now() + config.shutdown_grace) {
        return;
    }
    let cut = connections.flights().iter().filter(|flight| flight.cut(Cut::Shutdown)).count();
    log::warn!("stopping: {cut} requests were cut after {} s", config.shutdown_grace.as_secs());
    connections.wait_until_empty(Instant::now() + CUT_GRACE);
}

fn failed(doing: &str) -> impl Fn(std::io::Error) -> Error {
    move |cause| Error::Failed(format!("{doing}: {cause}"))
}
