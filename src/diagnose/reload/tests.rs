//! Why models were loaded anew.

use proptest::prelude::*;

use super::*;
use crate::diagnose::listing::Listed;
use crate::diagnose::recordings::{at, seen, span};
use crate::diagnose::seen::Loaded;
use crate::http::route::Inference;

/// A tap that asks /api/ps when told to.
#[derive(Default)]
struct Tap {
    reloads: Reloads,
    timeline: Timeline,
}

/// A request that was sent and ended so many milliseconds after the start.
fn request(id: &str, model: &str, client: &str, sent: f64, ended: f64) -> Seen {
    let mut seen = seen(id, Inference::Chat, model, at(sent));
    seen.client = Some(client.to_owned());
    seen.reply.status = Some(200);
    seen.times.duration = span(ended - sent);
    seen.times.first_byte = Some(seen.times.duration);
    seen.times.load = Some(span(2.0));
    seen
}

/// The same, with a load that took so long.
fn loading(id: &str, model: &str, client: &str, sent: f64, load: f64) -> Seen {
    let mut seen = request(id, model, client, sent, sent + load + 100.0);
    seen.times.load = Some(span(load));
    seen
}

impl Tap {
    fn begin(&mut self, seen: &Seen) {
        let (id, model) = (&seen.interaction_id, &seen.model);
        self.reloads.begin(id, model, seen.arrived, &self.timeline);
        self.timeline
            .begin(id, model, seen.client.as_deref(), seen.arrived);
    }

    fn end(&mut self, seen: &Seen, keep_alive: Option<KeepAlive>) -> Option<Reload> {
        let reload = self.reloads.judge(seen, keep_alive, &self.timeline);
        self.timeline.end(seen);
        reload
    }

    /// One request by itself, and the cause of its load.
    fn ask(&mut self, seen: &Seen) -> Option<Reload> {
        self.begin(seen);
        self.end(seen, None)
    }

    fn list(&mut self, time: f64, models: &[(&str, u64)]) {
        let listed = |(model, context): &(&str, u64)| Listed {
            model: (*model).to_owned(),
            loaded: Loaded {
                context_length: Some(*context),
                ..Loaded::default()
            },
            ..Listed::default()
        };
        let listing = Listing {
            asked: at(time),
            models: models.iter().map(listed).collect(),
        };
        self.reloads.listing(&listing, &self.timeline);
    }
}

fn cause(reload: Option<Reload>) -> Option<ReloadCause> {
    reload.map(|reload| reload.cause)
}

#[test]
fn a_load_that_waits_for_the_answer_of_another_is_none() {
    let mut tap = Tap::default();
    assert_eq!(
        cause(tap.ask(&loading("1", "m", "curl", 0.0, 2000.0))),
        Some(ReloadCause::First)
    );
    let long = request("2", "m", "curl", 3000.0, 9000.0);
    let behind = loading("3", "m", "curl", 3100.0, 5900.0);
    tap.begin(&long);
    tap.timeline.first_byte("2", at(3050.0));
    tap.begin(&behind);
    assert_eq!(tap.end(&behind, None), None);
}

#[test]
fn a_first_load_stays_one_when_the_file_is_known_after_the_model_was_listed() {
    let mut tap = Tap::default();
    let first = loading("1", "m", "curl", 0.0, 2000.0);
    tap.begin(&first);
    tap.timeline.first_byte("1", at(2050.0));
    tap.list(2060.0, &[("m", 4096)]);
    tap.reloads.identify("m", "sha256-1");
    assert_eq!(cause(tap.end(&first, None)), Some(ReloadCause::First));
}

#[test]
fn a_first_load_beside_an_answer_of_another_model_is_known_by_the_listings() {
    let mut tap = Tap::default();
    tap.list(0.0, &[("other", 4096)]);
    let other = request("1", "other", "curl", 0.0, 9000.0);
    tap.begin(&other);
    tap.timeline.first_byte("1", at(10.0));
    let first = loading("2", "m", "editor", 100.0, 2000.0);
    tap.begin(&first);
    tap.timeline.first_byte("2", at(2150.0));
    tap.list(2160.0, &[("other", 4096), ("m", 4096)]);
    assert_eq!(cause(tap.end(&first, None)), Some(ReloadCause::First));
}

#[test]
fn a_request_that_is_sent_before_the_one_that_took_the_room_is_judged_knows_it() {
    let mut tap = Tap::default();
    tap.ask(&loading("1", "m", "curl", 0.0, 2000.0));
    let other = loading("2", "other", "editor", 3000.0, 2000.0);
    tap.begin(&other);
    tap.timeline.first_byte("2", at(5050.0));
    tap.list(5060.0, &[("other", 4096)]);
    // The tap notes the end of the other a moment later, at 5,100.
    let back = loading("3", "m", "curl", 5098.0, 2000.0);
    tap.begin(&back);
    tap.end(&other, None);
    assert_eq!(cause(tap.end(&back, None)), Some(ReloadCause::Room));
}

#[test]
fn what_a_request_asks_for_that_was_not_read_to_its_end_is_not_guessed() {
    let mut tap = Tap::default();
    let asking = |id: &str, sent: f64, num_ctx: Option<i64>| {
        let mut seen = loading(id, "m", "curl", sent, 2000.0);
        seen.options.num_ctx = num_ctx;
        seen.prompt.is_cut = num_ctx.is_none();
        seen
    };
    tap.ask(&asking("1", 0.0, Some(8192)));
    let cut = tap.ask(&asking("2", 3000.0, None));
    assert_eq!(cause(cut), Some(ReloadCause::Unknown));
    let next = tap.ask(&asking("3", 6000.0, Some(8192)));
    assert_eq!(cause(next), Some(ReloadCause::Unknown));
    let changed = tap.ask(&asking("4", 9000.0, Some(4096)));
    assert_eq!(cause(changed), Some(ReloadCause::Options));
}

#[test]
fn the_second_name_of_a_file_is_named_with_both_contexts() {
    let mut tap = Tap::default();
    let first = loading("1", "m", "curl", 0.0, 2000.0);
    tap.begin(&first);
    tap.reloads.identify("m", "sha256-1");
    tap.timeline.first_byte("1", at(2050.0));
    tap.list(2060.0, &[("m", 4096)]);
    tap.end(&first, None);
    let second = loading("2", "m-long", "webui", 3000.0, 2000.0);
    tap.begin(&second);
    tap.reloads.identify("m-long", "sha256-1");
    tap.timeline.first_byte("2", at(5050.0));
    tap.list(5060.0, &[("m-long", 8192)]);
    let reload = tap.end(&second, None).unwrap();
    assert_eq!(reload.cause, ReloadCause::Name);
    assert_eq!(reload.changed, [OptionChange::context(4096, 8192)]);
    assert_eq!(reload.other_client.as_deref(), Some("curl"));
    let finding = reload.finding(&second).unwrap();
    assert_eq!(
        finding.sentence,
        "m-long was loaded again, 2.0 s: m, asked for by curl, is the same file with num_ctx 4096 \
         instead of 8192"
    );
}

#[test]
fn who_unloads_a_model_itself_is_told_nothing() {
    let mut tap = Tap::default();
    let first = loading("1", "m", "curl", 0.0, 2000.0);
    tap.begin(&first);
    tap.end(&first, Some(KeepAlive::For(Duration::ZERO)));
    let again = loading("2", "m", "curl", 5000.0, 2000.0);
    let reload = tap.ask(&again).unwrap();
    assert_eq!(
        (reload.cause, reload.finding(&again)),
        (ReloadCause::Unloaded, None)
    );
}

#[test]
fn an_answer_of_ps_that_another_load_overtook_invents_no_reload() {
    let mut tap = Tap::default();
    tap.list(0.0, &[]);
    let (first, mut second) = (
        loading("1", "m", "curl", 100.0, 2000.0),
        request("2", "m", "curl", 200.0, 2300.0),
    );
    second.endpoint = Inference::V1ChatCompletions;
    second.times.load = None;
    tap.begin(&first);
    tap.begin(&second);
    tap.timeline.first_byte("1", at(2150.0));
    tap.timeline.first_byte("2", at(2250.0));
    tap.list(2260.0, &[("m", 4096)]);
    assert_eq!(cause(tap.end(&first, None)), Some(ReloadCause::First));
    assert_eq!(tap.end(&second, None), None);
}

#[test]
fn a_failed_request_says_nothing_of_where_its_model_is() {
    let mut tap = Tap::default();
    let mut failed = request("1", "m", "curl", 0.0, 50.0);
    failed.reply.status = Some(500);
    failed.times.load = None;
    assert_eq!(tap.ask(&failed), None);
    assert_eq!(
        cause(tap.ask(&loading("2", "m", "curl", 100.0, 2000.0))),
        Some(ReloadCause::First)
    );
}

#[test]
fn of_two_that_came_together_the_second_is_told_what_the_first_asked_for() {
    let mut tap = Tap::default();
    let mut first = loading("1", "m", "curl", 0.0, 2000.0);
    first.options.num_ctx = Some(8192);
    let second = loading("2", "m", "webui", 100.0, 4000.0);
    tap.begin(&first);
    tap.begin(&second);
    tap.timeline.first_byte("1", at(2050.0));
    assert_eq!(cause(tap.end(&first, None)), Some(ReloadCause::First));
    let reload = tap.end(&second, None).unwrap();
    assert_eq!(reload.cause, ReloadCause::Options);
    assert_eq!(reload.changed[0].option, "num_ctx");
    assert_eq!(reload.lost, Some(span(2050.0)));
}

#[test]
fn a_model_that_is_ready_at_once_was_loaded_by_somebody_else() {
    let mut tap = Tap::default();
    tap.list(0.0, &[("m", 4096)]);
    let quick = request("1", "m", "curl", 5000.0, 5900.0);
    tap.begin(&quick);
    tap.timeline.first_byte("1", at(5050.0));
    tap.list(5060.0, &[("m", 8192)]);
    assert_eq!(tap.end(&quick, None), None);
}

#[test]
fn a_model_that_is_gone_though_nobody_took_its_room_has_expired() {
    let mut tap = Tap::default();
    tap.ask(&loading("1", "m", "curl", 0.0, 2000.0));
    tap.list(60_000.0, &[]);
    let again = loading("2", "m", "webui", 61_000.0, 2000.0);
    assert_eq!(cause(tap.ask(&again)), Some(ReloadCause::Expired));
}

#[test]
fn models_are_bounded() {
    let mut tap = Tap::default();
    for number in 0..3 * MAX_MODELS {
        let time = number as f64 * 5000.0;
        tap.ask(&loading("1", &format!("m{number}"), "curl", time, 2000.0));
    }
    assert_eq!(tap.reloads.models.len(), MAX_MODELS);
    assert!(tap.reloads.loads.len() <= MAX_MODELS);
    assert!(tap.reloads.under_way.is_empty());
}

proptest! {
    #[test]
    fn a_loaded_model_whose_requests_ask_for_the_same_is_never_called_reloaded(
        requests in prop::collection::vec((0.0f64..60_000.0, 10.0f64..20_000.0), 1..20),
        listings in prop::collection::vec(0.0f64..90_000.0, 0..8),
    ) {
        let mut tap = Tap::default();
        tap.list(0.0, &[("m", 4096)]);
        let seen: Vec<Seen> = requests
            .iter()
            .enumerate()
            .map(|(id, (sent, took))| {
                request(&id.to_string(), "m", "curl", sent + 1.0, sent + took)
            })
            .collect();
        let mut events: Vec<(SystemTime, u8, usize)> = Vec::new();
        for (index, seen) in seen.iter().enumerate() {
            events.push((seen.arrived, 0, index));
            events.push((ended(seen), 1, index));
        }
        events.extend(listings.iter().map(|time| (at(time + 1.0), 2, 0)));
        events.sort();
        for (time, what, index) in events {
            match what {
                0 => tap.begin(&seen[index]),
                1 => prop_assert_eq!(tap.end(&seen[index], None), None),
                _ => {
                    let milliseconds = time.duration_since(at(0.0)).unwrap().as_secs_f64() * 1e3;
                    tap.list(milliseconds, &[("m", 4096)]);
                }
            }
        }
    }
}
