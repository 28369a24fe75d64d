//! The tests that every backend must pass, with the same answers. A backend's own tests say `suite!(fresh)`, where `fresh` is a
//! function that makes a new, empty one; what it returns beside the keeper lives as long as the test does.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::observe::exchange::ToolCall;
use crate::record::Facts;

/// A moment in the middle of a day, everywhere, for records that must not cross midnight (Unix seconds).
pub const NOON: f64 = 1_795_262_400.0;

/// A record with every field set, which arrived `n` seconds after `NOON`.
pub fn record(n: u32) -> Record {
    Record {
        interaction_id: format!("{n:016x}"),
        timestamp: NOON + f64::from(n) + 0.123456,
        model: Some(["llama3.2:latest", "phi4"][n as usize % 2].to_owned()),
        endpoint: ["api/chat", "api/generate", "v1/messages"][n as usize % 3].to_owned(),
        prompt_category: ["question", "other"][n as usize % 2].to_owned(),
        prompt_full: Some(format!("Why is the sky blue, number {n}?")),
        prompt_preview: Some(format!("Why is the sky blue, number {n}?")),
        prompt_tokens: Some(u64::from(n) + 1),
        generated_tokens: Some(33),
        tokens_per_second: Some(41.7),
        duration_seconds: Some(f64::from(n) / 10.0),
        eval_duration_seconds: Some(0.1),
        load_duration_seconds: Some(0.000_000_001),
        status: if n % 10 == 9 { "error" } else { "success" }.to_owned(),
        error: (n % 10 == 9).then(|| "ollama broke: connection reset".to_owned()),
        metadata: json!({"client_ip": "127.0.0.1", "user_agent": "curl/8.5", "queue_wait_seconds": 0.001}),
        response_full: Some("Because of Rayleigh scattering.".to_owned()),
        response_preview: Some("Because of Rayleigh scattering.".to_owned()),
        thinking_full: Some("Hmm.".to_owned()),
        tool_calls: Some(vec![ToolCall { name: "get_weather".to_owned(), arguments: r#"{"city":"Paris"}"#.to_owned() }]),
        prompt_eval_duration_seconds: Some(0.02),
        total_duration_seconds: Some(1.5),
        time_to_first_token_seconds: Some(0.25),
        http_status: Some(200),
        stream: Some(true),
        done_reason: Some("stop".to_owned()),
        tokens_estimated: Some(false),
        request_bytes: Some(321),
        response_bytes: Some(4321),
        truncated: Some(false),
        prompt_cached_tokens: Some(u64::from(n)),
        host: Some(["box", "other"][n as usize % 4 / 2].to_owned()),
        tap: Some([11434, 8000][n as usize % 2]),
    }
}

pub fn filled(keeper: &dyn Keeper, records: impl IntoIterator<Item = Record>) {
    let mut batch: Vec<Record> = records.into_iter().collect();
    assert_eq!(keeper.write(&mut batch).unwrap(), 0);
    assert!(batch.is_empty());
}

pub fn query(pairs: &[(&str, &str)]) -> Query {
    Query::parse(pairs.iter().copied()).unwrap()
}

pub fn newest(keeper: &dyn Keeper, pairs: &[(&str, &str)]) -> Vec<String> {
    keeper.newest(&query(pairs), Detail::Whole).unwrap().into_iter().map(|record| record.interaction_id).collect()
}

pub fn each(keeper: &dyn Keeper, pairs: &[(&str, &str)]) -> Vec<Record> {
    let mut records = Vec::new();
    let visit = &mut |record| {
        records.push(record);
        Flow::GoOn
    };
    keeper.each(&query(pairs), visit).unwrap();
    records
}

fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("{n:016x}")).collect()
}

pub fn an_empty_one_answers_with_nothing(keeper: &dyn Keeper) {
    assert!(newest(keeper, &[]).is_empty() && each(keeper, &[]).is_empty());
    assert_eq!(keeper.get("0000000000000001").unwrap(), None);
    let extent = keeper.extent(f64::INFINITY).unwrap();
    assert_eq!((extent.records, extent.oldest, extent.newest), (0, None, None));
}

pub fn what_was_written_is_read_back_unchanged(keeper: &dyn Keeper) {
    let unknown = Record {
        interaction_id: "00000000000000ff".to_owned(),
        timestamp: NOON,
        endpoint: "api/chat".to_owned(),
        prompt_category: "empty".to_owned(),
        status: "cancelled".to_owned(),
        ..Record::default()
    };
    filled(keeper, [record(1), unknown.clone()]);
    assert_eq!(keeper.get("0000000000000001").unwrap(), Some(record(1)));
    assert_eq!(keeper.get("00000000000000ff").unwrap(), Some(unknown.clone()));
    assert_eq!(keeper.get("00").unwrap(), None);
    assert_eq!(each(keeper, &[]), [unknown, record(1)]);
}

pub fn the_newest_come_first_and_pages_follow_without_gaps(keeper: &dyn Keeper) {
    // Written out of order, as long requests are; two share a moment.
    let twin = Record { timestamp: record(5).timestamp, ..record(250) };
    let mut records: Vec<Record> = (0..250).map(record).collect();
    records.push(twin);
    records.rotate_left(77);
    for chunk in records.chunks(60) {
        filled(keeper, chunk.to_vec());
    }
    let mut expected: Vec<u32> = (0..250).rev().collect();
    expected.insert(244, 250); // the twin of 5 has the larger id
    let expected = ids(expected);
    assert_eq!(newest(keeper, &[]), expected[..100]);
    assert_eq!(newest(keeper, &[("limit", "3")]), expected[..3]);
    let mut paged: Vec<String> = Vec::new();
    loop {
        let before = paged.last().cloned().unwrap_or_default();
        let page = newest(keeper, &[("limit", "17"), ("before", &before)]);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, expected);
    let oldest_first: Vec<String> = each(keeper, &[]).into_iter().map(|record| record.interaction_id).collect();
    assert_eq!(oldest_first, expected.into_iter().rev().collect::<Vec<_>>());
}

pub fn each_filter_finds_what_it_says_and_all_together_too(keeper: &dyn Keeper) {
    filled(keeper, (0..60).map(record));
    let start = format!("{}", record(30).timestamp);
    assert_eq!(newest(keeper, &[("start_time", &start)]), ids((30..60).rev()));
    assert_eq!(newest(keeper, &[("end_time", &start)]), ids((0..31).rev()));
    assert_eq!(newest(keeper, &[("model", "phi4")]), ids((0..60).rev().filter(|n| n % 2 == 1)));
    assert_eq!(newest(keeper, &[("prompt_category", "other")]), ids((0..60).rev().filter(|n| n % 2 == 1)));
    assert_eq!(newest(keeper, &[("endpoint", "api/generate")]), ids((0..60).rev().filter(|n| n % 3 == 1)));
    assert_eq!(newest(keeper, &[("status", "error")]), ids((0..60).rev().filter(|n| n % 10 == 9)));
    assert_eq!(newest(keeper, &[("prompt_search", "NUMBER 59?")]), ids([59]));
    assert_eq!(newest(keeper, &[("host", "other")]), ids((0..60).rev().filter(|n| n % 4 >= 2)));
    assert_eq!(newest(keeper, &[("tap", "8000"), ("host", "box")]), ids((0..60).rev().filter(|n| n % 4 == 1)));
    let several = [("start_time", start.as_str()), ("status", "error"), ("prompt_search", "sky"), ("model", "phi4")];
    assert_eq!(newest(keeper, &several), ids([59, 49, 39]));
    assert_eq!(each(keeper, &several).len(), 3);
}

pub fn a_model_is_found_by_any_spelling_whichever_is_stored(keeper: &dyn Keeper) {
    let spellings =
        ["talk", "TALK:latest", "library/Talk", "registry.ollama.ai/library/talk", " talk ", "smalltalk", "talk:7b", "hf.co/library/talk"];
    let spelled = |(n, name): (u32, &&str)| Record { model: Some((*name).to_owned()), ..record(n) };
    filled(keeper, (0..).zip(&spellings).map(spelled));
    filled(keeper, [Record { model: None, ..record(8) }, Record { model: Some("Unknown".to_owned()), ..record(9) }]);
    for wanted in &spellings[..5] {
        assert_eq!(newest(keeper, &[("model", wanted)]), ids((0..5).rev()), "{wanted}");
        assert_eq!(each(keeper, &[("model", wanted), ("end_time", &record(2).timestamp.to_string())]).len(), 3, "{wanted}");
        let mut facts = Vec::new();
        keeper.each_facts(&query(&[("model", wanted)]), &mut |seen| facts.push(seen.model.as_deref().map(str::to_owned))).unwrap();
        assert_eq!(facts, vec![Some("talk".to_owned()); 5], "{wanted}");
    }
    assert_eq!(newest(keeper, &[("model", "Talk:7B")]), ids([6]));
    assert_eq!(newest(keeper, &[("model", "HF.co/library/Talk:latest")]), ids([7]));
    assert_eq!(newest(keeper, &[("model", "unknown")]), ids([9, 8]));
    assert!(newest(keeper, &[("model", "tal")]).is_empty() && newest(keeper, &[("model", "%")]).is_empty());
}

pub fn any_text_is_kept_and_found_again(keeper: &dyn Keeper) {
    let texts = [
        "空は青い 🙂 é",
        "شروع من اليمين",
        "quote \" apostrophe ' back \\ tick ` <&>",
        "line\nbreak\ttab\rreturn",
        "a nul \0 in the middle",
        "replaced \u{fffd} surrogate",
        "100% _under_ [set] {a,b} .* (x|y) $1 ^",
        "-- drop'; DELETE FROM interactions; --",
        "AND OR NOT NEAR(\"x\") col:val*",
        "İstanbul ẞ ß Σ ς ǅ",
    ];
    let records = texts.iter().zip(0..).map(|(text, n)| Record {
        prompt_full: Some((*text).to_owned()),
        model: Some((*text).to_owned()),
        metadata: json!({"client_ip": null, "user_agent": text}),
        response_full: Some((*text).to_owned()),
        ..record(n)
    });
    let records: Vec<Record> = records.collect();
    filled(keeper, records.clone());
    for record in &records {
        let text = record.prompt_full.as_deref().unwrap();
        assert_eq!(keeper.get(&record.interaction_id).unwrap().as_ref(), Some(record), "{text}");
        for wanted in [text, &text.to_uppercase(), &text.chars().skip(2).take(5).collect::<String>()] {
            let found = newest(keeper, &[("prompt_search", wanted)]);
            let means_it = query(&[("prompt_search", wanted)]).matches(record);
            assert_eq!(found.contains(&record.interaction_id), means_it, "{wanted:?} in {text:?}");
        }
        assert!(newest(keeper, &[("prompt_search", text)]).contains(&record.interaction_id), "{text}");
        assert_eq!(newest(keeper, &[("model", text)]), [record.interaction_id.as_str()], "{text}");
    }
    for short in ["é", "%", "_", "\0", "\"", "\\", "青"] {
        let found = newest(keeper, &[("prompt_search", short)]);
        let expected = records.iter().rev().filter(|record| record.prompt_full.as_ref().unwrap().to_lowercase().contains(short));
        assert_eq!(found, expected.map(|record| record.interaction_id.clone()).collect::<Vec<_>>(), "{short:?}");
    }
}

pub fn facts_are_those_of_the_records(keeper: &dyn Keeper) {
    filled(keeper, (0..40).map(record));
    let mut by_model: BTreeMap<String, (u64, u64, f64)> = BTreeMap::new();
    let wanted = query(&[("start_time", &record(10).timestamp.to_string()), ("prompt_category", "question")]);
    let visit = &mut |facts: &Facts| {
        let sum = by_model.entry(facts.model.as_deref().unwrap_or_default().to_owned()).or_default();
        sum.0 += 1;
        sum.1 += facts.prompt_tokens.unwrap();
        assert_eq!(facts.prompt_cached_tokens, facts.prompt_tokens.map(|tokens| tokens - 1));
        sum.2 += facts.duration_seconds.unwrap();
        assert_eq!(facts.time_to_first_token_seconds, Some(0.25));
        assert_eq!(facts.client.as_deref(), Some("curl/8.5"));
    };
    keeper.each_facts(&wanted, visit).unwrap();
    let expected: Vec<u32> = (10..40).filter(|n| n % 2 == 0).collect();
    let (count, tokens, _) = by_model["llama3.2"];
    assert_eq!((by_model.len(), count, tokens), (1, expected.len() as u64, expected.iter().map(|n| u64::from(n + 1)).sum()));
}

pub fn a_reader_that_has_enough_stops_the_reading(keeper: &dyn Keeper) {
    filled(keeper, (0..50).map(record));
    let mut seen = 0;
    let visit = &mut |_| {
        seen += 1;
        if seen == 7 { Flow::Stop } else { Flow::GoOn }
    };
    keeper.each(&Query::default(), visit).unwrap();
    assert_eq!(seen, 7);
}

pub fn long_records_come_whole_and_in_order_and_lists_leave_their_texts_out(keeper: &dyn Keeper) {
    // Together far more than is held at a time, and each less than Loki takes.
    let long = |n: u32| Record { response_full: Some(format!("{n} ").repeat(50_000)), prompt_preview: None, ..record(n) };
    let mixed = |n: u32| if n.is_multiple_of(3) { record(n) } else { long(n) };
    for n in 0..12 {
        filled(keeper, (n * 10..n * 10 + 10).map(mixed));
    }
    let newest = |detail| keeper.newest(&query(&[("end_time", &record(110).timestamp.to_string())]), detail).unwrap();
    let expected: Vec<Record> = (11..111).rev().map(mixed).collect();
    assert!(newest(Detail::Whole) == expected);
    assert_eq!(newest(Detail::Brief), expected.into_iter().map(Record::without_long_text).collect::<Vec<_>>());
    let mut seen = 0;
    let stop_early = &mut |_| {
        seen += 1;
        if seen == 95 { Flow::Stop } else { Flow::GoOn }
    };
    keeper.each_newest(&Query::default(), Detail::Whole, stop_early).unwrap();
    assert_eq!(seen, 95);
}

pub fn an_unknown_record_to_begin_before_is_named(keeper: &dyn Keeper) {
    filled(keeper, [record(1)]);
    match keeper.newest(&query(&[("before", "ffffffffffffffff")]), Detail::Whole) {
        Err(StoreError::Bad(bad)) => assert!(bad.to_string().contains("ffffffffffffffff"), "{bad}"),
        other => panic!("{other:?}"),
    }
}

pub fn the_extent_counts_what_is_there(keeper: &dyn Keeper) {
    filled(keeper, (0..30).map(record));
    let extent = keeper.extent(f64::INFINITY).unwrap();
    assert_eq!((extent.records, extent.oldest, extent.newest), (30, Some(record(0).timestamp), Some(record(29).timestamp)));
    assert_eq!(extent.latest, extent.newest);
    assert!(extent.bytes.is_none_or(|bytes| bytes > 0));
}

/// Of backends whose records grow old here.
pub fn what_lies_in_the_future_is_not_the_newest_and_goes_when_it_may(keeper: &dyn Keeper) {
    const YEAR: f64 = 31_536_000.0;
    let future = |n: u32| Record { timestamp: record(n).timestamp + YEAR, ..record(n) };
    filled(keeper, (0..10).map(record).chain((10..12).map(future)));
    let extent = keeper.extent(NOON + 86_400.0).unwrap();
    assert_eq!((extent.records, extent.newest, extent.latest), (12, Some(record(9).timestamp), Some(future(11).timestamp)));
    assert_eq!(newest(keeper, &[("end_time", &(NOON + 86_400.0).to_string()), ("limit", "1")]), ids([9]));
    let limits = |until| Limits { future: Some(Span { after: NOON + 86_400.0, until }), ..Limits::default() };
    assert_eq!(keeper.retain(&limits(NOON + YEAR)).unwrap(), 0);
    assert!(keeper.retain(&limits(future(11).timestamp)).unwrap() > 0);
    assert_eq!(keeper.extent(f64::INFINITY).unwrap().newest, Some(record(9).timestamp));
    assert_eq!(each(keeper, &[]).len(), 10);
}

pub fn writers_and_readers_do_not_disturb_each_other(keeper: &dyn Keeper) {
    std::thread::scope(|scope| {
        scope.spawn(|| (0..40).for_each(|n| filled(keeper, (n * 25..(n + 1) * 25).map(record))));
        for _ in 0..40 {
            let found = newest(keeper, &[("limit", "50")]);
            assert!(found.is_sorted_by(|a, b| a > b), "{found:?}");
            each(keeper, &[("model", "phi4")]);
        }
    });
    assert_eq!(each(keeper, &[]).len(), 1000);
}

/// The suite as tests of one backend.
macro_rules! suite {
    ($fresh:path: $($check:ident)*) => {
        $(#[test]
        fn $check() {
            let (keeper, _stage) = $fresh();
            $crate::store::suite::$check(&keeper);
        })*
    };
    ($fresh:path) => {
        $crate::store::suite::suite! {
            $fresh:
            an_empty_one_answers_with_nothing
            what_was_written_is_read_back_unchanged
            the_newest_come_first_and_pages_follow_without_gaps
            each_filter_finds_what_it_says_and_all_together_too
            a_model_is_found_by_any_spelling_whichever_is_stored
            any_text_is_kept_and_found_again
            facts_are_those_of_the_records
            a_reader_that_has_enough_stops_the_reading
            long_records_come_whole_and_in_order_and_lists_leave_their_texts_out
            an_unknown_record_to_begin_before_is_named
            the_extent_counts_what_is_there
            writers_and_readers_do_not_disturb_each_other
        }
    };
}
pub(crate) use suite;
