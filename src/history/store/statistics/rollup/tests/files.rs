//! The files of roll-ups, and counts that are read from them.

use std::thread;
use std::time::Duration;

use super::*;
use crate::history::store::until_now;

#[test]
fn a_roll_up_that_is_being_made_while_records_are_deleted_goes_with_them() {
    let forget: [fn(&Rollups) -> Result<()>; 2] = [
        |rollups| rollups.forget_before(f64::INFINITY),
        |rollups| rollups.forget_within(&[(f64::MIN, f64::MAX)]),
    ];
    for forget in forget {
        let dir = tempfile::tempdir().unwrap();
        let rollups = Rollups::open(Some(dir.path()));
        let making = lock(&rollups.making);
        let (say, said) = crossbeam_channel::bounded(1);
        thread::scope(|scope| {
            scope.spawn(|| {
                forget(&rollups).unwrap();
                say.send(()).unwrap();
            });
            let is_over = said.recv_timeout(Duration::from_millis(100)).is_ok();
            rollups.save(&mut RollupBuilder::new(1)).unwrap();
            drop(making);
            assert!(!is_over, "it did not wait");
        });
        assert_eq!(files(dir.path()), [""; 0]);
    }
}

#[test]
fn a_file_that_cannot_be_read_hides_no_other_and_what_is_none_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let rollups = Rollups::open(Some(dir.path()));
    for day in [1, 2] {
        rollups.save(&mut RollupBuilder::new(day)).unwrap();
    }
    let name = |date: &str| dir.path().join(format!("{FILE_PREFIX}{date}"));
    fs::create_dir(name("19700104")).unwrap();
    fs::write(name("19700105"), "OTR0 of another format").unwrap();
    fs::write(name("19700106.part"), "half").unwrap();
    let again = Rollups::open(Some(dir.path()));
    assert_eq!([1, 2].map(|day| again.head(day).is_some()), [true, true]);
    let left = ["19700102", "19700103", "19700104"].map(|date| format!("{FILE_PREFIX}{date}"));
    assert_eq!(files(dir.path()), left);
}

#[test]
fn roll_ups_count_as_the_records_do() {
    for backend in BACKENDS {
        let (store, _dir, begin) = filled(backend);
        let [start, end] = [begin + 10_000.5, begin + 2.2 * DAY].map(|time| time.to_string());
        for (pairs, is_told) in [
            (&[][..], true),
            (&[("status", "error"), ("client", "curl")], true),
            (&[("model", "none of this name")], true),
            (&[("start_time", &*start), ("end_time", &*end)], true),
            (&[("min_tokens", "1")], false),
        ] {
            let query = suite::query(pairs);
            let extent = store.extent().unwrap();
            let counted = store
                .count_rolled_up(&until_now(&query), &extent, now())
                .unwrap();
            let records = store.count_summaries(&query).unwrap();
            assert_eq!(counted, is_told.then_some(records), "{backend:?} {pairs:?}");
        }
    }
}
