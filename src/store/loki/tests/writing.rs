//! Pushing: what is sent, what is tried again, what is given up.

use super::*;
use crate::store::suite::record;

fn failure(result: Result<u64>) -> String {
    match result {
        Err(StoreError::Failed(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_push_says_who_sends_it() {
    for (auth, tenant, expected) in [
        (LokiAuth::None, None, None),
        (LokiAuth::Bearer("t0ken".to_owned()), Some("team-7"), Some("Bearer t0ken")),
        (LokiAuth::Basic { user: "me".to_owned(), password: "pa:ß".to_owned() }, None, Some("Basic bWU6cGE6w58=")),
    ] {
        let fake = FakeLoki::start();
        let loki = at(&fake, auth, tenant);
        suite::filled(&loki, [record(1)]);
        assert_eq!(loki.get(&record(1).interaction_id).unwrap(), Some(record(1)));
        for seen in fake.state().seen.iter() {
            let header = |name: &str| seen.headers.get(name).map(String::as_str);
            assert_eq!((header("authorization"), header("x-scope-orgid")), (expected, tenant));
            assert!(header("user-agent").unwrap().starts_with("ollama-tap/"));
        }
        let push = &fake.pushes()[0];
        assert_eq!((push.headers["content-type"].as_str(), push.headers["content-encoding"].as_str()), ("application/json", "gzip"));
    }
}

#[test]
fn a_stream_has_the_labels_that_were_promised_and_no_others() {
    let (loki, fake) = fresh();
    suite::filled(&loki, [Record { model: None, ..record(1) }]);
    let labels = &fake.labels()[0];
    let expected = ["endpoint", "host", "job", "model", "prompt_category", "service_name", "status"];
    assert_eq!(labels.keys().collect::<Vec<_>>(), expected, "service_name is Loki's own");
    assert_eq!((labels["job"].as_str(), labels["model"].as_str(), labels["host"].as_str()), ("ollama-tap", "unknown", loki.host.as_str()));
}

#[test]
fn a_base_path_and_tenants_of_a_gateway_are_kept() {
    let fake = FakeLoki::start();
    fake.state().tenants = true;
    let (url, _) = Upstream::parse(&format!("{}/some/where/", fake.url())).unwrap();
    let mut loki = Loki::new(&LokiSettings { url, auth: LokiAuth::None, tenant: Some("a".to_owned()) }, None);
    loki.clock = || NOON;
    suite::filled(&loki, [record(1)]);
    assert_eq!(suite::newest(&loki, &[]).len(), 1);
    assert!(fake.state().seen.iter().all(|seen| seen.path.starts_with("/some/where/loki/api/v1/")));
}

#[test]
fn what_may_work_later_stays_in_the_batch_and_is_stored_once() {
    for (status, words) in [(429, "ingestion rate limit exceeded"), (500, "boom"), (503, ""), (408, ""), (302, "")] {
        let (loki, fake) = fresh();
        fake.fail(1, status, words);
        let mut batch = records(0..5);
        let said = failure(loki.write(&mut batch));
        assert_eq!(said, format!("push to loki at {}: {status} {words}", fake.url()).trim_end().to_owned());
        assert_eq!((batch.len(), fake.lines().len()), (5, 0));
        assert_eq!((loki.write(&mut batch).unwrap(), batch.len(), fake.lines().len()), (0, 0, 5));
    }
}

#[test]
fn a_loki_that_was_away_gets_everything_when_it_is_back() {
    let (loki, fake) = fresh();
    suite::filled(&loki, records(0..3));
    fake.refuse();
    let mut batch = records(3..6);
    let said = failure(loki.write(&mut batch));
    assert!(said.starts_with(&format!("push to loki at {}: ", fake.url())), "{said}");
    assert_eq!(batch.len(), 3);
    fake.listen_again();
    assert_eq!(loki.write(&mut batch).unwrap(), 0);
    assert_eq!(suite::each(&loki, &[]), records(0..6));
}

#[test]
fn a_push_whose_answer_was_lost_is_stored_once() {
    let (loki, fake) = fresh();
    fake.state().cuts = 1;
    let mut batch = records(0..4);
    failure(loki.write(&mut batch));
    assert_eq!((batch.len(), fake.lines().len()), (4, 4));
    assert_eq!(loki.write(&mut batch).unwrap(), 0);
    assert_eq!((fake.lines().len(), suite::each(&loki, &[])), (4, records(0..4)));
}

#[test]
fn what_is_refused_for_good_is_counted_and_never_sent_again() {
    for status in [400, 401, 403, 404, 413, 422] {
        let (loki, fake) = fresh();
        fake.fail(1, status, "no\x1b[31m");
        let mut batch = records(0..5);
        assert_eq!((loki.write(&mut batch).unwrap(), batch.len()), (5, 0));
        assert_eq!(loki.write(&mut records(5..6)).unwrap(), 0);
        assert_eq!((fake.lines().len(), fake.pushes().len()), (1, 2));
    }
}

#[test]
fn of_a_batch_with_old_records_only_these_are_lost() {
    let (loki, fake) = fresh();
    fake.state().now = Some(nanos(NOON));
    let old = |n| Record { timestamp: NOON - 8.0 * 86_400.0, ..record(n) };
    let mut batch = vec![record(1), old(2), record(3), old(4), Record { timestamp: NOON + 7200.0, ..record(5) }];
    assert_eq!((loki.write(&mut batch).unwrap(), batch.len()), (3, 0));
    assert_eq!(suite::each(&loki, &[]), [record(1), record(3)]);
}

#[test]
fn a_refusal_before_a_failure_is_counted_when_writing_goes_on() {
    let (loki, fake) = fresh();
    fake.fail(1, 400, "couldn't parse labels");
    fake.fail(1, 500, "");
    let text = "x".repeat(200_000);
    let large = |n| Record { prompt_full: Some(text.clone()), ..record(n) };
    let mut batch: Vec<Record> = (0..6).map(large).collect();
    failure(loki.write(&mut batch));
    assert_eq!(batch.len(), 2, "the first request is given up, the second stays");
    assert_eq!((loki.write(&mut batch).unwrap(), fake.lines().len()), (4, 2));
}

#[test]
fn many_and_long_records_go_in_requests_that_loki_takes() {
    let (loki, fake) = fresh();
    let text = "\"空\n".repeat(50_000);
    let long = |n| Record { prompt_full: Some(text.clone()), ..record(n) };
    let mut all: Vec<Record> = (0..5).map(long).collect();
    all.extend(records(5..400));
    suite::filled(&loki, all);
    let pushes = fake.pushes();
    assert!(pushes.len() > 2 && pushes.iter().all(|push| push.body.len() <= push::BODY_MAX), "{}", pushes.len());
    let stored = suite::each(&loki, &[]);
    assert_eq!((stored.len(), stored[5..].to_vec()), (400, records(5..400)));
    assert!(stored[..5].iter().all(|cut| cut.truncated == Some(true) && text.starts_with(cut.prompt_full.as_ref().unwrap())));
}

#[test]
fn deleting_is_lokis_business() {
    let (loki, _fake) = fresh();
    assert!(failure(loki.purge(None)).contains("retention_period"));
    assert_eq!(loki.retain(&Limits { oldest: Some(NOON), max_bytes: Some(1), future: None }).unwrap(), 0);
    assert_eq!((loki.catch_up().unwrap(), loki.name(), loki.place()), (false, "loki", _fake.url()));
}
