//! Records come back as they were written, in order, and as many as were asked for.

use super::*;
use crate::util::interrupt;

pub fn an_empty_one_answers_with_nothing(engine: &dyn Engine) {
    assert!(newest(engine, &[]).is_empty() && read_all(engine, &[]).is_empty());
    assert_eq!(engine.get("0000000000000001").unwrap(), None);
    let extent = engine.extent(f64::INFINITY).unwrap();
    assert_eq!(
        (extent.records, extent.oldest, extent.newest),
        (0, None, None)
    );
}

pub fn what_was_written_is_read_back_unchanged(engine: &dyn Engine) {
    let unknown = Record {
        interaction_id: "00000000000000ff".to_owned(),
        timestamp: NOON,
        endpoint: "api/chat".to_owned(),
        prompt_category: "empty".to_owned(),
        status: "cancelled".to_owned(),
        ..Record::default()
    };
    filled(engine, [record(1), unknown.clone()]);
    assert_eq!(engine.get("0000000000000001").unwrap(), Some(record(1)));
    assert_eq!(
        engine.get("00000000000000ff").unwrap(),
        Some(unknown.clone())
    );
    assert_eq!(engine.get("00").unwrap(), None);
    assert_eq!(read_all(engine, &[]), [unknown, record(1)]);
}

pub fn the_newest_come_first_and_pages_follow_without_gaps(engine: &dyn Engine) {
    // Written out of order, as long requests are; two share a moment.
    let twin = Record {
        timestamp: record(5).timestamp,
        ..record(250)
    };
    let mut records: Vec<Record> = (0..250).map(record).collect();
    records.push(twin);
    records.rotate_left(77);
    for chunk in records.chunks(60) {
        filled(engine, chunk.to_vec());
    }
    let mut expected: Vec<u32> = (0..250).rev().collect();
    expected.insert(244, 250); // the twin of 5 has the larger id
    let expected = ids(expected);
    assert_eq!(newest(engine, &[]), expected[..100]);
    assert_eq!(newest(engine, &[("limit", "3")]), expected[..3]);
    let mut paged: Vec<String> = Vec::new();
    loop {
        let before = paged.last().cloned().unwrap_or_default();
        let page = newest(engine, &[("limit", "17"), ("before", &before)]);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, expected);
    let oldest_first: Vec<String> = read_all(engine, &[])
        .into_iter()
        .map(|record| record.interaction_id)
        .collect();
    assert_eq!(oldest_first, expected.into_iter().rev().collect::<Vec<_>>());
}

pub fn a_reader_that_has_enough_stops_the_reading(engine: &dyn Engine) {
    filled(engine, (0..50).map(record));
    type Read = fn(&dyn Engine, &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<()>;
    let ways: [Read; 2] = [
        |engine, visit| engine.for_each(&Query::default(), visit),
        |engine, visit| engine.for_each_unordered(&Query::default(), visit),
    ];
    for read in ways {
        let mut seen = 0;
        let visit = &mut |_| {
            seen += 1;
            if seen == 7 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        read(engine, visit).unwrap();
        assert_eq!(seen, 7);
    }
}

pub fn a_question_that_nobody_waits_for_ends_with_an_error(engine: &dyn Engine) {
    filled(engine, (0..50).map(record));
    let ask = || {
        while !interrupt::is_unwanted() {
            std::thread::yield_now();
        }
        let go_on = &mut |_| ControlFlow::Continue(());
        [
            engine.for_each_newest(&Query::default(), Detail::Whole, go_on),
            engine.for_each(&Query::default(), go_on),
        ]
    };
    for ended in interrupt::unless(|| true, ask) {
        assert!(matches!(ended, Err(StoreError::Unwanted)), "{ended:?}");
    }
    assert_eq!(read_all(engine, &[]).len(), 50);
}

pub fn long_records_come_whole_and_in_order_and_lists_leave_their_texts_out(engine: &dyn Engine) {
    // Together far more than is held at a time, and each less than Loki takes.
    let long = |n: u32| Record {
        response_full: Some(format!("{n} ").repeat(50_000)),
        prompt_preview: None,
        ..record(n)
    };
    let mixed = |n: u32| {
        if n.is_multiple_of(3) {
            record(n)
        } else {
            long(n)
        }
    };
    for n in 0..12 {
        filled(engine, (n * 10..n * 10 + 10).map(mixed));
    }
    let newest = |detail| {
        engine
            .newest(
                &query(&[("end_time", &record(110).timestamp.to_string())]),
                detail,
            )
            .unwrap()
    };
    let expected: Vec<Record> = (11..111).rev().map(mixed).collect();
    assert!(newest(Detail::Whole) == expected);
    assert_eq!(
        newest(Detail::Brief),
        expected
            .into_iter()
            .map(Record::without_long_text)
            .collect::<Vec<_>>()
    );
    let mut seen = 0;
    let stop_early = &mut |_| {
        seen += 1;
        if seen == 95 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    engine
        .for_each_newest(&Query::default(), Detail::Whole, stop_early)
        .unwrap();
    assert_eq!(seen, 95);
}

pub fn ids_are_found_by_their_beginning(engine: &dyn Engine) {
    let named = |(n, id): (u32, &str)| Record {
        interaction_id: id.to_owned(),
        ..record(n)
    };
    let all = ["ab\"c1", "ab\"c2", "abz", "AB\"c3", "é1"];
    filled(engine, (0..).zip(all).map(named));
    for (prefix, limit, expected) in [
        ("ab\"c", 5, &all[..2]),
        ("ab", 5, &all[..3]),
        ("é", 5, &all[4..]),
        ("abz", 5, &all[2..3]),
        ("b", 5, &[]),
        ("abzz", 5, &[]),
    ] {
        let mut ids = engine.ids(prefix, limit).unwrap();
        ids.sort_unstable();
        assert_eq!(ids, expected, "{prefix}");
    }
    assert_eq!(engine.ids("ab", 2).unwrap().len(), 2);
}

pub fn records_are_read_at_their_positions_and_in_their_order(engine: &dyn Engine) {
    filled(engine, (0..130).map(record));
    let numbers = || (0..140).rev().filter(|n| n % 3 != 1);
    let positions: Vec<Position> = numbers().map(|n| record(n).position()).collect();
    let whole = engine.get_all(&positions, Detail::Whole).unwrap();
    let expected = |n| (n < 130).then(|| record(n));
    assert!(whole == numbers().map(expected).collect::<Vec<_>>());
    let brief = engine.get_all(&positions[..20], Detail::Brief).unwrap();
    let expected = |n| Some(expected(n)?.without_long_text());
    assert!(brief == numbers().take(20).map(expected).collect::<Vec<_>>());
}

pub fn an_unknown_record_to_begin_before_is_named(engine: &dyn Engine) {
    filled(engine, [record(1)]);
    match engine.newest(&query(&[("before", "ffffffffffffffff")]), Detail::Whole) {
        Err(StoreError::InvalidParameter(bad)) => {
            assert!(bad.to_string().contains("ffffffffffffffff"), "{bad}")
        }
        other => panic!("{other:?}"),
    }
}

pub fn writers_and_readers_do_not_disturb_each_other(engine: &dyn Engine) {
    std::thread::scope(|scope| {
        scope.spawn(|| (0..40).for_each(|n| filled(engine, (n * 25..(n + 1) * 25).map(record))));
        for _ in 0..40 {
            let found = newest(engine, &[("limit", "50")]);
            assert!(found.is_sorted_by(|a, b| a > b), "{found:?}");
            read_all(engine, &[("model", "phi4")]);
        }
    });
    assert_eq!(read_all(engine, &[]).len(), 1000);
}
