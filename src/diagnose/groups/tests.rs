//! Findings of many requests as few sentences.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn finding(kind: Kind, cause: &str, fields: &Value) -> Finding {
    let mut finding = Finding::new(kind, Certainty::Sure, cause)
        .sentence("said")
        .way_out("do");
    finding.fields = fields.as_object().cloned().unwrap_or_default();
    finding
}

/// A request with one finding, at this second.
fn add(groups: &mut Groups, second: usize, client: &str, finding: Finding) {
    groups.add(&Told {
        id: &second.to_string(),
        timestamp: second as f64,
        model: Some("qwen3:30b"),
        client: Some(client),
        findings: &[finding],
    });
}

fn one(groups: Groups) -> FindingGroup {
    let mut groups = groups.finish();
    assert_eq!(groups.len(), 1, "{groups:?}");
    groups.remove(0)
}

#[test]
fn clients_that_take_turns_are_one_sentence_with_its_cost() {
    let mut groups = Groups::default();
    for second in 0..14 {
        let (own, other) = if second % 2 == 0 {
            ("curl", "Open WebUI")
        } else {
            ("Open WebUI", "curl")
        };
        let (from, to) = if second % 2 == 0 {
            (8192, 4096)
        } else {
            (4096, 8192)
        };
        let fields = json!({
            "changed": [{"option": "num_ctx", "from": from, "to": to}],
            "other_client": other,
            "seconds_lost": 38.6,
        });
        add(
            &mut groups,
            second,
            own,
            finding(Kind::ModelReload, "options", &fields),
        );
    }
    let group = one(groups);
    assert_eq!(
        group.sentence,
        "Open WebUI and curl take turns on qwen3:30b with num_ctx 4096 and 8192: 14 reloads, \
         9 min lost"
    );
    assert_eq!(group.key, "model_reload.options.sure.qwen3:30b");
    assert_eq!((group.requests, group.first, group.last), (14, 0.0, 13.0));
    assert_eq!(group.examples, ["13", "12", "11", "10", "9"]);
}

#[test]
fn each_kind_has_its_sentence() {
    for (kind, cause, fields, sentence) in [
        (
            Kind::ModelReload,
            "room",
            json!({"other_model": "phi4", "other_client": "indexer", "seconds_lost": 12.0}),
            "qwen3:30b and phi4 push each other out (asked for by curl and indexer): 1 reload, \
             12 s lost",
        ),
        (
            Kind::ModelReload,
            "name",
            json!({"other_model": "mine"}),
            "qwen3:30b and mine are one file and push each other out (asked for by curl): 1 reload",
        ),
        (
            Kind::ModelReload,
            "unloaded",
            json!({"other_client": "cron"}),
            "cron unloads qwen3:30b, and curl loads it again: 1 reload",
        ),
        (
            Kind::ModelReload,
            "options",
            json!({"changed": [{"option": "num_batch", "from": null, "to": 128}]}),
            "curl asks for qwen3:30b with num_batch 128 and none by turns: 1 reload",
        ),
        (
            Kind::Waited,
            "ollama",
            json!({
                "waited_for": [
                    {"client": "indexer", "model": "m", "seconds": 240.0},
                    {"client": null, "model": "m", "seconds": 20.0},
                ],
                "seconds_lost": 360.0,
            }),
            "1 request of curl waited 6 min for qwen3:30b, 4 min of it behind indexer",
        ),
        (
            Kind::CacheBroken,
            "changed",
            json!({"difference": "the order of the tools changed", "seconds_lost": 30.0}),
            "1 prompt of curl was read anew by qwen3:30b, 30 s lost: the last time the order of \
             the tools changed",
        ),
        (Kind::ContextCut, "middle", json!({}), "said"),
    ] {
        let mut groups = Groups::default();
        add(&mut groups, 1, "curl", finding(kind, cause, &fields));
        assert_eq!(one(groups).sentence, sentence);
    }
}

#[test]
fn what_went_wrong_comes_first_and_then_what_cost_most() {
    let mut groups = Groups::default();
    let lost = |seconds: f64| json!({"seconds_lost": seconds});
    add(
        &mut groups,
        1,
        "curl",
        finding(Kind::Waited, "ollama", &lost(900.0)),
    );
    add(
        &mut groups,
        2,
        "curl",
        finding(Kind::ModelReload, "room", &lost(1000.0)),
    );
    add(
        &mut groups,
        3,
        "curl",
        finding(Kind::BadReply, "repetition", &Value::Null),
    );
    for second in 4..6 {
        add(
            &mut groups,
            second,
            "curl",
            finding(Kind::ContextCut, "end", &Value::Null),
        );
    }
    let order: Vec<Kind> = groups
        .finish()
        .into_iter()
        .map(|group| group.kind)
        .collect();
    let expected = [
        Kind::ContextCut,
        Kind::BadReply,
        Kind::ModelReload,
        Kind::Waited,
    ];
    assert_eq!(order, expected);
}

#[test]
fn what_is_gathered_is_bounded() {
    let mut groups = Groups::default();
    for number in 0..2 * GROUPS_MAX {
        let cause = format!("cause{number}");
        add(
            &mut groups,
            number,
            &cause,
            finding(Kind::Waited, &cause, &Value::Null),
        );
        let fields = json!({"changed": [{"option": cause, "from": number, "to": "x"}]});
        add(
            &mut groups,
            number,
            &cause,
            finding(Kind::Waited, "cause0", &fields),
        );
    }
    assert!(groups.left_out > 0);
    let groups = groups.finish();
    assert_eq!(groups.len(), GROUPS_MAX);
    assert!(
        groups
            .iter()
            .all(|group| group.clients.len() <= CLIENTS_MAX)
    );
}

proptest! {
    #[test]
    fn the_order_of_the_requests_does_not_matter(
        mut requests in prop::collection::vec((0usize..4, 0u8..3, 0u32..1000), 1..30),
        turn in 0usize..30,
    ) {
        let gather = |requests: &[(usize, u8, u32)]| {
            let mut groups = Groups::default();
            for (kind, client, second) in requests {
                let fields = json!({"seconds_lost": 1, "other_client": "x"});
                let finding = finding(Kind::ALL[*kind], "options", &fields);
                add(&mut groups, *second as usize, &client.to_string(), finding);
            }
            let strip = |mut group: FindingGroup| {
                group.clients.sort();
                group
            };
            groups.finish().into_iter().map(strip).collect::<Vec<_>>()
        };
        requests.sort_by_key(|(_, _, second)| *second);
        requests.dedup_by_key(|(_, _, second)| *second);
        let sorted = gather(&requests);
        let turn = turn % requests.len();
        requests.rotate_left(turn);
        prop_assert_eq!(sorted, gather(&requests));
    }
}
