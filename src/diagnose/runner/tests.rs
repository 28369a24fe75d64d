//! Which answers of /api/ps count for a request.

use super::*;
use crate::diagnose::recordings::at;
use crate::diagnose::seen::Loaded;

fn with_context(num_ctx: i64) -> LoadOptions {
    LoadOptions {
        num_ctx: Some(num_ctx),
        ..LoadOptions::default()
    }
}

fn listing(time: f64, context: u64) -> Listing {
    let listed = Listed {
        model: "m".to_owned(),
        loaded: Loaded {
            context_length: Some(context),
            ..Loaded::default()
        },
        ..Listed::default()
    };
    Listing {
        asked: at(time),
        models: vec![listed],
    }
}

fn context(runners: &mut Runners, id: &str) -> Option<u64> {
    runners
        .take(id)
        .and_then(|listed| listed.loaded.context_length)
}

#[test]
fn an_answer_counts_until_a_reply_begins_late() {
    let mut runners = Runners::default();
    runners.listing(&listing(0.0, 4096));
    runners.begin("quick", "m", with_context(4096), at(1_000.0));
    assert!(!runners.first_byte("quick", at(1_500.0)));
    assert_eq!(context(&mut runners, "quick"), Some(4096));
    runners.begin("late", "m", with_context(4096), at(2_000.0));
    assert!(runners.first_byte("late", at(3_500.0)) && runners.is_needed("late"));
    runners.listing(&listing(3_400.0, 4096)); // asked before the reply began
    assert!(runners.is_needed("late"));
    runners.listing(&listing(3_600.0, 8192));
    assert!(!runners.is_needed("late"));
    assert_eq!(context(&mut runners, "late"), Some(8192));
}

#[test]
fn other_options_need_a_new_answer() {
    let mut runners = Runners::default();
    runners.begin("first", "m", with_context(4096), at(0.0));
    assert!(runners.first_byte("first", at(1.0)), "nothing is known yet");
    runners.listing(&listing(2.0, 4096));
    runners.begin("other", "m", with_context(8192), at(1_000.0));
    assert!(runners.first_byte("other", at(1_100.0)));
    runners.listing(&listing(1_200.0, 8192));
    assert_eq!(context(&mut runners, "other"), Some(8192));
    runners.begin("same", "m", with_context(8192), at(2_000.0));
    assert!(!runners.first_byte("same", at(2_100.0)));
}

#[test]
fn what_another_load_may_have_changed_is_not_told() {
    let mut runners = Runners::default();
    runners.begin("first", "m", with_context(4096), at(0.0));
    runners.first_byte("first", at(1_500.0));
    runners.end("first", at(2_000.0));
    runners.begin("rival", "m", with_context(8192), at(2_100.0));
    runners.listing(&listing(2_200.0, 4096)); // or is it the rival's by then?
    assert!(!runners.is_needed("first"));
    assert_eq!(context(&mut runners, "first"), None);
}

#[test]
fn of_a_model_that_is_never_listed_nothing_is_asked_again() {
    let mut runners = Runners::default();
    runners.begin("first", "cloud", LoadOptions::default(), at(0.0));
    assert!(runners.first_byte("first", at(1.0)));
    runners.listing(&listing(2.0, 4096));
    assert_eq!(runners.take("first"), None);
    runners.begin("next", "cloud", LoadOptions::default(), at(3.0));
    assert!(!runners.first_byte("next", at(4.0)) && !runners.is_needed("next"));
    runners.begin("late", "cloud", LoadOptions::default(), at(5.0));
    assert!(
        runners.first_byte("late", at(2_000.0)),
        "it may be here by now"
    );
}

#[test]
fn nothing_is_waited_for_that_does_not_come() {
    let mut runners = Runners::default();
    runners.begin("id", "m", LoadOptions::default(), at(0.0));
    assert!(!runners.is_needed("id"), "its reply has not begun");
    assert!(runners.first_byte("id", at(1.0)));
    runners.no_listing();
    assert!(!runners.is_needed("id"));
    assert_eq!(runners.take("id"), None);
    assert!(!runners.first_byte("id", at(2.0)), "it is forgotten");
    runners.begin("next", "m", LoadOptions::default(), at(3.0));
    assert!(
        !runners.first_byte("next", at(4.0)),
        "it would wait in vain"
    );
    for id in 0..UNDER_WAY_MAX + 9 {
        runners.begin(&id.to_string(), "m", LoadOptions::default(), at(0.0));
    }
    assert_eq!(runners.requests.len(), UNDER_WAY_MAX);
}
