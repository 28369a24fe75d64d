//! Blocks that overlap in time, as long requests make them, and the memory that merging them takes.

use super::super::merge::Merge;
use super::*;

/// Sixty members of others and ours, each of which reaches back over the whole minute.
fn overlapping() -> (Jsonl, TempDir) {
    let (engine, stage) = fresh();
    let numbers = |member: u32| (0..6).map(move |n| n * 60 + (member * 7 + n) % 60);
    for member in 0..60 {
        if member % 3 == 0 {
            let lines: String = numbers(member)
                .map(|n| serde_json::to_string(&record(n)).unwrap() + "\n")
                .collect();
            let mut bytes = fs::read(day_file(&stage)).unwrap_or_default();
            bytes.extend(gzip(&lines));
            fs::write(day_file(&stage), bytes).unwrap();
        } else {
            filled(&engine, numbers(member).map(record));
        }
    }
    (engine, stage)
}

#[test]
fn every_line_comes_once_and_in_order_however_little_room_there_is() {
    let (engine, _stage) = overlapping();
    let file = engine.files.open(day()).unwrap().unwrap();
    let expected: Vec<String> = (0..360).map(|n| record(n).interaction_id).collect();
    for room in [1, 2_000, 50_000, usize::MAX] {
        let mut merge = Merge::with_room(room);
        merge.add(&file, |_| true);
        let mut found = Vec::new();
        while let Some((line, _)) = merge.next(f64::INFINITY) {
            assert!(
                merge.bytes_held() <= room,
                "{} bytes beside the line that is given",
                merge.bytes_held()
            );
            found.push(line.position.id);
        }
        assert_eq!(found, expected, "with room for {room} bytes");
    }
}

#[test]
fn lines_that_are_alike_all_come() {
    let (engine, stage) = fresh();
    fs::write(
        day_file(&stage),
        [
            gzip("{}\n{}\n{}\n"),
            gzip("{}\n{}\nno record\n{\"timestamp\":1}\n"),
        ]
        .concat(),
    )
    .unwrap();
    let file = engine.files.open(day()).unwrap().unwrap();
    let mut merge = Merge::with_room(1);
    merge.add(&file, |_| true);
    let found = std::iter::from_fn(|| merge.next(f64::INFINITY)).count();
    assert_eq!(
        (found, file.unreadable()),
        (6, 1),
        "and what cannot be read is counted once"
    );
}

#[test]
fn a_day_of_overlapping_blocks_is_compacted_whole() {
    let (engine, stage) = overlapping();
    let before = read_all(&engine, &[]);
    engine.retain_on(day().next(), &NO_LIMITS).unwrap();
    assert_eq!((members(&engine), read_all(&engine, &[])), (1, before));
    assert!(unzipped(&stage).is_sorted());
}
