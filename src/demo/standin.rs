//! STANDIN: listens like an Ollama, and gives each request its answer at a human pace. tiny_http serves it: nobody but the tap itself
//! comes here.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fastrand::Rng;
use tiny_http::{Request, Server};

use super::answer::{Answer, Circumstances, End, rfc3339};
use super::dialect::{self, content_type, embeddings, native};
use super::lists::{Catalogue, Page, not_here};
use super::models::{Memory, Model};
use super::refusal::Refusal;
use super::request::{Ask, Wish};
use super::send::{pause, send_page, send_stream};
use crate::error::{Result, failed};
use crate::http::address::{Scheme, Upstream};
use crate::http::route::{Forward, Inference, Pages, Route, route};
use crate::observe::RequestBody;
use crate::server;
use crate::util::threads::{self, STACK};

/// Requests that are answered at the same time; more wait, as they do at an Ollama.
const WORKERS: usize = 64;

/// A request's body may have this many bytes.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// tiny_http leaves connections that come at once behind others that are open; each short one frees one of them.
const NUDGE: Duration = Duration::from_millis(100);

/// What it takes to find that a model is loaded already.
const FOUND: Duration = Duration::from_micros(900);

/// Makes a demo go as it went before: a number; 0 means that no model ever crashes.
const ENV_TEST_SEED: &str = "OLLAMA_TAP_TEST_DEMO_SEED";
/// Makes everything so many times faster in tests.
const ENV_TEST_HASTE: &str = "OLLAMA_TAP_TEST_DEMO_HASTE";

struct Standin {
    server: Server,
    catalogue: Catalogue,
    seed: u64,
    haste: f64,
    /// Requests that made a model work so far.
    asked: AtomicU64,
}

/// Starts it on a free port of this machine, for as long as the process lives. Returns where it is.
pub fn start() -> Result<Upstream> {
    let doing = "start the demo's stand-in for ollama";
    let socket = server::bind(&[([127, 0, 0, 1], 0).into()]).map_err(failed(doing))?;
    let address = socket.local_addr().map_err(failed(doing))?;
    let standin = Arc::new(Standin {
        server: Server::from_listener(socket, None).map_err(failed(doing))?,
        catalogue: Catalogue {
            since: SystemTime::now(),
            memory: Memory::default(),
        },
        seed: variable(ENV_TEST_SEED).unwrap_or_else(|| fastrand::u64(1..)),
        haste: variable(ENV_TEST_HASTE).unwrap_or(1.0),
        asked: AtomicU64::new(0),
    });
    spawn(&standin, address).map_err(failed(doing))?;
    Ok(Upstream {
        scheme: Scheme::Http,
        host: "127.0.0.1".to_owned(),
        port: address.port(),
        base_path: String::new(),
    })
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn spawn(standin: &Arc<Standin>, address: SocketAddr) -> io::Result<()> {
    let spawn = |name: String, life: Box<dyn FnOnce(&Standin) + Send>| {
        let standin = standin.clone();
        threads::spawn(name, STACK, move || life(&standin))
    };
    spawn("demo-nudge".into(), Box::new(move |_| nudge(address)))?;
    (0..WORKERS).try_for_each(|i| spawn(format!("demo-{i}"), Box::new(Standin::work)))
}

/// Makes a short connection now and again.
fn nudge(address: SocketAddr) {
    loop {
        drop(TcpStream::connect(address));
        thread::sleep(NUDGE);
    }
}

impl Standin {
    fn work(&self) {
        while let Ok(request) = self.server.recv() {
            let served = catch_unwind(AssertUnwindSafe(|| self.answer(request)));
            if let Ok(Err(why)) = served {
                log::debug!("the demo's answer was not taken: {why}");
            }
        }
    }

    fn answer(&self, mut request: Request) -> io::Result<()> {
        let route = route(request.method().as_str(), request.url(), Pages::None);
        if request
            .body_length()
            .is_some_and(|length| length > BODY_MAX)
        {
            // Never dropped: tiny_http would make room for all that is still to come.
            std::mem::forget(request);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut body = Vec::new();
        request
            .as_reader()
            .take(BODY_MAX as u64)
            .read_to_end(&mut body)?;
        match route {
            Route::Forward(Forward {
                inference: Some(endpoint),
                ..
            }) => self.infer(request, endpoint, &body),
            _ => {
                let page = self
                    .catalogue
                    .page(request.method().as_str(), request.url(), &body);
                send_page(request, &page)
            }
        }
    }

    /// Answers a request that makes a model work.
    fn infer(&self, request: Request, endpoint: Inference, body: &[u8]) -> io::Result<()> {
        let began = (Instant::now(), SystemTime::now());
        let header = |name: &'static str| {
            request
                .headers()
                .iter()
                .find(|h| h.field.equiv(name))
                .map(|h| h.value.as_str())
        };
        let raw = RequestBody {
            bytes: body,
            cut: false,
            encoding: header("content-encoding"),
            content_type: header("content-type"),
        };
        let is_text = !endpoint.is_image()
            && !matches!(
                endpoint,
                Inference::V1Systemone | Inference::V1Transcriptions
            );
        let wish = if is_text {
            Wish::read(endpoint, &raw)
        } else {
            Err(not_here())
        };
        match wish {
            Err(refusal) => send_page(request, &Page::refusal(&refusal, endpoint.dialect())),
            Ok(Wish::Unload(ask)) => {
                self.catalogue.memory.unload(ask.model);
                self.load_only(request, &ask, "unload")
            }
            Ok(Wish::Load(ask)) => {
                pause(began.0 + self.load(ask.model, began.0));
                self.load_only(request, &ask, "load")
            }
            Ok(Wish::Answer(ask)) if endpoint.is_embedding() => self.embed(request, &ask, began.0),
            Ok(Wish::Answer(ask)) => self.talk(request, &ask, began),
        }
    }

    fn talk(&self, request: Request, ask: &Ask, began: (Instant, SystemTime)) -> io::Result<()> {
        let load = self.load(ask.model, began.0);
        let mut rng = Rng::with_seed(self.seed ^ self.asked.fetch_add(1, SeqCst).rotate_left(32));
        let circumstances = Circumstances {
            began: began.1,
            load,
            haste: self.haste,
            may_crash: self.seed != 0,
        };
        let answer = Answer::plan(ask, &circumstances, &mut rng);
        let crashes = answer.end == End::Crash;
        if ask.stream && !(crashes && answer.deltas.is_empty()) {
            return send_stream(
                request,
                content_type(ask.endpoint, true),
                dialect::stream(ask, &answer),
                began.0,
            );
        }
        let (total, kind) = (answer.total(), content_type(ask.endpoint, false));
        pause(began.0 + total);
        match crashes {
            true => send_page(
                request,
                &Page::refusal(&Refusal::crash(), ask.endpoint.dialect()),
            ),
            false => send_page(
                request,
                &Page::whole(200, kind, dialect::whole(ask, &answer)),
            ),
        }
    }

    fn embed(&self, request: Request, ask: &Ask, began: Instant) -> io::Result<()> {
        let load = self.load(ask.model, began);
        let total = load
            + Duration::from_secs_f64(
                embeddings::tokens(ask) as f64 / ask.model.tokens_per_second / self.haste,
            );
        pause(began + total);
        send_page(
            request,
            &Page::whole(
                200,
                content_type(ask.endpoint, false),
                embeddings::reply(ask, total, load),
            ),
        )
    }

    /// Uses a model, and returns how long it takes until it is loaded.
    fn load(&self, model: &'static Model, now: Instant) -> Duration {
        self.catalogue
            .memory
            .load(model, now, Duration::from_secs_f64(model.load / self.haste))
            .max(FOUND)
    }

    fn load_only(&self, request: Request, ask: &Ask, reason: &'static str) -> io::Result<()> {
        let body = native::load_only(ask, reason, rfc3339(SystemTime::now()));
        send_page(
            request,
            &Page::whole(200, content_type(ask.endpoint, false), body),
        )
    }
}
