//! Models on the CPU, and those that always were.

use proptest::prelude::*;

use super::*;
use crate::diagnose::recordings::{at, seen};
use crate::http::route::Inference;

fn loaded(context: u64, size: u64, size_vram: u64) -> Loaded {
    Loaded {
        context_length: Some(context),
        size,
        size_vram,
    }
}

fn asked(now: SystemTime, loaded: Loaded) -> Seen {
    let mut seen = seen("1", Inference::Chat, "m", now);
    seen.loaded = Some(loaded);
    seen
}

fn later(days: u64) -> SystemTime {
    at(0.0) + Duration::from_secs(days * 86_400)
}

#[test]
fn a_model_that_was_in_vram_and_is_not_is_found_also_after_a_restart() {
    let mut best = BestShares::default();
    assert!(best.note(
        "m",
        Some("a"),
        &loaded(8192, 30_000_000_000, 30_000_000_000),
        at(0.0)
    ));
    assert!(!best.note(
        "m",
        Some("a"),
        &loaded(8192, 30_000_000_000, 29_000_000_000),
        at(0.0)
    ));
    let best = BestShares::from_json(best.to_json().as_bytes());
    let less = asked(at(9.0), loaded(4096, 29_400_000_000, 18_200_000_000));
    let finding = best.fallback(&less, None).unwrap();
    assert_eq!(
        finding.sentence,
        "38 % of m runs on the CPU: 18.2 GB of its 29.4 GB are in VRAM; it was 100 % with a \
         context of 8192"
    );
    assert_eq!(best.fallback(&less, Some(20)), None);
}

#[test]
fn a_larger_context_another_file_and_a_machine_without_vram_are_no_fallback() {
    let mut best = BestShares::default();
    best.note("m", Some("a"), &loaded(4096, 100, 100), at(0.0));
    assert_eq!(
        best.fallback(&asked(at(9.0), loaded(32768, 100, 50)), None),
        None
    );
    assert_eq!(
        best.fallback(&asked(at(9.0), loaded(4096, 100, 96)), None),
        None
    );
    best.note("m", Some("b"), &loaded(4096, 200, 100), at(1.0));
    assert_eq!(
        best.fallback(&asked(at(9.0), loaded(4096, 200, 100)), None),
        None
    );
    let none = BestShares::default();
    assert_eq!(
        none.fallback(&asked(at(9.0), loaded(4096, 100, 0)), None),
        None
    );
}

#[test]
fn a_model_all_on_the_cpu_counts_for_thirty_days_after_vram_was_seen() {
    let mut best = BestShares::default();
    best.note("other", None, &loaded(4096, 100, 100), at(0.0));
    let none = loaded(4096, 100, 0);
    assert!(
        best.fallback(&asked(later(30), none.clone()), None)
            .is_some()
    );
    assert_eq!(best.fallback(&asked(later(33), none), None), None);
}

#[test]
fn what_is_kept_is_bounded_and_what_was_kept_badly_is_nothing() {
    let mut best = BestShares::default();
    for number in 0..2 * MODELS_MAX as u64 {
        best.note(
            &format!("m{number}"),
            None,
            &loaded(number, 100, 100),
            at(0.0),
        );
        best.note("m", None, &loaded(number, 100, 100), at(0.0));
    }
    assert_eq!(best.models.len(), MODELS_MAX);
    assert!(
        best.models
            .iter()
            .all(|model| model.contexts.len() <= CONTEXTS_MAX)
    );
    assert_eq!(
        BestShares::from_json(b"{\"models\":7}"),
        BestShares::default()
    );
}

proptest! {
    #[test]
    fn the_best_that_was_seen_is_never_a_fallback(
        loads in prop::collection::vec((1u64..5, 1u64..100, 0u64..120), 1..20),
    ) {
        let mut best = BestShares::default();
        for (context, size, vram) in &loads {
            best.note("m", None, &loaded(*context, *size, *vram), at(0.0));
        }
        let share = |(_, size, vram): &(u64, u64, u64)| (*vram as f64 / *size as f64).min(1.0);
        let top = loads.iter().max_by(|a, b| share(a).total_cmp(&share(b))).unwrap();
        let found = best.fallback(&asked(at(1.0), loaded(top.0, top.1, top.2)), None);
        prop_assert_eq!(found.is_some(), share(top) == 0.0 && best.has_vram(at(1.0)));
    }
}
