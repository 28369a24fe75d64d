//! Listens like an Ollama and answers each request at the pace of a real model. tiny_http serves it, because only the tap itself
//! connects to it.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fastrand::Rng;
use tiny_http::{Request, Server};

use super::catalog::{Catalog, FixedReply, models_are_fixed};
use super::dialect::{self, content_type, embeddings, native};
use super::error_reply::ErrorReply;
use super::generation::{Conditions, FinishReason, Generation, rfc3339};
use super::loaded_models::{LoadedModels, ModelTurn, ModelUse};
use super::prompt::{self, SeenPrompt};
use super::request::{Action, PromptRequest};
use super::script::is_own_client;
use super::send::{send_fixed, send_stream, sleep_until};
use crate::config::test_overrides;
use crate::error::{Result, failed};
use crate::http::address::{Scheme, Upstream};
use crate::http::route::{Forward, Inference, Route, ServedRoutes, route};
use crate::observe::RequestBody;
use crate::server;
use crate::util::threads::{self, STACK};

/// Requests that are answered at the same time; more wait, as they do at an Ollama.
const WORKER_COUNT: usize = 64;

const BODY_MAX_BYTES: usize = 64 * 1024 * 1024;

/// tiny_http leaves connections that arrive at once behind others that are open; each short connection frees one of them.
const NUDGE_INTERVAL: Duration = Duration::from_millis(100);

/// The load duration that Ollama reports for a model that is loaded already.
const WARM_LOAD_DURATION: Duration = Duration::from_micros(900);

struct FakeOllama {
    server: Server,
    catalog: Catalog,
    seed: u64,
    speed_up: f64,
    /// Generations so far; each has a seed of its own.
    generation_count: AtomicU64,
}

/// The arrival of a request, by both clocks.
#[derive(Clone, Copy)]
struct Arrival {
    instant: Instant,
    time: SystemTime,
}

/// Starts it on a free port of this machine, for as long as the process lives, and returns its address.
pub fn start() -> Result<Upstream> {
    let operation = "start the demo's stand-in for ollama";
    let socket = server::bind(&[([127, 0, 0, 1], 0).into()]).map_err(failed(operation))?;
    let address = socket.local_addr().map_err(failed(operation))?;
    let fake_ollama = Arc::new(FakeOllama {
        server: Server::from_listener(socket, None).map_err(failed(operation))?,
        catalog: Catalog {
            modified_at: SystemTime::now(),
            loaded_models: LoadedModels::default(),
        },
        seed: test_overrides::DEMO_SEED
            .get()
            .unwrap_or_else(|| fastrand::u64(1..)),
        speed_up: test_overrides::DEMO_SPEED_UP.get().unwrap_or(1.0),
        generation_count: AtomicU64::new(0),
    });
    spawn(&fake_ollama, address).map_err(failed(operation))?;
    Ok(Upstream {
        scheme: Scheme::Http,
        host: "127.0.0.1".to_owned(),
        port: address.port(),
        base_path: String::new(),
    })
}

fn spawn(fake_ollama: &Arc<FakeOllama>, address: SocketAddr) -> io::Result<()> {
    threads::spawn("demo-nudge", STACK, move || nudge(address))?;
    for i in 0..WORKER_COUNT {
        let fake_ollama = fake_ollama.clone();
        threads::spawn(format!("demo-{i}"), STACK, move || fake_ollama.run_worker())?;
    }
    Ok(())
}

/// Makes a short connection at each interval.
fn nudge(address: SocketAddr) {
    loop {
        drop(TcpStream::connect(address));
        thread::sleep(NUDGE_INTERVAL);
    }
}

impl FakeOllama {
    fn run_worker(&self) {
        while let Ok(http_request) = self.server.recv() {
            let result = catch_unwind(AssertUnwindSafe(|| self.answer(http_request)));
            if let Ok(Err(e)) = result {
                log::debug!("send the demo's reply: {e}");
            }
        }
    }

    fn answer(&self, mut http_request: Request) -> io::Result<()> {
        if http_request
            .body_length()
            .is_some_and(|length| length > BODY_MAX_BYTES)
        {
            // Never dropped: tiny_http would allocate memory for all that is still to come.
            std::mem::forget(http_request);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut body = Vec::new();
        let reader = http_request.as_reader();
        reader.take(BODY_MAX_BYTES as u64).read_to_end(&mut body)?;
        let (method, target) = (http_request.method().as_str(), http_request.url());
        match route(method, target, ServedRoutes::OllamaOnly) {
            Route::Forward(Forward {
                inference: Some(endpoint),
                ..
            }) => self.infer(http_request, endpoint, &body),
            _ => {
                let reply = self.catalog.reply(method, target, &body);
                send_fixed(http_request, &reply)
            }
        }
    }

    /// Answers a request that makes a model work.
    fn infer(&self, http_request: Request, endpoint: Inference, body: &[u8]) -> io::Result<()> {
        let arrival = Arrival {
            instant: Instant::now(),
            time: SystemTime::now(),
        };
        match read_action(&http_request, endpoint, body) {
            Err(error) => send_fixed(http_request, &FixedReply::error(&error, endpoint.dialect())),
            Ok(Action::Unload(request)) => {
                self.catalog.loaded_models.unload(request.model);
                send_load_reply(http_request, &request, "unload")
            }
            Ok(Action::Load(request)) => {
                let loaded = self.take_turn(&request, "", arrival.instant, |turn| {
                    (turn.load, Duration::ZERO)
                });
                sleep_until(arrival.instant + loaded);
                send_load_reply(http_request, &request, "load")
            }
            Ok(Action::Generate(request)) if endpoint.is_embedding() => {
                self.embed(http_request, &request, arrival.instant)
            }
            Ok(Action::Generate(request)) => self.generate(http_request, &request, arrival),
        }
    }

    fn generate(
        &self,
        http_request: Request,
        request: &PromptRequest,
        arrival: Arrival,
    ) -> io::Result<()> {
        let prompt = match prompt::fit(request.endpoint, &request.body, request.context_length) {
            Ok(prompt) => prompt,
            Err(error) => return send_error(http_request, request, &error),
        };
        // What users try by hand does not fail by chance.
        let may_crash = self.seed != 0
            && request.model.crashes
            && header(&http_request, "user-agent").is_some_and(is_own_client);
        let generation = self.plan(request, &prompt, arrival, may_crash);
        let crashes = generation.finish_reason == FinishReason::Crash;
        if request.stream && !(crashes && generation.deltas.is_empty()) {
            let chunks = dialect::stream(request, &generation);
            return send_stream(
                http_request,
                content_type(request.endpoint, true),
                &chunks,
                arrival.instant,
            );
        }
        sleep_until(arrival.instant + generation.total());
        if crashes {
            return send_error(http_request, request, &ErrorReply::crash());
        }
        send_body(http_request, request, dialect::whole(request, &generation))
    }

    fn plan(
        &self,
        request: &PromptRequest,
        prompt: &SeenPrompt,
        arrival: Arrival,
        may_crash: bool,
    ) -> Generation {
        let number = self.generation_count.fetch_add(1, SeqCst);
        let mut rng = Rng::with_seed(self.seed ^ number.rotate_left(32));
        self.take_turn(request, &prompt.text, arrival.instant, |turn| {
            let conditions = Conditions {
                started_at: arrival.time,
                turn,
                prompt,
                speed_up: self.speed_up,
                may_crash,
            };
            let generation = Generation::plan(request, &conditions, &mut rng);
            let work = generation.work();
            (generation, work)
        })
    }

    fn embed(
        &self,
        http_request: Request,
        request: &PromptRequest,
        arrival: Instant,
    ) -> io::Result<()> {
        if let Err(error) = embeddings::check_length(request) {
            return send_error(http_request, request, &error);
        }
        let seconds = embeddings::tokens(request) as f64 / request.model.tokens_per_second;
        let work = Duration::from_secs_f64(seconds / self.speed_up);
        let turn = self.take_turn(request, "", arrival, |turn| (turn, work));
        let total = turn.load + turn.queue + work;
        sleep_until(arrival + total);
        send_body(
            http_request,
            request,
            embeddings::reply(request, total, turn.load),
        )
    }

    /// Uses the model of a request, as `LoadedModels::take_turn` does.
    fn take_turn<T>(
        &self,
        request: &PromptRequest,
        prompt: &str,
        now: Instant,
        plan: impl FnOnce(ModelTurn) -> (T, Duration),
    ) -> T {
        let wanted = ModelUse {
            model: request.model,
            context_length: request.context_length,
            keep_alive: request.keep_alive,
            prompt,
        };
        let takes = Duration::from_secs_f64(request.model.load_seconds / self.speed_up);
        self.catalog
            .loaded_models
            .take_turn(&wanted, now, takes, |turn| {
                plan(ModelTurn {
                    load: turn.load.max(WARM_LOAD_DURATION),
                    ..turn
                })
            })
    }
}

fn read_action(
    http_request: &Request,
    endpoint: Inference,
    body: &[u8],
) -> std::result::Result<Action, ErrorReply> {
    let generates_text = !endpoint.is_image()
        && !matches!(
            endpoint,
            Inference::V1Systemone | Inference::V1Transcriptions
        );
    if !generates_text {
        return Err(models_are_fixed());
    }
    let raw = RequestBody {
        bytes: body,
        is_partial: false,
        encoding: header(http_request, "content-encoding"),
        content_type: header(http_request, "content-type"),
    };
    Action::read(endpoint, &raw)
}

fn header<'a>(http_request: &'a Request, name: &'static str) -> Option<&'a str> {
    let mut headers = http_request.headers().iter();
    let header = headers.find(|header| header.field.equiv(name));
    header.map(|header| header.value.as_str())
}

/// Answers a request that only loads or unloads its model.
fn send_load_reply(
    http_request: Request,
    request: &PromptRequest,
    reason: &'static str,
) -> io::Result<()> {
    let body = native::load_reply(request, reason, rfc3339(SystemTime::now()));
    send_body(http_request, request, body)
}

fn send_body(http_request: Request, request: &PromptRequest, body: String) -> io::Result<()> {
    let kind = content_type(request.endpoint, false);
    send_fixed(http_request, &FixedReply::new(200, kind, body))
}

fn send_error(
    http_request: Request,
    request: &PromptRequest,
    error: &ErrorReply,
) -> io::Result<()> {
    send_fixed(
        http_request,
        &FixedReply::error(error, request.endpoint.dialect()),
    )
}
