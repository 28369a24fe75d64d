//! All findings of requests as they come.

use proptest::prelude::*;

use super::*;
use crate::diagnose::fingerprint::Printer;
use crate::diagnose::listing::Listed;
use crate::diagnose::prompt::{Keys, MessageRole};
use crate::diagnose::recordings::{at, seen, span};
use crate::diagnose::seen::Loaded;
use crate::http::route::Inference;

const LOADED: Loaded = Loaded {
    context_length: Some(8192),
    size: 100,
    size_vram: 100,
};

fn print(keys: &Keys, system: &str) -> Fingerprint {
    let mut printer = Printer::new(keys);
    printer.text(system);
    printer.message(MessageRole::System);
    printer.end()
}

/// A request of one conversation with 2,000 tokens, of which so many were cached.
fn request(number: u32, sent: f64, cached: u64) -> Seen {
    let mut seen = seen(&number.to_string(), Inference::Chat, "m", at(sent));
    seen.client = Some("curl".to_owned());
    seen.reply.status = Some(200);
    seen.reply.prompt_tokens = Some(2000);
    seen.reply.cached_tokens = Some(cached);
    seen.times.first_byte = Some(span(500.0));
    seen.times.duration = span(1000.0);
    seen.times.total = Some(span(1000.0));
    seen.times.load = Some(span(3.0));
    seen.times.prompt = Some(span(450.0));
    seen.times.generation = Some(span(500.0));
    seen.loaded = Some(LOADED);
    seen
}

fn listing(time: f64, loaded: Loaded) -> Listing {
    let listed = Listed {
        model: "m".to_owned(),
        loaded,
        ..Listed::default()
    };
    Listing {
        asked: at(time),
        models: vec![listed],
    }
}

fn sent_request(seen: &Seen) -> SentRequest<'_> {
    SentRequest {
        id: &seen.interaction_id,
        endpoint: seen.endpoint,
        model: &seen.model,
        client: seen.client.as_deref(),
        options: &seen.options,
        taken: seen.arrived,
        sent: seen.arrived,
    }
}

fn ask(diagnosis: &mut Diagnosis, seen: &Seen, print: Fingerprint) -> Report {
    let (id, arrived) = (&seen.interaction_id, seen.arrived);
    diagnosis.begin(sent_request(seen));
    diagnosis.first_byte(id, arrived + seen.times.first_byte.unwrap());
    diagnosis.end(
        seen,
        Details {
            conversation: Some("c"),
            print,
            ..Details::default()
        },
    )
}

#[test]
fn healthy_turns_of_a_conversation_say_nothing() {
    let (mut diagnosis, keys) = (Diagnosis::default(), Keys::new());
    assert!(diagnosis.listing(&listing(0.0, LOADED)));
    for number in 0..50 {
        let sent = f64::from(number) * 3000.0 + 1.0;
        assert!(!diagnosis.listing(&listing(sent - 1.0, LOADED)));
        let report = ask(
            &mut diagnosis,
            &request(number, sent, 1900),
            print(&keys, "You are kind."),
        );
        assert_eq!((report.findings, report.reload_cause), (Vec::new(), None));
        assert_eq!(report.vram_share, Some(1.0));
    }
}

#[test]
fn one_report_holds_all_that_went_wrong() {
    let (mut diagnosis, keys) = (Diagnosis::default(), Keys::new());
    diagnosis.listing(&listing(0.0, LOADED));
    ask(
        &mut diagnosis,
        &request(1, 1.0, 0),
        print(&keys, "It is 14:03."),
    );
    let mut slow = request(2, 2000.0, 0);
    slow.times.duration = span(20_000.0);
    slow.times.total = Some(span(20_000.0));
    slow.times.first_byte = Some(span(19_500.0));
    slow.loaded = Some(Loaded {
        size_vram: 60,
        ..LOADED
    });
    let report = ask(&mut diagnosis, &slow, print(&keys, "It is 14:04."));
    let kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::Waited, Kind::CacheBroken, Kind::CpuFallback]);
    assert_eq!(report.vram_share, Some(0.6));
    assert_eq!(report.time_spent.queue, span(19_047.0));
}

#[test]
fn requests_whose_end_is_never_told_take_the_room_of_no_other() {
    let mut diagnosis = Diagnosis::default();
    for number in 0..3000 {
        diagnosis.begin(sent_request(&request(number, 1.0, 0)));
    }
    let last = request(3000, 2.0, 0);
    diagnosis.begin(sent_request(&last));
    assert!(diagnosis.first_byte("3000", at(3.0)) && diagnosis.has_begun("3000"));
    diagnosis.listing(&listing(4.0, LOADED));
    let listed = diagnosis.loaded("3000");
    assert_eq!(listed.map(|listed| listed.loaded), Some(LOADED));
    assert!(!diagnosis.has_begun("0"));
}

/// Something that happens to one of a few requests, at any time, told in any order.
fn happen(diagnosis: &mut Diagnosis, what: u8, number: u32, time: f64, took: f64) {
    let mut seen = request(number, time, 0);
    seen.model = format!("m{}", number % 3);
    seen.times.duration = span(took);
    seen.times.first_byte = (what & 8 == 0).then(|| span(took / 2.0));
    seen.times.load = (what & 16 == 0).then(|| span(took / 3.0));
    seen.times.total = (what & 32 == 0).then(|| span(took * 2.0));
    seen.times.queue_wait = span(if what & 64 == 0 { 0.0 } else { took * 3.0 });
    seen.reply.status = (what & 128 == 0).then_some(200);
    let keep_alive = Some(KeepAlive::For(span(took))).filter(|_| what & 4 != 0);
    let id = seen.interaction_id.clone();
    match what % 4 {
        0 => diagnosis.begin(sent_request(&seen)),
        1 => drop(diagnosis.first_byte(&id, seen.arrived)),
        2 => drop(diagnosis.listing(&Listing {
            asked: at(time),
            models: vec![Listed {
                model: seen.model,
                loaded: LOADED,
                ..Listed::default()
            }],
        })),
        _ => {
            let details = Details {
                keep_alive,
                conversation: Some("c"),
                ..Details::default()
            };
            let report = diagnosis.end(&seen, details);
            for finding in &report.findings {
                assert!(!finding.sentence.is_empty() && !finding.way_out.is_empty());
            }
            let first = report.findings.iter().map(|finding| finding.kind);
            let kinds = first.collect::<std::collections::BTreeSet<_>>();
            assert_eq!(kinds.len(), report.findings.len(), "one of a kind");
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_is_taken(
        events in prop::collection::vec((any::<u8>(), 0u32..9, 0.0f64..1e6, 0.0f64..1e5), 0..80),
    ) {
        let mut diagnosis = Diagnosis::default();
        for (what, number, time, took) in events {
            happen(&mut diagnosis, what, number, time, took);
        }
    }
}
