//! The extent of a history, and what limits leave of it.

use super::*;

pub fn the_extent_counts_what_is_there(engine: &dyn Engine) {
    filled(engine, (0..30).map(record));
    let extent = engine.extent(f64::INFINITY).unwrap();
    assert_eq!(
        (extent.records, extent.oldest, extent.newest),
        (30, Some(record(0).timestamp), Some(record(29).timestamp))
    );
    assert_eq!(extent.latest, extent.newest);
    assert!(extent.bytes.is_none_or(|bytes| bytes > 0));
}

/// For backends that delete old records themselves.
pub fn what_lies_in_the_future_is_not_the_newest_and_goes_when_it_may(engine: &dyn Engine) {
    const YEAR: f64 = 31_536_000.0;
    let future = |n: u32| Record {
        timestamp: record(n).timestamp + YEAR,
        ..record(n)
    };
    filled(engine, (0..10).map(record).chain((10..12).map(future)));
    let extent = engine.extent(NOON + 86_400.0).unwrap();
    assert_eq!(
        (extent.records, extent.newest, extent.latest),
        (12, Some(record(9).timestamp), Some(future(11).timestamp))
    );
    assert_eq!(
        newest(
            engine,
            &[("end_time", &(NOON + 86_400.0).to_string()), ("limit", "1")]
        ),
        ids([9])
    );
    let limits = |until| Limits {
        future: Some(TimeRange {
            after: NOON + 86_400.0,
            until,
        }),
        ..Limits::default()
    };
    assert_eq!(engine.retain(&limits(NOON + YEAR)).unwrap(), 0);
    assert!(engine.retain(&limits(future(11).timestamp)).unwrap() > 0);
    assert_eq!(
        engine.extent(f64::INFINITY).unwrap().newest,
        Some(record(9).timestamp)
    );
    assert_eq!(read_all(engine, &[]).len(), 10);
}
