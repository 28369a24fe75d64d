//! Recorded exchanges as the observer would see them, and ways to show them to it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime};

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

use super::message::Message;
use crate::http::route::Inference;
use crate::observe::{Exchange, ExchangeEnd, ExchangeEvent, ExchangeStart, Observer, RequestBody};
use crate::sample;
use crate::util::budget::{Budget, Reservation};

pub const VERSIONS: [&str; 2] = ["ollama-0.24.0", "ollama-0.33.0"];
pub const TALK: &str = "The sky appears blue because of Rayleigh scattering: short wavelengths—空は青い — <&> scatter more. é🙂 \"quoted\" and done!";

/// One exchange on an endpoint that makes a model work.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub name: String,
    pub endpoint: Inference,
    pub request: Message,
    pub reply: Message,
}

impl Recorded {
    pub fn status(&self) -> u16 {
        self.reply
            .start
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status")
    }
}

/// Every recorded exchange on an inference endpoint, in the order of versions and names.
pub fn all() -> &'static [Recorded] {
    static ALL: LazyLock<Vec<Recorded>> = LazyLock::new(|| {
        let names = VERSIONS.into_iter().flat_map(|version| {
            stems(version)
                .into_iter()
                .map(move |stem| format!("{version}/{stem}"))
        });
        names.flat_map(|name| connection(&name)).collect()
    });
    &ALL
}

/// Every exchange on an inference endpoint that the recorded clients had.
pub fn clients() -> Vec<Recorded> {
    let folders = ["clients-0.24.0", "clients-0.33.0"];
    let names = folders.into_iter().flat_map(|folder| {
        stems(folder)
            .into_iter()
            .map(move |stem| format!("{folder}/{stem}"))
    });
    names.flat_map(|name| connection(&name)).collect()
}

pub fn named(name: &str) -> Recorded {
    connection(name)
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("{name} is no inference"))
}

/// The inference exchanges of one recorded connection.
fn connection(name: &str) -> Vec<Recorded> {
    let read = |extension: &str| fs::read(folder().join(format!("{name}.{extension}"))).unwrap();
    let (requests, replies) = (read("request"), read("reply"));
    let (mut requests, mut replies) = (requests.as_slice(), replies.as_slice());
    let mut found = Vec::new();
    while !requests.is_empty() && !replies.is_empty() {
        let request = Message::parse(&mut requests, false);
        let head_only = request.start.starts_with("HEAD ");
        let reply = if head_only {
            Message::head(&mut replies)
        } else {
            Message::parse(&mut replies, true)
        };
        if let Some(endpoint) = endpoint(&request.start) {
            found.push(Recorded {
                name: name.to_owned(),
                endpoint,
                request,
                reply,
            });
        }
    }
    found
}

fn endpoint(start: &str) -> Option<Inference> {
    let path = start.strip_prefix("POST /")?.split(' ').next()?;
    Inference::ALL
        .into_iter()
        .find(|endpoint| path == endpoint.as_str())
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/transcripts")
}

fn stems(version: &str) -> BTreeSet<String> {
    let folder = folder().join(version);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.with_extension("reply").exists());
    paths
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

/// An observer and the events that it told.
pub struct Watched {
    pub observer: Observer,
    pub events: Arc<Mutex<Vec<ExchangeEvent>>>,
    pub started: Instant,
}

pub fn watch(endpoint: Inference) -> Watched {
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let started = Instant::now();
    let arrival = ExchangeStart {
        endpoint,
        at: SystemTime::UNIX_EPOCH,
        started,
        queue_wait: Duration::from_millis(1),
        client_ip: None,
        user_agent: None,
    };
    let observer = Observer::new(
        arrival,
        Arc::new(move |event| told.lock().unwrap().push(event)),
        Reservation::new(&Budget::of(None)),
    );
    Watched {
        observer,
        events,
        started,
    }
}

impl Watched {
    pub fn request(&mut self, request: &Message) {
        let body = RequestBody {
            bytes: &request.body,
            is_partial: false,
            encoding: request.header("content-encoding"),
            content_type: request.header("content-type"),
        };
        self.observer.request(body, request.body.len() as u64);
    }

    pub fn head(&mut self, recorded: &Recorded) {
        self.observer.head(
            recorded.status(),
            recorded.reply.header("content-type"),
            recorded.reply.header("content-encoding"),
        );
    }

    /// Ends the exchange; checks that it began and ended once, in this order.
    pub fn finish(self, end: ExchangeEnd) -> Exchange {
        let Watched {
            observer, events, ..
        } = self;
        observer.finish(end);
        ended(&events)
    }
}

/// The exchange of events that must be `Began` and `Ended`.
pub fn ended(events: &Mutex<Vec<ExchangeEvent>>) -> Exchange {
    let mut events = std::mem::take(&mut *events.lock().unwrap());
    match (events.len(), events.pop(), events.pop()) {
        (
            2,
            Some(ExchangeEvent::Finished(exchange)),
            Some(ExchangeEvent::Started { interaction_id, .. }),
        ) => {
            assert_eq!(interaction_id, exchange.interaction_id);
            *exchange
        }
        _ => panic!("an exchange must begin once and end once"),
    }
}

/// Shows a whole exchange, its reply in `pieces`, all at one instant.
pub fn show(recorded: &Recorded, pieces: &[&[u8]], end: ExchangeEnd) -> Exchange {
    let mut watched = watch(recorded.endpoint);
    watched.request(&recorded.request);
    watched.head(recorded);
    let at = watched.started + Duration::from_millis(5);
    pieces
        .iter()
        .for_each(|piece| watched.observer.body(piece, at));
    watched.finish(end)
}

/// What the named exchange of both versions came to, shown as a whole.
pub fn both_versions(name: &str) -> [Exchange; 2] {
    VERSIONS.map(|version| {
        let recorded = named(&format!("{version}/{name}"));
        show(&recorded, &[&recorded.reply.body], ExchangeEnd::Complete)
    })
}

/// Without what differs between two runs of the same exchange.
pub fn normal(exchange: Exchange) -> Exchange {
    Exchange {
        interaction_id: String::new(),
        duration: Duration::ZERO,
        ..exchange
    }
}

/// How many cases are tried: of a sample, or of the whole.
pub fn cases(sample: u32, whole: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(sample::seed()),
        ..ProptestConfig::with_cases(sample::rounds(sample, whole))
    }
}
