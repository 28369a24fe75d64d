//! WIRING: makes the parts of a tap and connects them.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use crate::active::{ActiveRequests, Tracking};
use crate::app::diagnostics::Diagnostics;
use crate::app::judge::Judge;
use crate::app::listeners::Listeners;
use crate::app::page_queues::{PageQueue, PageQueues};
use crate::app::watcher::watch;
use crate::app::worker::WorkerContext;
use crate::app::workers::Workers;
use crate::config::{Config, test_overrides};
use crate::error::{Error, Result, failed};
use crate::forward::Forwarder;
use crate::forward::readiness::Readiness;
use crate::history::{self, History};
use crate::http::agent::Target;
use crate::metrics::Metrics;
use crate::observe::log_line::LogLine;
use crate::observe::{ExchangeEvent, Sink};
use crate::ollama::client::OllamaClient;
use crate::pages::Pages;
use crate::platform;
use crate::server::{Context, EventLoop, ListenerRole, Request, ServerLimits};
use crate::util::budget::Budget;
use crate::util::threads::{self, STACK};

/// The descriptors to ask the system for: one for each connection, and one to Ollama for each worker.
pub const DESCRIPTORS_WANTED: u64 = 16_384;

/// The requests that may wait for a worker; one more is refused.
const WAITING_MAX: usize = 1024;

/// The parts that are made first, from which the others are made.
pub struct TapParts<'a> {
    pub config: &'a Config,
    pub listeners: &'a Listeners,
    pub target: Target,
    pub readiness: Arc<Readiness>,
    pub metrics: Arc<Metrics>,
    pub history: Option<Arc<History>>,
    pub memory: Option<u64>,
    pub budget: Arc<Budget>,
}

/// Defines the metrics.
pub fn metrics(config: &Config) -> Result<Arc<Metrics>> {
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION")).map_err(failed("define metrics"))?;
    let metrics = if config.metrics_category {
        metrics
    } else {
        metrics.without_categories()
    };
    if let Some(collector) = platform::resources::process_collector() {
        metrics
            .register(collector)
            .map_err(failed("define metrics"))?;
    }
    Ok(Arc::new(metrics))
}

/// Opens the history, if there is one.
pub fn open_history(
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

/// Makes the state that the workers share.
pub fn worker_context(parts: TapParts) -> Result<Arc<WorkerContext>> {
    let context = Arc::new(context(&parts).map_err(failed("listen"))?);
    let TapParts {
        config,
        listeners,
        target,
        readiness,
        metrics,
        history,
        budget,
        ..
    } = parts;
    let active = Arc::new(active_requests(config, context.clone()));
    let pages = Pages {
        metrics: metrics.clone(),
        active: active.clone(),
        readiness: readiness.clone(),
        ollama: OllamaClient::new(&target),
        ollama_host: config.upstream.to_string(),
        listening: listeners.pages_address().ip(),
        names: platform::resources::host_name()
            .map(|name| name.to_ascii_lowercase())
            .into_iter()
            .collect(),
        history: history.clone(),
        token: config.token.clone(),
        long_response: Mutex::default(),
    };
    let side_directory = history.as_ref().and_then(|it| it.side_directory.clone());
    let diagnostics = Diagnostics::start(
        Judge::load(side_directory),
        metrics.clone(),
        history,
        readiness.clone(),
        &budget,
    )
    .map_err(failed("start threads"))?;
    let listens_on_loopback = listeners.address.ip().to_canonical().is_loopback();
    let forwarder = Forwarder {
        passes_host: listens_on_loopback && config.upstream.is_loopback(),
        target,
        readiness,
    };
    Ok(Arc::new(WorkerContext {
        context,
        forwarder,
        pages,
        page_queues: PageQueues::default(),
        sink: sink(active.clone(), metrics.clone(), diagnostics.clone()),
        active,
        diagnostics,
        metrics,
        controls: Mutex::default(),
    }))
}

fn context(parts: &TapParts) -> io::Result<Context> {
    let config = parts.config;
    let waiting = test_overrides::WAITING_MAX.get().unwrap_or(WAITING_MAX);
    let descriptors = platform::resources::raise_descriptor_limit(DESCRIPTORS_WANTED);
    // Each worker needs one for its connection to Ollama, and clients need some as well.
    let workers = config.workers.min((descriptors / 4).max(1) as usize);
    if workers < config.workers {
        log::warn!(
            "{workers} workers run instead of {}: there are only {descriptors} descriptors",
            config.workers
        );
    }
    let limits = ServerLimits {
        descriptors,
        memory: parts.memory,
        budget: parts.budget.clone(),
        workers,
        waiting,
        idle_timeout: config.idle_timeout,
    };
    let has_admin_listener = parts.listeners.admin.is_some();
    Context::new(limits, has_admin_listener, parts.metrics.clone())
}

fn active_requests(config: &Config, context: Arc<Context>) -> ActiveRequests {
    let tracking = Tracking {
        track_embeddings: config.track_embeddings,
        client_header: config.client_header.clone(),
    };
    let (text, address) = (config.history.store_text, config.upstream.to_string());
    ActiveRequests::new(tracking, context, text, address)
}

/// Makes the sink of observations: what is now, metrics, log, and diagnosis, which hands on to the history.
fn sink(
    active: Arc<ActiveRequests>,
    metrics: Arc<Metrics>,
    diagnostics: Arc<Diagnostics>,
) -> Arc<Sink> {
    Arc::new(move |event| match event {
        ExchangeEvent::Started(mut request) => {
            active.sent(&mut request);
            metrics.request_started(&request.interaction_id, request.model.as_deref());
            diagnostics.tell(ExchangeEvent::Started(request));
        }
        ExchangeEvent::FirstByte { interaction_id, at } => {
            active.answering(&interaction_id);
            metrics.reply_started(&interaction_id);
            diagnostics.tell(ExchangeEvent::FirstByte { interaction_id, at });
        }
        ExchangeEvent::Finished(exchange) => {
            active.finished(&exchange);
            metrics.request_finished(&exchange);
            if !exchange.is_unrecorded {
                log::info!("{}", LogLine(&exchange));
            }
            diagnostics.tell(ExchangeEvent::Finished(exchange));
        }
    })
}

/// Starts every thread but those of the forwarding workers.
pub fn start_threads(
    ctx: &Arc<WorkerContext>,
    workers: &Arc<Mutex<Workers>>,
    listeners: Listeners,
) -> io::Result<()> {
    type Queue = fn(&PageQueues) -> &PageQueue<Box<Request>>;
    for (name, stack, queue) in [
        ("memory", STACK, (|queues| &queues.memory) as Queue),
        ("test", STACK, |queues| &queues.test),
        ("history-0", history::HISTORY_STACK_SIZE, |queues| {
            &queues.history
        }),
        ("history-1", history::HISTORY_STACK_SIZE, |queues| {
            &queues.history
        }),
    ] {
        let ctx = ctx.clone();
        threads::spawn(format!("pages-{name}"), stack, move || {
            ctx.run_pages(queue(&ctx.page_queues));
        })?;
    }
    let mut sockets = vec![(ListenerRole::Public, listeners.public)];
    if let Some((socket, _)) = listeners.admin {
        sockets.push((ListenerRole::Admin, socket));
    }
    let metrics = ctx.metrics.clone();
    let on_panic = Box::new(move || metrics.count_listener_restart());
    let event_loop = EventLoop::new(ctx.context.clone(), ctx.clone(), sockets, on_panic)?;
    threads::spawn("event-loop", STACK, move || event_loop.run())?;
    let (ctx, workers) = (ctx.clone(), workers.clone());
    threads::spawn("ollama", STACK, move || watch(&ctx, &workers))
}
