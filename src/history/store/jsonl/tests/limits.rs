//! Retention and purge.

use super::*;

const DAY: f64 = 86_400.0;

/// Four days with ten records each, the last of them at `NOON`.
fn four_days() -> (Jsonl, TempDir) {
    let (engine, stage) = fresh();
    (0..4).for_each(|day| filled(&engine, (0..10).map(|n| on_day(day, n))));
    (engine, stage)
}

fn on_day(day: u32, n: u32) -> Record {
    Record {
        timestamp: NOON + f64::from(n) - f64::from(3 - day) * DAY,
        ..record(day * 10 + n)
    }
}

fn numbers(engine: &Jsonl) -> Vec<u32> {
    read_all(engine, &[])
        .iter()
        .map(|record| u32::from_str_radix(&record.interaction_id, 16).unwrap())
        .collect()
}

#[test]
fn days_that_are_older_than_the_limit_as_a_whole_go() {
    let (engine, _stage) = four_days();
    let limits = Limits {
        oldest: Some(NOON - 2.0 * DAY),
        ..Limits::default()
    };
    assert_eq!(engine.retain_on(day(), &limits).unwrap(), 1);
    assert_eq!(numbers(&engine), (10..40).collect::<Vec<_>>());
    assert_eq!(engine.retain_on(day(), &limits).unwrap(), 0);
}

#[test]
fn the_oldest_days_go_where_all_take_too_much() {
    let (engine, _stage) = four_days();
    engine.retain_on(day().next(), &NO_LIMITS).unwrap();
    let bytes = engine.extent(f64::INFINITY).unwrap().bytes.unwrap();
    let limits = Limits {
        max_bytes: Some(bytes * 6 / 10),
        ..Limits::default()
    };
    assert_eq!(engine.retain_on(day(), &limits).unwrap(), 2);
    assert_eq!(numbers(&engine), (20..40).collect::<Vec<_>>());
}

#[test]
fn a_single_day_that_takes_too_much_loses_its_oldest_members() {
    let (engine, _stage) = fresh();
    (0..20).for_each(|n| filled(&engine, [record(n)]));
    let bytes = engine.extent(f64::INFINITY).unwrap().bytes.unwrap();
    let limits = Limits {
        max_bytes: Some(bytes / 2),
        ..Limits::default()
    };
    assert_eq!(engine.retain_on(day(), &limits).unwrap(), 1);
    let left = numbers(&engine);
    assert!(
        left.len() > 6 && left.iter().copied().eq(20 - left.len() as u32..20),
        "{left:?}"
    );
    assert!(engine.extent(f64::INFINITY).unwrap().bytes.unwrap() <= bytes / 2);
    filled(&engine, [record(20)]);
    assert_eq!(numbers(&engine).last(), Some(&20));
    engine
        .retain_on(
            day(),
            &Limits {
                max_bytes: Some(1),
                ..Limits::default()
            },
        )
        .unwrap();
    assert_eq!(
        engine.extent(f64::INFINITY).unwrap(),
        Extent {
            bytes: Some(0),
            ..Extent::default()
        }
    );
}

#[test]
fn a_purge_deletes_exactly_what_is_older() {
    let (engine, stage) = four_days();
    let moment = on_day(2, 5).timestamp;
    assert_eq!(engine.purge(Some(moment)).unwrap(), 25);
    assert_eq!(numbers(&engine), (25..40).collect::<Vec<_>>());
    assert_eq!(engine.files.days().unwrap().len(), 2);
    assert_eq!(engine.purge(Some(moment)).unwrap(), 0);
    fs::write(day().path_of_replacement(stage.path()), "half").unwrap();
    assert_eq!(engine.purge(None).unwrap(), 15);
    assert!(numbers(&engine).is_empty());
    let names = fs::read_dir(stage.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(
        names.into_iter().all(|name| name.starts_with('.')),
        "something is left"
    );
}

#[test]
fn writers_go_on_while_files_are_written_anew() {
    let (engine, _stage) = fresh();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..60).for_each(|n| filled(&engine, (n * 5..n * 5 + 5).map(record))));
        for _ in 0..20 {
            engine.retain_on(day().next(), &NO_LIMITS).unwrap();
            engine.purge(Some(NOON - 1.0)).unwrap();
        }
    });
    engine.retain_on(day().next(), &NO_LIMITS).unwrap();
    assert_eq!(numbers(&engine), (0..300).collect::<Vec<_>>());
    assert_eq!(members(&engine), 1);
}

/// A record whose text does not get much smaller.
fn bulky(n: u32) -> Record {
    let mut numbers = fastrand::Rng::with_seed(u64::from(n));
    Record {
        response_full: Some((0..8_000).map(|_| numbers.alphanumeric()).collect()),
        ..record(n)
    }
}

#[test]
fn a_day_that_is_over_loses_its_oldest_records_and_no_more() {
    let (engine, _stage) = fresh();
    (0..2).for_each(|half| filled(&engine, (half..400).step_by(2).map(bulky)));
    engine.retain_on(day().next(), &NO_LIMITS).unwrap();
    assert_eq!(members(&engine), 1);
    let bytes = engine.extent(f64::INFINITY).unwrap().bytes.unwrap();
    for part in [85, 20, 3] {
        let most = bytes * part / 100;
        engine
            .retain_on(
                day().next(),
                &Limits {
                    max_bytes: Some(most),
                    ..Limits::default()
                },
            )
            .unwrap();
        let (left, taken) = (
            numbers(&engine),
            engine.extent(f64::INFINITY).unwrap().bytes.unwrap(),
        );
        assert!(
            left.iter().copied().eq(400 - left.len() as u32..400),
            "the newest stay: {left:?}"
        );
        assert!(
            taken <= most && taken > most * 7 / 10,
            "{taken} of {most} bytes are left"
        );
    }
}

#[test]
fn of_several_days_one_goes_as_a_whole_only_when_it_must() {
    let (engine, _stage) = fresh();
    (0..4).for_each(|day| {
        filled(
            &engine,
            (0..50).map(|n| Record {
                timestamp: on_day(day, n).timestamp,
                ..bulky(day * 50 + n)
            }),
        )
    });
    let bytes = engine.extent(f64::INFINITY).unwrap().bytes.unwrap();
    let limits = Limits {
        max_bytes: Some(bytes * 6 / 10),
        ..Limits::default()
    };
    assert_eq!(engine.retain_on(day(), &limits).unwrap(), 2);
    let left = numbers(&engine);
    assert!(
        (100..120).contains(&left.len()) && left.iter().copied().eq(200 - left.len() as u32..200),
        "{left:?}"
    );
    assert_eq!(engine.retain_on(day(), &limits).unwrap(), 0);
}
