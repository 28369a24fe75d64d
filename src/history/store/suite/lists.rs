//! Lists: a text anywhere in a record, numbers within bounds, and the order by a number.

use super::*;

pub fn a_text_is_found_in_the_prompt_the_reply_its_thinking_and_the_error(engine: &dyn Engine) {
    let word = Some("Zebra crossing".to_owned());
    let texts = |n: u32| match n % 6 {
        0 => Record {
            prompt_full: word.clone(),
            ..record(n)
        },
        1 => Record {
            response_full: word.clone(),
            ..record(n)
        },
        2 => Record {
            thinking_full: word.clone(),
            ..record(n)
        },
        3 => Record {
            error: word.clone(),
            ..record(n)
        },
        4 => Record {
            prompt_full: None,
            prompt_preview: None,
            response_full: None,
            response_preview: word.clone(),
            ..record(n)
        },
        _ => record(n),
    };
    filled(engine, (0..60).map(texts));
    let expected = ids((0..60).rev().filter(|n| n % 6 != 5));
    let alone = [("q", "zebra CROSS")];
    assert_eq!(newest(engine, &alone), expected);
    assert_eq!(read_all(engine, &alone).len(), expected.len());
    let brief = engine.newest(&query(&alone), Detail::Brief).unwrap();
    assert_eq!(brief.len(), expected.len());
    let both = [("q", "scatter"), ("prompt_search", "zebra")];
    assert_eq!(
        newest(engine, &both),
        ids((0..60).rev().filter(|n| n % 6 == 0))
    );
    assert!(newest(engine, &[("prompt_search", "zebra")]).len() == 10);
    assert!(newest(engine, &[("q", "giraffe")]).is_empty());
    let page = [("q", "zebra"), ("before", &*expected[9]), ("limit", "7")];
    assert_eq!(newest(engine, &page), expected[10..17]);
}

pub fn durations_and_tokens_are_bounded(engine: &dyn Engine) {
    let of = |n: u32| Record {
        generated_tokens: (n > 3).then_some(u64::from(n)),
        duration_seconds: (n != 30).then_some(f64::from(n) / 2.0),
        ..record(n)
    };
    filled(engine, (0..40).map(of));
    for (pairs, is_one) in [
        (
            &[("min_duration", "10")][..],
            (|n| n >= 20 && n != 30) as fn(u32) -> bool,
        ),
        (&[("max_duration", "1.5")], |n| n <= 3),
        (&[("min_duration", "0")], |n| n != 30),
        (&[("min_tokens", "35")], |n| n >= 35),
        (&[("min_tokens", "0")], |n| n > 3),
        (
            &[
                ("min_duration", "1"),
                ("max_duration", "5"),
                ("min_tokens", "5"),
            ],
            |n| (5..=10).contains(&n),
        ),
        (&[("min_duration", "1"), ("q", "number 33?")], |n| n == 33),
    ] {
        let expected = ids((0..40).rev().filter(|n| is_one(*n)));
        assert_eq!(newest(engine, pairs), expected, "{pairs:?}");
        assert_eq!(read_all(engine, pairs).len(), expected.len(), "{pairs:?}");
        let mut counted = 0;
        if query(pairs).is_of_summaries() {
            engine
                .for_each_summary(&query(pairs), &mut |_| counted += 1)
                .unwrap();
            assert_eq!(counted, expected.len(), "{pairs:?}");
        }
    }
}

/// For backends that have another order than by time.
pub fn a_list_is_sorted_by_a_number_and_its_pages_follow_without_gaps(engine: &dyn Engine) {
    let of = |n: u32| Record {
        duration_seconds: (n % 10 != 3).then_some(f64::from(n * 7 % 20)),
        generated_tokens: (n % 10 != 4).then_some(u64::from(n * 11 % 30)),
        response_full: Some("long ".repeat(if n.is_multiple_of(5) { 50_000 } else { 1 })),
        ..record(n)
    };
    for piece in 0..4 {
        filled(engine, (piece * 30..piece * 30 + 30).map(of));
    }
    for (sort, filter) in [
        (Sort::Duration, None),
        (Sort::Tokens, None),
        (Sort::Tokens, Some(("model", "phi4"))),
        (Sort::Duration, Some(("q", "sky blue"))),
        (Sort::Duration, Some(("prompt_search", "number 1"))),
    ] {
        let filter = filter.as_slice();
        let mut expected = read_all(engine, filter);
        expected.sort_by_key(|record| Rank::of(sort, &record.summary()));
        let expected: Vec<String> = expected
            .into_iter()
            .rev()
            .map(|record| record.interaction_id)
            .collect();
        let mut paged: Vec<String> = Vec::new();
        loop {
            let before = paged.last().cloned().unwrap_or_default();
            let mut pairs = vec![
                ("sort", sort.as_str()),
                ("limit", "13"),
                ("before", &before),
            ];
            pairs.extend(filter);
            let page = newest(engine, &pairs);
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert!(
            !expected.is_empty() && paged == expected,
            "{sort:?} {filter:?}"
        );
    }
}

/// For backends that delete.
pub fn selected_records_are_deleted_and_no_others(engine: &dyn Engine) {
    for piece in 0..4 {
        filled(engine, (piece * 15..piece * 15 + 15).map(record));
    }
    let left = |engine| -> Vec<String> {
        let records = read_all(engine, &[]).into_iter();
        records.map(|record| record.interaction_id).collect()
    };
    let named = Selection::Ids(
        ids([3, 17])
            .into_iter()
            .chain(["none".to_owned()])
            .collect(),
    );
    assert_eq!(engine.delete(&named).unwrap(), 2);
    let expected = |n: &u32| ![3, 17].contains(n);
    assert_eq!(left(engine), ids((0..60).filter(expected)));
    let matching = |pairs| Selection::Matching(Box::new(query(pairs)));
    let errors = matching(&[("status", "error"), ("q", "number 2")]);
    assert_eq!(engine.delete(&errors).unwrap(), 1);
    let expected = |n: &u32| ![3, 17, 29].contains(n);
    assert_eq!(left(engine), ids((0..60).filter(expected)));
    assert_eq!(engine.delete(&errors).unwrap(), 0);
    filled(engine, [record(3)]);
    assert_eq!(newest(engine, &[("prompt_search", "number 3?")]), ids([3]));
    let end = record(59).timestamp.to_string();
    assert_eq!(engine.delete(&matching(&[("end_time", &end)])).unwrap(), 58);
    assert!(left(engine).is_empty());
    filled(engine, [record(4)]);
    assert_eq!(left(engine), ids([4]));
}
