//! Pushing: what is sent, what is tried again, what is given up.

use super::*;
use crate::history::store::suite::record;

pub fn of_the_tap(record: Record) -> Record {
    Record {
        host: Some("box".to_owned()),
        tap: Some(11434),
        ..record
    }
}

pub fn of_one_tap(numbers: std::ops::Range<u32>) -> Vec<Record> {
    numbers.map(record).map(of_the_tap).collect()
}

#[test]
fn a_push_says_who_sends_it() {
    for (auth, tenant, expected) in [
        (LokiAuth::None, None, None),
        (
            LokiAuth::Bearer("t0ken".to_owned()),
            Some("team-7"),
            Some("Bearer t0ken"),
        ),
        (
            LokiAuth::Basic {
                user: "me".to_owned(),
                password: "pa:ß".to_owned(),
            },
            None,
            Some("Basic bWU6cGE6w58="),
        ),
    ] {
        let fake = FakeLoki::start();
        let loki = at(&fake, auth, tenant);
        suite::filled(&loki, [record(1)]);
        assert_eq!(
            loki.get(&record(1).interaction_id).unwrap(),
            Some(record(1))
        );
        for seen in fake.state().seen.iter() {
            let header = |name: &str| seen.headers.get(name).map(String::as_str);
            assert_eq!(
                (header("authorization"), header("x-scope-orgid")),
                (expected, tenant)
            );
            assert!(header("user-agent").unwrap().starts_with("ollama-tap/"));
        }
        let push = &fake.pushes()[0];
        assert_eq!(
            (
                push.headers["content-type"].as_str(),
                push.headers["content-encoding"].as_str()
            ),
            ("application/json", "gzip")
        );
    }
}

#[test]
fn a_record_is_two_entries_of_streams_that_only_machines_multiply() {
    let (loki, fake) = fresh();
    let hostile = |n: u32| Record {
        model: Some(format!("m{n}")),
        endpoint: format!("e{n}"),
        host: Some("box".to_owned()),
        tap: Some(1),
        ..record(n)
    };
    suite::filled(&loki, (0..300).map(hostile));
    let labels = fake.labels();
    let names = labels
        .iter()
        .map(|labels| labels.keys().map(String::as_str).collect::<Vec<_>>());
    assert!(
        names.eq(vec![["host", "job", "part", "service_name", "tap"]; 2]),
        "service_name is Loki's own: {labels:?}"
    );
    assert_eq!(
        [
            &labels[0]["part"],
            &labels[1]["part"],
            &labels[0]["host"],
            &labels[0]["tap"]
        ],
        ["facts", "text", "box", "1"]
    );
    assert_eq!(fake.lines().len(), 600);
    let state = fake.state();
    let beside = |part: usize| {
        let labels = &labels[part];
        let beside = |(time, line): &(i64, String)| {
            state.metadata[&(labels.clone(), *time, line.clone())].clone()
        };
        state.streams[labels].iter().map(beside).collect::<Vec<_>>()
    };
    assert_eq!(
        beside(0),
        beside(1),
        "both have the same structured metadata"
    );
    assert!(beside(0).iter().zip(0..).all(
        |(beside, n)| beside["model"] == format!("m{n}") && beside["generated_tokens"] == "33"
    ));
}

#[test]
fn each_push_is_of_one_stream_and_texts_come_before_their_facts() {
    let (loki, fake) = fresh();
    suite::filled(&loki, records(0..40));
    let parts: Vec<(usize, String)> = fake
        .pushes()
        .iter()
        .map(|push| {
            let push: serde_json::Value = serde_json::from_slice(&push.body).unwrap();
            let streams = push["streams"].as_array().unwrap();
            (
                streams.len(),
                streams[0]["stream"]["part"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(parts.len(), 8, "four taps of two hosts");
    assert!(
        parts
            .chunks(2)
            .all(|pair| pair == [(1, "text".to_owned()), (1, "facts".to_owned())]),
        "{parts:?}"
    );
}

#[test]
fn a_base_path_and_tenants_of_a_gateway_are_kept() {
    let fake = FakeLoki::start();
    fake.state().tenants = true;
    let (url, _) = Upstream::parse(&format!("{}/some/where/", fake.url())).unwrap();
    let mut loki = Loki::reader(
        &LokiSettings {
            url,
            auth: LokiAuth::None,
            tenant: Some("a".to_owned()),
        },
        None,
    );
    loki.clock = || NOON;
    suite::filled(&loki, [record(1)]);
    assert_eq!(suite::newest(&loki, &[]).len(), 1);
    assert!(
        fake.state()
            .seen
            .iter()
            .all(|seen| seen.path.starts_with("/some/where/loki/api/v1/"))
    );
}

#[test]
fn what_may_work_later_stays_in_the_batch_and_is_stored_once() {
    for (status, message) in [
        (429, "ingestion rate limit exceeded"),
        (429, "maximum active stream limit exceeded"),
        (500, "boom"),
        (503, ""),
        (408, ""),
        (302, ""),
        (401, "no org id"),
        (403, ""),
        (404, "page not found"),
    ] {
        let (loki, fake) = fresh();
        fake.fail(1, status, message);
        let mut batch = of_one_tap(0..5);
        let said = failure(loki.write(&mut batch));
        assert!(
            said.starts_with(
                format!("push to loki at {}: {status} {message}", fake.url()).trim_end()
            ),
            "{said}"
        );
        assert!(
            !matches!(status, 401 | 403 | 404) || said.contains("check "),
            "{said}"
        );
        assert_eq!((batch.len(), fake.lines().len()), (5, 0));
        assert_eq!(
            (
                loki.write(&mut batch).unwrap(),
                batch.len(),
                fake.lines().len()
            ),
            (0, 0, 10)
        );
    }
}

#[test]
fn a_loki_that_was_away_gets_everything_when_it_is_back() {
    let (loki, fake) = fresh();
    suite::filled(&loki, records(0..3));
    fake.refuse();
    let mut batch = records(3..6);
    let said = failure(loki.write(&mut batch));
    assert!(
        said.starts_with(&format!("push to loki at {}: ", fake.url())),
        "{said}"
    );
    assert_eq!(batch.len(), 3);
    fake.listen_again();
    assert_eq!(loki.write(&mut batch).unwrap(), 0);
    assert_eq!(suite::read_all(&loki, &[]), records(0..6));
}

#[test]
fn a_push_whose_answer_was_lost_is_stored_once() {
    let (loki, fake) = fresh();
    fake.state().cuts = 1;
    let mut batch = of_one_tap(0..4);
    failure(loki.write(&mut batch));
    assert_eq!((batch.len(), fake.lines().len()), (4, 4), "their texts");
    assert!(
        suite::read_all(&loki, &[]).is_empty(),
        "a record is there once its facts are"
    );
    assert_eq!(loki.write(&mut batch).unwrap(), 0);
    assert_eq!(
        (fake.lines().len(), suite::read_all(&loki, &[])),
        (8, of_one_tap(0..4))
    );
}

#[test]
fn many_and_long_records_go_in_requests_that_loki_takes() {
    let (loki, fake) = fresh();
    let text = "\"空\n".repeat(50_000);
    let long = |n| Record {
        prompt_full: Some(text.clone()),
        ..record(n)
    };
    let mut all: Vec<Record> = (0..5).map(long).collect();
    all.extend(records(5..400));
    suite::filled(&loki, all);
    let pushes = fake.pushes();
    assert!(
        pushes.len() > 2 && pushes.iter().all(|push| push.body.len() <= push::BODY_MAX),
        "{}",
        pushes.len()
    );
    let stored = suite::read_all(&loki, &[]);
    assert_eq!((stored.len(), stored[5..].to_vec()), (400, records(5..400)));
    assert!(
        stored[..5].iter().all(|cut| cut.truncated == Some(true)
            && text.starts_with(cut.prompt_full.as_ref().unwrap()))
    );
}

#[test]
fn deleting_is_lokis_business() {
    let (loki, _fake) = fresh();
    let one = Selection::Ids(vec!["00ff".to_owned()]);
    for refused in [loki.purge(None), loki.purge(Some(NOON)), loki.delete(&one)] {
        assert!(failure(refused).contains("retention_period"));
    }
    assert_eq!(
        loki.retain(&Limits {
            oldest: Some(NOON),
            max_bytes: Some(1),
            future: None
        })
        .unwrap(),
        0
    );
    assert_eq!(
        (loki.catch_up().unwrap(), loki.name(), loki.location()),
        (false, "loki", _fake.url())
    );
}
