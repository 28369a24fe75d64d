//! What diagnosis takes of each request, beyond what it takes to read its JSON.

use std::borrow::Cow;
use std::hint::black_box;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::conversations::{Traffic, body};
use crate::diagnose::diagnosis::{Details, Diagnosis, SentRequest};
use crate::http::route::Inference;
use crate::observe::{Exchange, ExchangeEnd, ExchangeEvent, ExchangeStart, Observer, RequestBody};
use crate::rig::Rig;
use crate::stats::Runs;
use crate::table::{Row, Target, Unit};
use crate::util::budget::{Budget, Reservation};

/// Bytes of the bodies from which the cost of a byte is taken.
const LONG: usize = 100_000;

/// How long each is read in a round, in batches of which the fastest counts: nothing else of this
/// machine is to be measured.
const BATCHES: u32 = 20;
const BATCH: Duration = Duration::from_millis(5);

const REPLY: &[u8] = br#"{"message":{"role":"assistant","content":"It is blue."},"done":true,"done_reason":"stop","prompt_eval_count":126,"eval_count":5,"total_duration":300000000,"load_duration":3000000,"prompt_eval_duration":100000000,"eval_duration":190000000}"#;

/// A request as one would read it who wants its texts and nothing else.
#[derive(Deserialize)]
struct PlainRequest<'a> {
    #[serde(borrow)]
    messages: Vec<PlainMessage<'a>>,
    tools: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct PlainMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

/// The time for a request, which may be 10 µs and 3 ns for each of its bytes, and for each byte of
/// a long one.
pub fn diagnosis(rig: &Rig) -> io::Result<Vec<Row>> {
    let small = body(Traffic::Chat, 500);
    let traffics = [
        (Traffic::Chat, "English"),
        (Traffic::Code, "source code"),
        (Traffic::Tools, "definitions, calls and results of tools"),
    ];
    let long = traffics.map(|(traffic, name)| (body(traffic, LONG), name));
    let mut request = Runs::NONE;
    let mut bytes = [const { Runs::NONE }; 3];
    for _ in 0..rig.rounds {
        let short = nanos(&small);
        request.push(short / 1e3);
        for (runs, (body, _)) in bytes.iter_mut().zip(&long) {
            runs.push((nanos(body) - short) / (body.len() - small.len()) as f64);
        }
    }
    let mut rows = vec![Row::figure(
        "**diagnosis of a request** of 500 bytes, beyond reading its JSON",
        &request,
        Unit::Micros,
        Target::AtMost(11.5, "≤ 11.5 µs"),
    )];
    rows.extend(bytes.iter().zip(&long).map(|(runs, (_, name))| {
        Row::figure(
            &format!("**diagnosis of each byte more**: {name}"),
            runs,
            Unit::Nanos,
            Target::AtMost(3.0, "≤ 3 ns"),
        )
    }));
    Ok(rows)
}

/// Nanoseconds that diagnosis adds to the reading of a body.
fn nanos(body: &[u8]) -> f64 {
    let mut diagnosis = Diagnosis::default();
    let all = fastest(|| {
        let (begin, start) = (Instant::now(), SystemTime::now());
        let observer = observer(body, start);
        let read = begin.elapsed();
        let exchange = finished(observer);
        let begin = Instant::now();
        judge(&mut diagnosis, exchange);
        read + begin.elapsed()
    });
    let plain = fastest(|| {
        let begin = Instant::now();
        let request: PlainRequest<'_> = serde_json::from_slice(body).expect("a request");
        let texts = request.messages.iter();
        black_box(
            texts
                .map(|message| message.role.len() + message.content.len())
                .sum::<usize>(),
        );
        black_box(request.tools);
        begin.elapsed()
    });
    all - plain
}

/// The mean of the fastest batch, in nanoseconds.
fn fastest(mut measure: impl FnMut() -> Duration) -> f64 {
    let batch = |_| {
        let (mut spent, mut rounds) = (Duration::ZERO, 0);
        while spent < BATCH {
            spent += measure();
            rounds += 1;
        }
        spent.as_nanos() as f64 / f64::from(rounds)
    };
    (0..BATCHES).map(batch).fold(f64::INFINITY, f64::min)
}

/// What observes a request, and where its exchange will be.
struct Observed {
    observer: Observer,
    exchange: Arc<Mutex<Option<Box<Exchange>>>>,
}

/// An observer that has read the body.
fn observer(body: &[u8], at: SystemTime) -> Observed {
    let exchange = Arc::new(Mutex::new(None));
    let to = Arc::clone(&exchange);
    let start = ExchangeStart {
        interaction_id: "0123456789abcdef".to_owned(),
        progress: Arc::default(),
        endpoint: Inference::Chat,
        at,
        started: Instant::now(),
        queue_wait: Duration::ZERO,
        client_ip: None,
        user_agent: None,
        client: None,
        session: None,
    };
    let sink = Arc::new(move |event| {
        if let ExchangeEvent::Finished(exchange) = event {
            *to.lock().expect("nobody panics") = Some(exchange);
        }
    });
    let mut observer = Observer::new(start, sink, Reservation::new(&Budget::of(None)));
    let request = RequestBody {
        bytes: body,
        is_partial: false,
        encoding: None,
        content_type: None,
    };
    observer.request(request, body.len() as u64);
    Observed { observer, exchange }
}

fn finished(observed: Observed) -> Exchange {
    let Observed {
        mut observer,
        exchange,
    } = observed;
    observer.head(200, Some("application/json"), None);
    observer.body(REPLY, Instant::now());
    observer.finish(ExchangeEnd::Complete);
    let exchange = exchange.lock().expect("nobody panics").take();
    *exchange.expect("an exchange that finished")
}

fn judge(diagnosis: &mut Diagnosis, mut exchange: Exchange) {
    let id = exchange.interaction_id.clone();
    let ended = exchange.arrived + exchange.duration;
    diagnosis.begin(SentRequest {
        id: &id,
        endpoint: exchange.endpoint,
        model: exchange.model.as_deref().unwrap_or_default(),
        client: None,
        options: &exchange.evidence.options,
        taken: exchange.arrived,
        sent: exchange.arrived,
    });
    diagnosis.first_byte(&id, ended);
    diagnosis.ended(&id, ended, &exchange.reply());
    diagnosis.no_listing();
    let loaded = diagnosis.loaded(&id).map(|listed| listed.loaded);
    let details = Details {
        conversation: Some("one"),
        print: std::mem::take(&mut exchange.evidence.print),
        ..Details::default()
    };
    black_box(diagnosis.end(&exchange.seen(loaded), details));
}
