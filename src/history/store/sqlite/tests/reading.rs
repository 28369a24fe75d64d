//! Readers beside a tap, and what they need.

use std::thread;

use super::*;

#[test]
fn where_there_is_nothing_a_reader_names_the_directory_and_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    let Err(StoreError::NotFound(text)) = Sqlite::reader(dir.path()) else {
        panic!("read")
    };
    assert!(text.contains(&dir.path().display().to_string()), "{text}");
    fs::write(dir.path().join(DATABASE_FILE), "").unwrap();
    assert!(matches!(
        Sqlite::reader(dir.path()),
        Err(StoreError::NotFound(_))
    ));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_reader_sees_what_a_tap_writes_and_what_it_left() {
    let (sqlite, dir) = fresh();
    let path = dir.path().join("history");
    filled(&sqlite, [record(1)]);
    let reader = Sqlite::reader(&path).unwrap();
    filled(&sqlite, [record(2)]);
    assert_eq!(newest(&reader, &[]), [id(2), id(1)]);
    drop(reader);
    drop(sqlite);
    let reader = Sqlite::reader(&path).unwrap();
    assert_eq!(newest(&reader, &[]), [id(2), id(1)]);
    for refused in [
        reader.write(&mut vec![record(3)]).map(drop),
        reader.purge(None).map(drop),
        reader.catch_up().map(drop),
    ] {
        assert!(complaint(refused).contains("read only"));
    }
}

#[test]
fn numbers_beyond_what_sqlite_counts_are_the_greatest() {
    let (sqlite, _dir) = fresh();
    filled(
        &sqlite,
        [Record {
            request_bytes: Some(u64::MAX),
            metadata: "text".into(),
            ..record(1)
        }],
    );
    let read = sqlite.get(&id(1)).unwrap().unwrap();
    assert_eq!(
        (read.request_bytes, read.metadata),
        (Some(i64::MAX as u64), "text".into())
    );
}

/// The threads that answer pages have no more.
#[test]
fn a_small_stack_is_enough_for_every_question() {
    const STACK: usize = 256 * 1024;
    let (sqlite, _dir) = fresh();
    filled(&sqlite, (0..1500).map(record));
    let ask = || {
        caught_up(&sqlite);
        let wanted = [
            ("start_time", "0"),
            ("model", "phi4"),
            ("status", "success"),
            ("prompt_search", "why is the sky blue, number 77"),
        ];
        assert_eq!(newest(&sqlite, &wanted).len(), 5);
        assert_eq!(
            read_all(&sqlite, &[("prompt_category", "other")]).len(),
            750
        );
        sqlite
            .for_each_summary(&Query::default(), &mut |_| {})
            .unwrap();
        sqlite.extent(f64::INFINITY).unwrap();
        assert_eq!(sqlite.purge(Some(record(1000).timestamp)).unwrap(), 1000);
    };
    thread::scope(|scope| {
        thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, ask)
            .unwrap()
            .join()
            .unwrap()
    });
}

#[test]
fn all_is_read_once_in_order_while_records_come_and_go() {
    let (sqlite, _dir) = fresh();
    filled(&sqlite, (1000..4000).map(record));
    let mut seen: Vec<String> = Vec::new();
    let visit = &mut |found: Record| {
        if seen.len() == 10 {
            filled(&sqlite, [record(0), record(5000)]);
            sqlite
                .retain(&Limits {
                    oldest: Some(record(2500).timestamp),
                    ..Limits::default()
                })
                .unwrap();
        }
        seen.push(found.interaction_id);
        ControlFlow::Continue(())
    };
    sqlite.for_each(&Query::default(), visit).unwrap();
    assert!(seen.is_sorted_by(|a, b| a < b));
    assert_eq!((seen.len(), seen.last()), (11 + 1500 + 1, Some(&id(5000))));
}
