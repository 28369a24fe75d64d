//! STANDIN: listens like an Ollama, and gives each request its answer at a human pace.
//!
//! It is served through the same lanes as the tap itself, so that bursts of connections and clients that leave are no trouble here
//! either.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fastrand::Rng;

use super::answer::{Answer, Circumstances, End, rfc3339};
use super::dialect::{self, content_type, embeddings, native};
use super::lists::{Catalogue, Page, not_here};
use super::models::{Memory, Model};
use super::refusal::Refusal;
use super::request::{Ask, Wish};
use super::send::{pause, send_page, send_stream};
use crate::address::{Scheme, Upstream};
use crate::client::Client;
use crate::connections::{Connections, Flight};
use crate::error::{Error, Result, failed};
use crate::lanes::{Job, Lanes, WAITING_MAX};
use crate::listen::{self, Listener};
use crate::metrics::Metrics;
use crate::observe::RequestBody;
use crate::route::{Dialect, Forward, Inference, Route};
use crate::tap::STACK;
use crate::watch::Watch;

/// Requests that are answered at the same time; more wait, as they do at an Ollama.
const WORKERS: usize = 64;

/// A request's body is read up to this many bytes.
const BODY_MAX: u64 = 64 * 1024 * 1024;

/// What it takes to find that a model is loaded already.
const FOUND: Duration = Duration::from_micros(900);

/// Makes a demo go as it went before: a number; 0 means that no model ever crashes.
const ENV_TEST_SEED: &str = "OLLAMA_TAP_TEST_DEMO_SEED";
/// Makes everything so many times faster in tests.
const ENV_TEST_HASTE: &str = "OLLAMA_TAP_TEST_DEMO_HASTE";

struct Standin {
    lanes: Arc<Lanes>,
    catalogue: Catalogue,
    seed: u64,
    haste: f64,
    /// Requests that made a model work so far.
    asked: AtomicU64,
}

/// Starts it on a free port of this machine, for as long as the process lives. Returns where it is.
pub fn start() -> Result<Upstream> {
    let doing = "start the demo's stand-in for ollama";
    let socket = listen::bind(&[([127, 0, 0, 1], 0).into()], None).map_err(failed(doing))?;
    let listener = Listener::new(socket).map_err(failed(doing))?;
    let port = listener.address().port();
    let standin = Arc::new(Standin {
        lanes: Arc::new(Lanes::new(listener, Arc::new(Connections::default()), WAITING_MAX)),
        catalogue: Catalogue { since: SystemTime::now(), memory: Memory::default() },
        seed: variable(ENV_TEST_SEED).unwrap_or_else(|| fastrand::u64(1..)),
        haste: variable(ENV_TEST_HASTE).unwrap_or(1.0),
        asked: AtomicU64::new(0),
    });
    // The tap's own are the metrics that somebody reads.
    let metrics = Arc::new(Metrics::new("").map_err(|e| Error::Failed(format!("{doing}: {e}")))?);
    spawn(&standin, metrics).map_err(failed(doing))?;
    Ok(Upstream { scheme: Scheme::Http, host: "127.0.0.1".to_owned(), port, base_path: String::new() })
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn spawn(standin: &Arc<Standin>, metrics: Arc<Metrics>) -> io::Result<()> {
    let spawn = |name: String, life: Box<dyn FnOnce(&Standin) + Send>| {
        let standin = standin.clone();
        thread::Builder::new().name(name).stack_size(STACK).spawn(move || life(&standin)).map(drop)
    };
    for jobs in [standin.lanes.vital(), standin.lanes.pages()] {
        // What the tap answers itself it never asks here, and what finds no room is refused here.
        spawn("demo-door".into(), Box::new(move |standin| jobs.into_iter().for_each(|job| standin.serve(job))))?;
    }
    spawn("demo-usher".into(), Box::new(|standin| standin.lanes.usher()))?;
    spawn("demo-watch".into(), Box::new(move |standin| Watch::new(standin.lanes.clone(), metrics, None).run()))?;
    (0..WORKERS).try_for_each(|i| spawn(format!("demo-{i}"), Box::new(Standin::work)))
}

impl Standin {
    fn work(&self) {
        let bell = Arc::new(Condvar::new());
        while let Some(job) = self.lanes.next(&bell) {
            self.serve(job);
        }
    }

    fn serve(&self, job: Job) {
        let served = catch_unwind(AssertUnwindSafe(|| self.answer(job)));
        if let Ok(Err(why)) = served {
            log::debug!("the demo's answer was not taken: {why}");
        }
    }

    fn answer(&self, job: Job) -> io::Result<()> {
        let Job { mut client, route, ticket, refused, .. } = job;
        let dialect = if let Route::Forward(forward) = &route { forward.dialect } else { Dialect::Native };
        let mut body = Vec::new();
        if refused {
            let busy = Refusal::new(503, crate::fault::BUSY);
            return send_page(client, &Page::refusal(&busy, dialect));
        }
        client.by_ref().take(BODY_MAX).read_to_end(&mut body)?;
        match route {
            Route::Forward(Forward { inference: Some(endpoint), .. }) => self.infer(client, endpoint, &body, &ticket.flight),
            _ => {
                let page = self.catalogue.page(client.request.method().as_str(), client.request.url(), &body);
                send_page(client, &page)
            }
        }
    }

    /// Answers a request that makes a model work.
    fn infer(&self, client: Client, endpoint: Inference, body: &[u8], flight: &Flight) -> io::Result<()> {
        let began = (Instant::now(), SystemTime::now());
        let raw = RequestBody {
            bytes: body,
            cut: false,
            encoding: client.header("content-encoding"),
            content_type: client.header("content-type"),
        };
        let wish = if endpoint == Inference::V1Transcriptions { Err(not_here()) } else { Wish::read(endpoint, &raw) };
        match wish {
            Err(refusal) => send_page(client, &Page::refusal(&refusal, endpoint.dialect())),
            Ok(Wish::Unload(ask)) => {
                self.catalogue.memory.unload(ask.model);
                self.load_only(client, &ask, "unload")
            }
            Ok(Wish::Load(ask)) => {
                pause(began.0 + self.load(ask.model, began.0), flight);
                self.load_only(client, &ask, "load")
            }
            Ok(Wish::Answer(ask)) if endpoint.is_embedding() => self.embed(client, &ask, began.0, flight),
            Ok(Wish::Answer(ask)) => self.talk(client, &ask, began, flight),
        }
    }

    fn talk(&self, client: Client, ask: &Ask, began: (Instant, SystemTime), flight: &Flight) -> io::Result<()> {
        let load = self.load(ask.model, began.0);
        let mut rng = Rng::with_seed(self.seed ^ self.asked.fetch_add(1, SeqCst).rotate_left(32));
        let circumstances = Circumstances { began: began.1, load, haste: self.haste, may_crash: self.seed != 0 };
        let answer = Answer::plan(ask, &circumstances, &mut rng);
        let crashes = answer.end == End::Crash;
        if ask.stream && !(crashes && answer.deltas.is_empty()) {
            return send_stream(client, content_type(ask.endpoint, true), dialect::stream(ask, &answer), began.0, flight);
        }
        let (total, kind) = (answer.total(), content_type(ask.endpoint, false));
        pause(began.0 + total, flight);
        match crashes {
            true => send_page(client, &Page::refusal(&Refusal::crash(), ask.endpoint.dialect())),
            false => send_page(client, &Page::whole(200, kind, dialect::whole(ask, &answer))),
        }
    }

    fn embed(&self, client: Client, ask: &Ask, began: Instant, flight: &Flight) -> io::Result<()> {
        let load = self.load(ask.model, began);
        let total = load + Duration::from_secs_f64(embeddings::tokens(ask) as f64 / ask.model.tokens_per_second / self.haste);
        pause(began + total, flight);
        send_page(client, &Page::whole(200, content_type(ask.endpoint, false), embeddings::reply(ask, total, load)))
    }

    /// Uses a model, and returns how long it takes until it is loaded.
    fn load(&self, model: &'static Model, now: Instant) -> Duration {
        self.catalogue.memory.load(model, now, Duration::from_secs_f64(model.load / self.haste)).max(FOUND)
    }

    fn load_only(&self, client: Client, ask: &Ask, reason: &'static str) -> io::Result<()> {
        let body = native::load_only(ask, reason, rfc3339(SystemTime::now()));
        send_page(client, &Page::whole(200, content_type(ask.endpoint, false), body))
    }
}
