//! RecordedExchange exchanges as the observer would see them, and ways to show them to it.

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

/// One recorded exchange on an inference endpoint.
#[derive(Clone, Debug)]
pub struct RecordedExchange {
    pub name: String,
    pub endpoint: Inference,
    pub request: Message,
    pub reply: Message,
}

impl RecordedExchange {
    pub fn status(&self) -> u16 {
        self.reply
            .start
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status")
    }
}

/// Returns every recorded exchange on an inference endpoint, in the order of versions and names.
pub fn all() -> &'static [RecordedExchange] {
    static ALL: LazyLock<Vec<RecordedExchange>> = LazyLock::new(|| {
        let names = VERSIONS.into_iter().flat_map(|version| {
            stems(version)
                .into_iter()
                .map(move |stem| format!("{version}/{stem}"))
        });
        names.flat_map(|name| connection(&name)).collect()
    });
    &ALL
}

/// Returns every exchange on an inference endpoint of the recorded clients.
pub fn clients() -> Vec<RecordedExchange> {
    let folders = ["clients-0.24.0", "clients-0.33.0"];
    let names = folders.into_iter().flat_map(|folder| {
        stems(folder)
            .into_iter()
            .map(move |stem| format!("{folder}/{stem}"))
    });
    names.flat_map(|name| connection(&name)).collect()
}

/// Returns the first inference exchange of a recorded connection.
pub fn recording(name: &str) -> RecordedExchange {
    connection(name)
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("{name} has no inference exchange"))
}

/// Returns the inference exchanges of a recorded connection.
fn connection(name: &str) -> Vec<RecordedExchange> {
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
            found.push(RecordedExchange {
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

/// An observer and the events that its sink received.
pub struct TestObserver {
    pub observer: Observer,
    pub events: Arc<Mutex<Vec<ExchangeEvent>>>,
    pub started: Instant,
}

impl TestObserver {
    pub fn new(endpoint: Inference) -> TestObserver {
        TestObserver::with_session(endpoint, None)
    }

    /// An observer of a request whose header names a conversation.
    pub fn with_session(endpoint: Inference, session: Option<&str>) -> TestObserver {
        let events = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&events);
        let started = Instant::now();
        let start = ExchangeStart {
            interaction_id: format!("{:016x}", fastrand::u64(..)),
            endpoint,
            at: SystemTime::UNIX_EPOCH,
            started,
            queue_wait: Duration::from_millis(1),
            client_ip: None,
            user_agent: None,
            client: None,
            session: session.map(str::to_owned),
            progress: Arc::default(),
        };
        let observer = Observer::new(
            start,
            Arc::new(move |event| received.lock().unwrap().push(event)),
            Reservation::new(&Budget::of(None)),
        );
        TestObserver {
            observer,
            events,
            started,
        }
    }

    pub fn request(&mut self, request: &Message) {
        let body = RequestBody {
            bytes: &request.body,
            is_partial: false,
            encoding: request.header("content-encoding"),
            content_type: request.header("content-type"),
        };
        self.observer.request(body, request.body.len() as u64);
    }

    pub fn head(&mut self, recorded: &RecordedExchange) {
        self.observer.head(
            recorded.status(),
            recorded.reply.header("content-type"),
            recorded.reply.header("content-encoding"),
        );
    }

    /// Ends the exchange, and checks that it started and finished once, in this order.
    pub fn finish(self, end: ExchangeEnd) -> Exchange {
        let TestObserver {
            observer, events, ..
        } = self;
        observer.finish(end);
        finished_exchange(&events)
    }
}

/// Returns the exchange of events that must be one `Started`, at most one `FirstByte`, and
/// one `Finished`.
pub fn finished_exchange(events: &Mutex<Vec<ExchangeEvent>>) -> Exchange {
    let mut events = std::mem::take(&mut *events.lock().unwrap());
    let Some(ExchangeEvent::Finished(exchange)) = events.pop() else {
        panic!("an exchange must finish");
    };
    let mut events = events.into_iter();
    let Some(ExchangeEvent::Started(request)) = events.next() else {
        panic!("an exchange must start");
    };
    assert_eq!(request.interaction_id, exchange.interaction_id);
    let rest: Vec<_> = events.collect();
    assert!(matches!(&*rest, [] | [ExchangeEvent::FirstByte { .. }]));
    *exchange
}

/// Replays a whole exchange, its reply in `pieces`, all at one instant.
pub fn replay(recorded: &RecordedExchange, pieces: &[&[u8]], end: ExchangeEnd) -> Exchange {
    let mut test = TestObserver::new(recorded.endpoint);
    test.request(&recorded.request);
    test.head(recorded);
    let at = test.started + Duration::from_millis(5);
    for piece in pieces {
        test.observer.body(piece, at);
    }
    test.finish(end)
}

/// Replays the named exchange of both versions, each reply in one piece.
pub fn both_versions(name: &str) -> [Exchange; 2] {
    VERSIONS.map(|version| {
        let recorded = recording(&format!("{version}/{name}"));
        replay(&recorded, &[&recorded.reply.body], ExchangeEnd::Complete)
    })
}

/// Removes the values that differ between two runs of the same exchange.
pub fn comparable(exchange: Exchange) -> Exchange {
    Exchange {
        interaction_id: String::new(),
        duration: Duration::ZERO,
        ..exchange
    }
}

/// Returns the configuration of property tests: `sample` cases by default, `whole` in a long run.
pub fn cases(sample: u32, whole: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(sample::seed()),
        ..ProptestConfig::with_cases(sample::rounds(sample, whole))
    }
}
