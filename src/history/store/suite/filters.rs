//! Filters and summaries are the same on every backend.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::history::record::RecordSummary;

pub fn each_filter_finds_what_it_says_and_all_together_too(engine: &dyn Engine) {
    filled(engine, (0..60).map(record));
    let start = format!("{}", record(30).timestamp);
    assert_eq!(
        newest(engine, &[("start_time", &start)]),
        ids((30..60).rev())
    );
    assert_eq!(newest(engine, &[("end_time", &start)]), ids((0..31).rev()));
    assert_eq!(
        newest(engine, &[("model", "phi4")]),
        ids((0..60).rev().filter(|n| n % 2 == 1))
    );
    assert_eq!(
        newest(engine, &[("prompt_category", "other")]),
        ids((0..60).rev().filter(|n| n % 2 == 1))
    );
    assert_eq!(
        newest(engine, &[("endpoint", "api/generate")]),
        ids((0..60).rev().filter(|n| n % 3 == 1))
    );
    assert_eq!(
        newest(engine, &[("status", "error")]),
        ids((0..60).rev().filter(|n| n % 10 == 9))
    );
    assert_eq!(
        newest(engine, &[("prompt_search", "NUMBER 59?")]),
        ids([59])
    );
    assert_eq!(
        newest(engine, &[("host", "other")]),
        ids((0..60).rev().filter(|n| n % 4 >= 2))
    );
    assert_eq!(
        newest(engine, &[("tap", "8000"), ("host", "box")]),
        ids((0..60).rev().filter(|n| n % 4 == 1))
    );
    let several = [
        ("start_time", start.as_str()),
        ("status", "error"),
        ("prompt_search", "sky"),
        ("model", "phi4"),
    ];
    assert_eq!(newest(engine, &several), ids([59, 49, 39]));
    assert_eq!(read_all(engine, &several).len(), 3);
}

pub fn a_client_is_found_by_its_name_and_its_address(engine: &dyn Engine) {
    let of = |n: u32| Record {
        client: [None, Some("curl"), Some("Ann \"A\" Ä"), Some("Curl")][n as usize % 4]
            .map(str::to_owned),
        metadata: match n % 3 {
            0 => json!("no object"),
            1 => json!({"client_ip": "192.0.2.7", "user_agent": "curl/8.5"}),
            _ => json!({"client_ip": "::1"}),
        },
        ..record(n)
    };
    filled(engine, (0..24).map(of));
    for (client, is_of) in [
        ("curl", (|n| n % 4 == 1) as fn(u32) -> bool),
        ("unknown", |n| n % 4 == 0),
        ("Ann \"A\" Ä", |n| n % 4 == 2),
        ("curl@192.0.2.7", |n| n % 4 == 1 && n % 3 == 1),
        ("@::1", |n| n % 3 == 2),
        ("unknown@::1", |n| n % 12 == 8),
        ("cur", |_| false),
    ] {
        let expected = ids((0..24).rev().filter(|n| is_of(*n)));
        let alone = [("client", client)];
        assert_eq!(newest(engine, &alone), expected, "{client}");
        assert_eq!(read_all(engine, &alone).len(), expected.len(), "{client}");
    }
}

pub fn a_conversation_is_found_by_its_id(engine: &dyn Engine) {
    let odd = "Été \"7\"";
    let said = |n| Record {
        session_id: match n % 4 {
            0 => None,
            1 => Some(odd.to_owned()),
            _ => record(n).session_id,
        },
        ..record(n)
    };
    filled(engine, (0..24).map(said));
    for (session, is_of) in [
        ("chat 1", (|n| n % 4 > 1 && n % 3 == 1) as fn(u32) -> bool),
        ("CHAT 1", |_| false),
        (odd, |n| n % 4 == 1),
    ] {
        let expected = ids((0..24).rev().filter(|n| is_of(*n)));
        let alone = [("session", session)];
        assert_eq!(newest(engine, &alone), expected, "{session}");
        let with_text = [("session", session), ("prompt_search", "sky")];
        assert_eq!(newest(engine, &with_text), expected, "{session}");
        assert_eq!(read_all(engine, &alone).len(), expected.len(), "{session}");
    }
}

pub fn a_finding_is_found_by_its_kind_and_its_certainty(engine: &dyn Engine) {
    let cut = |certainty| Finding::new(Kind::ContextCut, certainty, "middle");
    let findings = |n: u32| match n % 4 {
        1 => vec![cut(Certainty::Sure)],
        2 => vec![
            cut(Certainty::Likely),
            Finding::new(Kind::Waited, Certainty::Sure, "queue"),
        ],
        _ => Vec::new(),
    };
    let with_findings = |n| Record {
        findings: findings(n),
        ..record(n)
    };
    filled(engine, (0..40).map(with_findings));
    for (filter, rests) in [
        ("any", &[1, 2][..]),
        ("any:sure", &[1, 2]),
        ("context_cut", &[1, 2]),
        ("context_cut:sure", &[1]),
        ("waited", &[2]),
        ("bad_reply", &[]),
    ] {
        let expected = ids((0..40).rev().filter(|n| rests.contains(&(n % 4))));
        let alone = [("finding", filter)];
        assert_eq!(newest(engine, &alone), expected, "{filter}");
        assert_eq!(
            newest(engine, &[("finding", filter), ("prompt_search", "sky")]),
            expected,
            "{filter} with a text"
        );
        let brief = engine.newest(&query(&alone), Detail::Brief).unwrap();
        assert_eq!(brief.len(), expected.len(), "{filter} in a list");
        let all = read_all(engine, &alone);
        assert!(
            all.iter()
                .rev()
                .map(|record| &record.interaction_id)
                .eq(&expected),
            "{filter} in an export"
        );
    }
    assert_eq!(
        newest(engine, &[("finding", "any"), ("limit", "1")]),
        ids([38])
    );
}

pub fn a_model_is_found_by_any_spelling_whichever_is_stored(engine: &dyn Engine) {
    let spellings = [
        "talk",
        "TALK:latest",
        "library/Talk",
        "registry.ollama.ai/library/talk",
        " talk ",
        "smalltalk",
        "talk:7b",
        "hf.co/library/talk",
    ];
    let spelled = |(n, name): (u32, &&str)| Record {
        model: Some((*name).to_owned()),
        ..record(n)
    };
    filled(engine, (0..).zip(&spellings).map(spelled));
    filled(
        engine,
        [
            Record {
                model: None,
                ..record(8)
            },
            Record {
                model: Some("Unknown".to_owned()),
                ..record(9)
            },
        ],
    );
    for wanted in &spellings[..5] {
        assert_eq!(
            newest(engine, &[("model", wanted)]),
            ids((0..5).rev()),
            "{wanted}"
        );
        assert_eq!(
            read_all(
                engine,
                &[
                    ("model", wanted),
                    ("end_time", &record(2).timestamp.to_string())
                ]
            )
            .len(),
            3,
            "{wanted}"
        );
        let mut summary = Vec::new();
        engine
            .for_each_summary(&query(&[("model", wanted)]), &mut |seen| {
                summary.push(seen.model.as_deref().map(str::to_owned))
            })
            .unwrap();
        assert_eq!(summary, vec![Some("talk".to_owned()); 5], "{wanted}");
    }
    assert_eq!(newest(engine, &[("model", "Talk:7B")]), ids([6]));
    assert_eq!(
        newest(engine, &[("model", "HF.co/library/Talk:latest")]),
        ids([7])
    );
    assert_eq!(newest(engine, &[("model", "unknown")]), ids([9, 8]));
    assert!(
        newest(engine, &[("model", "tal")]).is_empty()
            && newest(engine, &[("model", "%")]).is_empty()
    );
}

pub fn any_text_is_kept_and_found_again(engine: &dyn Engine) {
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
    filled(engine, records.clone());
    for record in &records {
        let text = record.prompt_full.as_deref().unwrap();
        assert_eq!(
            engine.get(&record.interaction_id).unwrap().as_ref(),
            Some(record),
            "{text}"
        );
        for wanted in [
            text,
            &text.to_uppercase(),
            &text.chars().skip(2).take(5).collect::<String>(),
        ] {
            let found = newest(engine, &[("prompt_search", wanted)]);
            let means_it = query(&[("prompt_search", wanted)]).matches(record);
            assert_eq!(
                found.contains(&record.interaction_id),
                means_it,
                "{wanted:?} in {text:?}"
            );
        }
        assert!(
            newest(engine, &[("prompt_search", text)]).contains(&record.interaction_id),
            "{text}"
        );
        assert_eq!(
            newest(engine, &[("model", text)]),
            [record.interaction_id.as_str()],
            "{text}"
        );
    }
    for short in ["é", "%", "_", "\0", "\"", "\\", "青"] {
        let found = newest(engine, &[("prompt_search", short)]);
        let expected = records.iter().rev().filter(|record| {
            record
                .prompt_full
                .as_ref()
                .unwrap()
                .to_lowercase()
                .contains(short)
        });
        assert_eq!(
            found,
            expected
                .map(|record| record.interaction_id.clone())
                .collect::<Vec<_>>(),
            "{short:?}"
        );
    }
}

pub fn summaries_are_those_of_the_records(engine: &dyn Engine) {
    filled(engine, (0..40).map(record));
    let mut by_model: BTreeMap<String, (u64, u64, f64)> = BTreeMap::new();
    let wanted = query(&[
        ("start_time", &record(10).timestamp.to_string()),
        ("prompt_category", "question"),
    ]);
    let visit = &mut |summary: &RecordSummary| {
        let sum = by_model
            .entry(summary.model.as_deref().unwrap_or_default().to_owned())
            .or_default();
        sum.0 += 1;
        sum.1 += summary.prompt_tokens.unwrap();
        assert_eq!(
            summary.prompt_cached_tokens,
            summary.prompt_tokens.map(|tokens| tokens - 1)
        );
        sum.2 += summary.duration_seconds.unwrap();
        assert_eq!(summary.time_to_first_token_seconds, Some(0.25));
        assert_eq!(
            [&summary.client, &summary.client_ip].map(|text| text.as_deref()),
            [Some("curl"), Some("127.0.0.1")]
        );
        let id = format!("{:016x}", summary.prompt_tokens.unwrap() - 1);
        let spent = summary.seconds_spent();
        assert_eq!((spent.queue, spent.prompt), (0.5, 0.02));
        assert_eq!(
            (summary.cold_start(), summary.load_duration_seconds),
            (Some("options"), Some(0.000_000_001))
        );
        assert_eq!((&*summary.interaction_id, &summary.error), (&*id, &None));
        assert_eq!(summary.vram_share, Some(0.625));
        let version = [
            &summary.ollama_version,
            &summary.digest,
            &summary.quantization,
        ];
        assert_eq!(
            version.map(|text| text.as_deref()),
            [Some("0.33.3"), Some("000000000000"), Some("Q4_K_M")]
        );
    };
    engine.for_each_summary(&wanted, visit).unwrap();
    let expected: Vec<u32> = (10..40).filter(|n| n % 2 == 0).collect();
    let (count, tokens, _) = by_model["llama3.2"];
    assert_eq!(
        (by_model.len(), count, tokens),
        (
            1,
            expected.len() as u64,
            expected.iter().map(|n| u64::from(n + 1)).sum()
        )
    );
}
