//! Disks and programs that get in the way, damaged files, who may read.

use super::super::connections::SHM_FILE;
use super::*;
use crate::util::threads::lock;

fn long(numbers: std::ops::Range<u32>) -> Vec<Record> {
    numbers.map(|n| saying(n, &"long ".repeat(1000))).collect()
}

#[test]
fn while_another_program_holds_the_database_batches_wait() {
    let (sqlite, _dir) = fresh();
    filled(&sqlite, [record(1)]);
    let stranger = stranger(&sqlite);
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut batch = long(10..30);
    for _ in 0..3 {
        let text = complaint(sqlite.write(&mut batch));
        assert!(
            text.starts_with("write to ")
                && text.contains(DATABASE_FILE)
                && text.contains("another program holds it"),
            "{text}"
        );
        assert_eq!((batch.len(), read_all(&sqlite, &[]).len()), (20, 1));
    }
    stranger.execute_batch("COMMIT").unwrap();
    filled(&sqlite, batch);
    assert_eq!(read_all(&sqlite, &[]).len(), 21);
}

#[test]
fn while_the_disk_is_full_or_may_not_be_written_batches_wait() {
    for (setting, value, cause) in [
        ("max_page_count", 20, "full; make room"),
        ("query_only", 1, "readonly"),
    ] {
        let (sqlite, _dir) = fresh();
        filled(&sqlite, [record(1)]);
        lock(&sqlite.writer)
            .as_ref()
            .unwrap()
            .pragma_update(None, setting, value)
            .unwrap();
        let mut batch = long(10..30);
        let text = complaint(sqlite.write(&mut batch));
        assert!(
            text.starts_with("write to ") && text.contains(cause),
            "{text}"
        );
        assert_eq!((batch.len(), read_all(&sqlite, &[]).len()), (20, 1));
        // The setting was that connection's alone: the next one finds all well again.
        filled(&sqlite, batch);
        assert_eq!(read_all(&sqlite, &[]).len(), 21);
    }
}

/// Returns whether files that SQLite has open cannot be removed or replaced, as on Windows, and
/// reports the skip.
fn open_files_cannot_be_removed() -> bool {
    let is_windows = std::env::consts::FAMILY == "windows";
    if is_windows {
        crate::skips::skip("nobody can remove or replace here what SQLite has open");
    }
    is_windows
}

#[test]
fn a_removed_database_begins_again_and_new_records_are_kept() {
    if open_files_cannot_be_removed() {
        return;
    }
    for removed in [
        &[DATABASE_FILE][..],
        &[DATABASE_FILE, WAL_FILE, SHM_FILE],
        &[".lock"],
        &["."],
    ] {
        let (sqlite, dir) = fresh();
        filled(&sqlite, [record(1)]);
        caught_up(&sqlite);
        read_all(&sqlite, &[]); // a reader is open
        let path = dir.path().join("history");
        for name in removed {
            let _ = if *name == "." {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(path.join(name))
            };
        }
        let left = if removed == [".lock"] {
            vec![record(1)]
        } else {
            vec![]
        };
        assert_eq!(read_all(&sqlite, &[]), left, "{removed:?}");
        filled(&sqlite, [record(2), record(3)]);
        caught_up(&sqlite);
        let there = [left, vec![record(2), record(3)]].concat();
        assert_eq!(
            (
                read_all(&sqlite, &[]),
                read_all(&Sqlite::reader(&path).unwrap(), &[])
            ),
            (there.clone(), there),
            "{removed:?}"
        );
        assert_eq!(newest(&sqlite, &[("prompt_search", "number 3?")]), [id(3)]);
        assert!(
            Directory::lock(&path, "x").is_err(),
            "it still has one writer"
        );
    }
}

#[test]
fn a_database_that_takes_the_place_of_another_is_read_and_written_from_then_on() {
    if open_files_cannot_be_removed() {
        return;
    }
    let ((sqlite, _dir), (other, _other_dir)) = (fresh(), fresh());
    filled(&sqlite, [record(1)]);
    filled(&other, [record(7)]);
    let file = other.file.clone();
    drop(other);
    fs::rename(file, &sqlite.file).unwrap();
    assert_eq!(read_all(&sqlite, &[]), [record(7)]);
    filled(&sqlite, [record(8)]);
    assert_eq!(read_all(&sqlite, &[]), [record(7), record(8)]);
    let intact: String = stranger(&sqlite)
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(intact, "ok");
}

#[test]
fn while_a_removed_directory_cannot_be_made_again_batches_wait() {
    if open_files_cannot_be_removed() {
        return;
    }
    let (sqlite, dir) = fresh();
    filled(&sqlite, [record(1)]);
    let path = dir.path().join("history");
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, "in the way").unwrap();
    let mut batch = vec![record(2)];
    for _ in 0..2 {
        let text = complaint(sqlite.write(&mut batch));
        assert!(text.contains(&*path.to_string_lossy()), "{text}");
    }
    assert_eq!(batch, [record(2)]);
    fs::remove_file(&path).unwrap();
    filled(&sqlite, batch);
    assert_eq!(read_all(&sqlite, &[]), [record(2)]);
}

#[test]
fn a_batch_that_may_have_been_written_is_not_written_twice() {
    let (sqlite, _dir) = fresh();
    filled(&sqlite, (0..5).map(record));
    filled(&sqlite, (3..9).map(record));
    assert_eq!(
        read_all(&sqlite, &[]),
        (0..9).map(record).collect::<Vec<_>>()
    );
}

#[test]
fn what_is_no_database_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let directory = directory(dir.path());
    let file = directory.path.join(DATABASE_FILE);
    fs::write(&file, "Dear diary, ".repeat(1000)).unwrap();
    for refused in [Sqlite::reader(&directory.path), Sqlite::writer(directory)] {
        let text = complaint(refused);
        assert!(
            text.contains("not a database")
                && text.contains(DATABASE_FILE)
                && text.contains("move the file away"),
            "{text}"
        );
    }
    assert_eq!(
        fs::read(&file).unwrap(),
        "Dear diary, ".repeat(1000).as_bytes()
    );
}

#[test]
fn a_damaged_database_gives_errors_and_never_a_panic() {
    for damage in [100, 5000, 20_000, 60_000] {
        let (sqlite, dir) = fresh();
        filled(&sqlite, (0..200).map(record));
        caught_up(&sqlite);
        let file = sqlite.file.clone();
        drop(sqlite);
        let mut bytes = fs::read(&file).unwrap();
        bytes[damage..damage + 9000].fill(0xa5);
        fs::write(&file, bytes).unwrap();
        let Ok(sqlite) = Sqlite::writer(directory(dir.path())) else {
            continue;
        };
        let all = sqlite.for_each(&Query::default(), &mut |_| ControlFlow::Continue(()));
        let found = sqlite.newest(
            &suite::query(&[("prompt_search", "number 7?")]),
            Detail::Whole,
        );
        let summary = sqlite.for_each_summary(&Query::default(), &mut |_| {});
        let gone = sqlite.purge(Some(record(100).timestamp));
        let written = sqlite.write(&mut vec![record(500)]);
        let done = [
            all.is_ok(),
            found.is_ok(),
            summary.is_ok(),
            gone.is_ok(),
            written.is_ok(),
        ];
        assert!(done.contains(&false), "no damage at {damage}");
    }
}

/// Skipped where that tool is not installed.
#[test]
fn the_tool_of_the_system_reads_along_and_finds_all_in_order() {
    let (sqlite, _dir) = fresh();
    filled(&sqlite, (0..300).map(record));
    caught_up(&sqlite);
    sqlite
        .retain(&Limits {
            oldest: Some(record(100).timestamp),
            ..Limits::default()
        })
        .unwrap();
    let question = "PRAGMA integrity_check; SELECT count(*), max(prompt_full) FROM interactions WHERE model = 'phi4'";
    let Ok(answer) = std::process::Command::new("sqlite3")
        .arg(&sqlite.file)
        .arg(question)
        .output()
    else {
        return;
    };
    assert_eq!(
        String::from_utf8_lossy(&answer.stdout),
        "ok\n100|Why is the sky blue, number 299?\n"
    );
}
