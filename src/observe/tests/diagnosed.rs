//! The recordings of cut prompts through the whole observer, counted against what really happened.

use std::fs;
use std::time::Duration;

use proptest::prelude::*;

use super::message::Message;
use super::recorded::{RecordedExchange, TestObserver};
use crate::diagnose::context::Memory;
use crate::diagnose::prompt::keys;
use crate::diagnose::seen::Seen;
use crate::diagnose::tests::labels::{Score, verdict};
use crate::diagnose::tests::recorded::{Case, cases, data};
use crate::observe::ExchangeEnd;

/// The recorded exchange of a case.
fn exchange_of(case: &Case, folder: &str) -> RecordedExchange {
    let read = |end: &str| {
        let path = data().join(folder).join(format!("{}.{end}", case.name));
        Message::parse(&mut fs::read(path).unwrap().as_slice(), end == "reply")
    };
    RecordedExchange {
        name: case.name.clone(),
        endpoint: case.seen.endpoint,
        request: read("request"),
        reply: read("reply"),
    }
}

/// What diagnosis is told of an exchange whose reply came in pieces that end at `splits`.
fn seen(recorded: &RecordedExchange, case: &Case, splits: &[usize]) -> Seen {
    let mut test = TestObserver::new(recorded.endpoint);
    test.request(&recorded.request);
    test.head(recorded);
    let at = test.started + Duration::from_millis(5);
    let mut rest = recorded.reply.body.as_slice();
    for split in splits {
        let (piece, after) = rest.split_at(split % (rest.len() + 1));
        test.observer.body(piece, at);
        rest = after;
    }
    test.observer.body(rest, at);
    let mut exchange = test.finish(ExchangeEnd::Complete);
    exchange.seen(None, case.seen.loaded.clone())
}

/// Each case alone, with its chat before it.
fn score(with_log: bool) -> Score {
    let mut score = Score::default();
    let mut memory = (serde_json::Value::Null, Memory::default());
    for folder in ["cuts", "conversations"] {
        for mut case in cases(folder, keys()) {
            let chat = case.label["conversation"].clone();
            if chat.is_null() || chat != memory.0 {
                memory = (chat, Memory::default());
            }
            let splits: Vec<usize> = case
                .name
                .bytes()
                .map(|byte| usize::from(byte) * 7)
                .collect();
            case.seen = seen(&exchange_of(&case, folder), &case, &splits);
            let found = verdict(&case, with_log, &mut memory.1);
            score.note(&case.name, case.is_cut(), found);
        }
    }
    score
}

#[test]
fn cuts_are_found_from_the_bytes_and_whole_prompts_are_left_alone() {
    score(false).is_at_least("observed", 0.72, 0.92);
    score(true).is_at_least("observed, with the log", 0.86, 0.93);
}

#[test]
fn the_sizes_of_a_prompt_are_those_of_its_texts() {
    for folder in ["cuts", "conversations"] {
        for case in cases(folder, keys()) {
            let observed = seen(&exchange_of(&case, folder), &case, &[]);
            assert_eq!(
                (observed.prompt.sum(|_| true), observed.prompt.images()),
                (case.seen.prompt.sum(|_| true), case.seen.prompt.images()),
                "{}",
                case.name
            );
            assert_eq!(observed.options, case.seen.options, "{}", case.name);
            assert!(!observed.prompt.is_cut, "{}", case.name);
        }
    }
}

proptest! {
    #![proptest_config(super::recorded::cases(64, 2000))]

    #[test]
    fn findings_do_not_depend_on_how_the_reply_was_split(
        number in 0usize..1000,
        splits in prop::collection::vec(0usize..4000, 0..12),
    ) {
        let all = cases("conversations", keys());
        let case = &all[number % all.len()];
        let recorded = exchange_of(case, "conversations");
        let (one, other) = (seen(&recorded, case, &[]), seen(&recorded, case, &splits));
        prop_assert_eq!(one.prompt, other.prompt);
        prop_assert_eq!(
            (one.reply.text, one.reply.context_array, one.reply.thinks),
            (other.reply.text, other.reply.context_array, other.reply.thinks)
        );
        prop_assert_eq!(one.reply.prompt_tokens, other.reply.prompt_tokens);
    }
}
