//! Records as version 0.1.0 wrote them: whole, under labels of the request, without a part.

use super::*;
use crate::history::store::suite::{filled, newest, read_all, record};

/// Puts records there as 0.1.0 did.
fn old(fake: &FakeLoki, records: impl IntoIterator<Item = Record>) {
    for record in records {
        let model = record.model.clone().unwrap_or_else(|| "unknown".to_owned());
        let labels = [
            ("job", "ollama-tap"),
            ("host", "box"),
            ("model", &model),
            ("endpoint", &record.endpoint),
            ("status", &record.status),
        ];
        let labels = labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let line = serde_json::to_string(&as_written(record.clone())).unwrap();
        fake.state()
            .streams
            .entry(labels)
            .or_default()
            .insert((nanos(record.timestamp), line));
    }
}

/// There were no such fields.
fn as_written(record: Record) -> Record {
    Record {
        prompt_cached_tokens: None,
        host: None,
        tap: None,
        context_length: None,
        num_ctx: None,
        parameters: None,
        context_cut: None,
        reload_cause: None,
        vram_share: None,
        ollama_version: None,
        digest: None,
        quantization: None,
        time_spent: None,
        client: None,
        session_id: None,
        session_guessed: None,
        previous_id: None,
        system: None,
        messages: None,
        messages_from: None,
        findings: Vec::new(),
        ..record
    }
}

fn all(numbers: std::ops::Range<u32>) -> Vec<Record> {
    numbers.map(record).map(as_written).collect()
}

#[test]
fn what_version_0_1_0_wrote_is_read_in_order_with_what_is_new() {
    let (loki, fake) = fresh();
    old(&fake, (0..150).map(record));
    filled(&loki, records(140..200).into_iter().skip(10));
    let expected: Vec<Record> = all(0..150).into_iter().chain(records(150..200)).collect();
    assert_eq!(read_all(&loki, &[]), expected);
    let ids: Vec<String> = expected
        .iter()
        .rev()
        .map(|record| record.interaction_id.clone())
        .collect();
    assert_eq!(newest(&loki, &[]), ids[..100]);
    assert_eq!(newest(&loki, &[("before", &ids[99])]), ids[100..]);
    assert_eq!(loki.get(&ids[199]).unwrap(), Some(all(0..1).remove(0)));
    let extent = loki.extent(f64::INFINITY).unwrap();
    assert_eq!(
        (extent.records, extent.oldest, extent.newest),
        (200, Some(record(0).timestamp), Some(record(199).timestamp))
    );
}

#[test]
fn lists_and_statistics_of_old_records_fetch_no_text() {
    let (loki, fake) = fresh();
    let long = |n: u32| Record {
        prompt_full: Some("x".repeat(200_000)),
        ..record(n)
    };
    old(&fake, (0..60).map(long));
    let brief = loki.newest(&Query::default(), Detail::Brief).unwrap();
    assert_eq!(
        brief,
        (0..60)
            .rev()
            .map(|n| as_written(record(n)).without_long_text())
            .collect::<Vec<_>>()
    );
    let (mut count, mut tokens) = (0, 0);
    loki.for_each_summary(&suite::query(&[("model", "phi4")]), &mut |facts| {
        count += 1;
        tokens += facts.prompt_tokens.unwrap();
        assert_eq!(facts.client, None);
    })
    .unwrap();
    assert_eq!(
        (count, tokens),
        (
            30,
            (0..60u32)
                .filter(|n| n % 2 == 1)
                .map(|n| u64::from(n) + 1)
                .sum()
        )
    );
    assert_eq!(
        read_all(&loki, &[("prompt_search", "xxx")]).len(),
        60,
        "4 MiB at most at a time"
    );
}
