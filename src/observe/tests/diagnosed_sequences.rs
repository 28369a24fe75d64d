//! The recorded sequences through the whole observer and all of diagnosis.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::message::Message;
use super::recorded::{RecordedExchange, TestObserver};
use crate::diagnose::Kind;
use crate::diagnose::diagnosis::{Details, Diagnosis, Report, SentRequest};
use crate::diagnose::listing::Listing;
use crate::diagnose::recordings::{at, broken_caches, endpoint, listing, recordings, span};
use crate::diagnose::reload::recorded::{self, ReloadCount, are_found_and_explained, listings};
use crate::diagnose::session::Sessions;
use crate::diagnose::tests::recorded::data;
use crate::observe::{Exchange, ExchangeEnd};

/// A recorded request, observed.
struct Step<'s> {
    label: &'s Value,
    exchange: Exchange,
}

/// What happens to a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Sent,
    FirstByte,
    Ended,
}

/// Observes a request that was sent and ended so many milliseconds after the start of its sequence.
fn observe<'s>(folder: &str, label: &'s Value, sent: f64, ended: f64) -> Step<'s> {
    let file = label["file"].as_str().unwrap();
    let read = |end: &str| fs::read(data().join(folder).join(format!("{file}.{end}"))).unwrap();
    let (request, reply, reads) = (read("request"), read("reply"), read("reads"));
    let recorded = RecordedExchange {
        name: format!("{folder}/{file}"),
        endpoint: endpoint(label["endpoint"].as_str().unwrap()),
        request: Message::parse(&mut request.as_slice(), false),
        reply: match reply.is_empty() {
            true => Message::default(),
            false => Message::parse(&mut reply.as_slice(), true),
        },
    };
    let mut test = TestObserver::new(recorded.endpoint);
    test.request(&recorded.request);
    feed(&mut test, &recorded, &String::from_utf8(reads).unwrap());
    let end = match reply.is_empty() {
        true => ExchangeEnd::ClientGone,
        false => ExchangeEnd::Complete,
    };
    let mut exchange = test.finish(end);
    exchange.arrived = at(sent);
    exchange.duration = span(ended - sent);
    let client = label["client"].as_str().unwrap_or("curl");
    exchange.client = client.split('/').next().map(str::to_owned);
    Step { label, exchange }
}

/// Shows an observer the reply in the pieces in which it was read: milliseconds and bytes of each.
fn feed(test: &mut TestObserver, recorded: &RecordedExchange, reads: &str) {
    let mut rest = recorded.reply.body.as_slice();
    let reads = reads.lines().filter_map(|line| {
        let (time, bytes) = line.split_once(' ')?;
        Some((time.parse().ok()?, bytes.parse::<usize>().ok()?))
    });
    for (index, (time, bytes)) in reads.enumerate() {
        if index == 0 {
            test.head(recorded);
        }
        let (piece, after) = rest.split_at(rest.len().min(bytes));
        test.observer.body(piece, test.started + span(time));
        rest = after;
    }
    assert!(rest.is_empty(), "{}", recorded.name);
}

/// What is said of each step, told in the order of time. `answer` is what /api/ps says then.
fn play<'s>(
    mut steps: Vec<Step<'s>>,
    file: impl Fn(&str) -> Option<String>,
    answer: impl Fn(SystemTime) -> Listing,
) -> Vec<(Step<'s>, Report)> {
    let (mut diagnosis, mut sessions) = (Diagnosis::default(), Sessions::default());
    let mut reports: Vec<Option<Report>> = Vec::new();
    reports.resize_with(steps.len(), || None);
    diagnosis.listing(&answer(at(-1000.0)));
    for (time, moment, index) in moments(&steps) {
        let exchange = &mut steps[index].exchange;
        let id = exchange.interaction_id.clone();
        match moment {
            Moment::Sent => {
                begin(&mut diagnosis, exchange);
                let model = exchange.model.as_deref().unwrap();
                if let Some(file) = file(model) {
                    diagnosis.reloads.identify(model, &file);
                }
            }
            Moment::FirstByte if diagnosis.first_byte(&id, time) => {
                diagnosis.listing(&answer(time + Duration::from_micros(100)));
            }
            Moment::FirstByte => {}
            Moment::Ended => {
                reports[index] = Some(end(&mut diagnosis, &mut sessions, exchange, time))
            }
        }
    }
    steps
        .into_iter()
        .zip(reports.into_iter().flatten())
        .collect()
}

fn moments(steps: &[Step<'_>]) -> Vec<(SystemTime, Moment, usize)> {
    let mut moments = Vec::new();
    for (index, Step { exchange, .. }) in steps.iter().enumerate() {
        let sent = exchange.arrived;
        moments.push((sent, Moment::Sent, index));
        let first = exchange.evidence.first_byte;
        moments.extend(first.map(|wait| (sent + wait, Moment::FirstByte, index)));
        moments.push((sent + exchange.duration, Moment::Ended, index));
    }
    moments.sort();
    moments
}

fn begin(diagnosis: &mut Diagnosis, exchange: &Exchange) {
    diagnosis.begin(SentRequest {
        id: &exchange.interaction_id,
        endpoint: exchange.endpoint,
        model: exchange.model.as_deref().unwrap(),
        client: exchange.client.as_deref(),
        options: &exchange.evidence.options,
        taken: exchange.arrived,
        sent: exchange.arrived,
    });
}

fn end(
    diagnosis: &mut Diagnosis,
    sessions: &mut Sessions,
    exchange: &mut Exchange,
    time: SystemTime,
) -> Report {
    let id = exchange.interaction_id.clone();
    diagnosis.ended(&id, time, &exchange.reply());
    let loaded = diagnosis.loaded(&id).map(|listed| listed.loaded);
    let seen = exchange.seen(loaded);
    let session = sessions.assign(&seen, None, &exchange.evidence.session);
    let details = Details {
        keep_alive: exchange.evidence.keep_alive,
        conversation: session.as_ref().map(|session| &*session.branch),
        print: std::mem::take(&mut exchange.evidence.print),
        answer: exchange.answer(),
    };
    diagnosis.end(&seen, details)
}

/// The findings of these kinds, as they are shown.
fn findings(report: &Report, kinds: &[Kind]) -> Vec<String> {
    let found = report.findings.iter();
    found
        .filter(|finding| kinds.contains(&finding.kind))
        .map(|finding| finding.to_string())
        .collect()
}

const BUT_RELOADS: [Kind; 5] = [
    Kind::ContextCut,
    Kind::CacheBroken,
    Kind::CpuFallback,
    Kind::Waited,
    Kind::BadReply,
];

#[test]
fn reloads_are_found_and_explained_from_the_bytes_and_nothing_else_is_said() {
    let mut counts = [ReloadCount::default(), ReloadCount::default()];
    for sequence in recordings("reloads", "sequence.json") {
        let name = sequence["name"].as_str().unwrap();
        let labels = recorded::steps(&sequence);
        let answers = listings(&labels);
        let answer = |asked: SystemTime| {
            let next = answers.iter().find(|(_, listing)| listing.asked > asked);
            let (_, listing) = next.or(answers.last()).unwrap();
            Listing {
                asked,
                ..listing.clone()
            }
        };
        let steps = labels.iter().map(|label| {
            let time = |name: &str| label[name].as_f64().unwrap() * 1000.0;
            observe(
                &format!("reloads/{name}"),
                label,
                time("sent_at_s"),
                time("ended_at_s"),
            )
        });
        let file = |model: &str| recorded::file(&labels, model);
        for (step, report) in play(steps.collect(), file, answer) {
            let is_native = step.exchange.endpoint.as_str().starts_with("api/");
            counts[usize::from(!is_native)].note(step.label, report.reload_cause);
            // What runs below Ollama there keeps to no format.
            let others = findings(&report, &BUT_RELOADS[..4]);
            assert_eq!(others, [""; 0], "{name} {}", step.label["step"]);
        }
    }
    are_found_and_explained("observed", &counts);
}

#[test]
fn caches_that_broke_are_found_from_the_bytes_and_no_others() {
    for sequence in recordings("cache", "sequence.json") {
        let name = sequence["name"].as_str().unwrap();
        let steps = sequence["steps"].as_array().unwrap().iter().enumerate();
        let steps: Vec<_> = steps
            .map(|(index, label)| {
                let sent = index as f64 * 10_000.0;
                let mut step = observe(&format!("cache/{name}"), label, sent, sent + 900.0);
                // This Ollama does not say it, newer ones do.
                step.exchange.prompt_cached_tokens = label["cached_tokens"].as_u64();
                step
            })
            .collect();
        let model = steps[0].exchange.model.clone().unwrap();
        let is_over = name.starts_with("over");
        let context = if is_over { 1024 } else { 4096 };
        let answer = |asked| listing(asked, &serde_json::json!([[model, context]]));
        let mut broken = Vec::new();
        for (step, report) in play(steps, |_| None, answer) {
            if report.broken.is_some() {
                broken.push(step.label["step"].as_u64().unwrap());
            }
            let cuts = findings(&report, &[Kind::ContextCut]);
            assert!(cuts.is_empty() || is_over, "{name}: {cuts:?}");
            let others = findings(&report, &BUT_RELOADS[2..]);
            assert_eq!(others, [""; 0], "{name} {}", step.label["step"]);
        }
        assert_eq!(broken, broken_caches(name), "{name}");
    }
}

#[test]
fn clients_that_wait_a_little_for_each_other_are_told_nothing() {
    for scene in recordings("queue", "scenario.json") {
        let name = scene["name"].as_str().unwrap();
        let labels = scene["requests"].as_array().unwrap().iter();
        let steps = labels.map(|label| {
            let time = |name: &str| label[name].as_f64().unwrap();
            let (sent, lasted) = (time("sent_at_ms"), time("last_byte_ms"));
            observe(&format!("queue/{name}"), label, sent, sent + lasted)
        });
        let answer = |asked| listing(asked, &serde_json::json!([]));
        for (step, report) in play(steps.collect(), |_| None, answer) {
            let said = findings(&report, &BUT_RELOADS);
            assert_eq!(said, [""; 0], "{name} {}", step.label["file"]);
        }
    }
}
