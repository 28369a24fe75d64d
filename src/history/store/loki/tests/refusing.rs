//! Records that Loki refuses: the lost ones, and the warnings and numbers about them.

use super::writing::{of_one_tap, of_the_tap};
use super::*;
use crate::history::store::suite::record;

#[test]
fn what_is_refused_for_good_is_counted_and_never_sent_again() {
    for status in [400, 422] {
        let (loki, fake) = fresh();
        fake.fail(2, status, "no\x1b[31m");
        let mut batch = of_one_tap(0..5);
        assert_eq!((loki.write(&mut batch).unwrap(), batch.len()), (5, 0));
        assert_eq!(
            loki.take_refused(),
            Refused::default(),
            "who has lost the records has lost no texts beside them"
        );
        assert_eq!(loki.write(&mut of_one_tap(5..6)).unwrap(), 0);
        assert_eq!((fake.lines().len(), fake.pushes().len()), (2, 4));
    }
}

#[test]
fn a_text_that_is_refused_leaves_its_record() {
    let (loki, fake) = fresh();
    fake.fail(1, 400, "max entry size '1' bytes exceeded for stream '{}'");
    suite::filled(&loki, [record(1)]);
    let found = loki.get(&record(1).interaction_id).unwrap().unwrap();
    assert_eq!(
        (found.prompt_full, found.truncated, found.generated_tokens),
        (None, Some(true), Some(33))
    );
    assert_eq!(
        [loki.take_refused().texts, loki.take_refused().texts],
        [1, 0]
    );
}

#[test]
fn of_a_batch_with_old_records_only_these_are_lost() {
    let (loki, fake) = fresh();
    fake.state().now = Some(nanos(NOON));
    let old = |n| Record {
        timestamp: NOON - 8.0 * 86_400.0,
        ..record(n)
    };
    let all = vec![
        record(1),
        old(2),
        record(3),
        old(4),
        Record {
            timestamp: NOON + 7200.0,
            ..record(5)
        },
    ];
    let mut batch: Vec<Record> = all.into_iter().map(of_the_tap).collect();
    assert_eq!((loki.write(&mut batch).unwrap(), batch.len()), (3, 0));
    assert_eq!(
        suite::read_all(&loki, &[]),
        [record(1), record(3)].map(of_the_tap)
    );
}

#[test]
fn a_refusal_before_a_failure_is_counted_at_once() {
    let (loki, fake) = fresh();
    fake.fail(2, 400, "couldn't parse labels");
    fake.fail(1, 500, "");
    let text = "x".repeat(200_000);
    let large = |n| {
        of_the_tap(Record {
            prompt_full: Some(text.clone()),
            ..record(n)
        })
    };
    let mut batch: Vec<Record> = (0..6).map(large).collect();
    failure(loki.write(&mut batch));
    assert_eq!(
        (batch.len(), loki.take_refused().records),
        (2, 4),
        "the first request is given up, the second stays"
    );
    assert_eq!(
        (loki.write(&mut batch).unwrap(), fake.lines().len()),
        (0, 4)
    );
}
