//! Several processes at one directory.

use super::*;

#[test]
fn a_reader_changes_nothing_and_says_where_nothing_is() {
    let stage = tempfile::tempdir().unwrap();
    for empty in [stage.path().to_owned(), stage.path().join("missing")] {
        let Err(StoreError::NotFound(text)) = Jsonl::reader(&empty) else {
            panic!("found something")
        };
        assert!(text.contains(&*empty.to_string_lossy()), "{text}");
    }
    filled(&open(&stage), [record(1)]);
    let mut bytes = fs::read(day_file(&stage)).unwrap();
    bytes.extend(&bytes.clone()[..40]); // being written
    fs::write(day_file(&stage), &bytes).unwrap();
    let reader = Jsonl::reader(stage.path()).unwrap();
    assert_eq!(read_all(&reader, &[]), [record(1)]);
    assert!(
        reader.write(&mut vec![record(2)]).is_err()
            && reader.purge(None).is_err()
            && reader.retain(&NO_LIMITS).is_err()
    );
    assert_eq!(fs::read(day_file(&stage)).unwrap(), bytes);
}

#[test]
fn a_reader_follows_a_writer_in_another_process() {
    let (writer, stage) = fresh();
    filled(&writer, [record(1)]);
    let reader = Jsonl::reader(stage.path()).unwrap();
    filled(&writer, [record(3)]);
    assert_eq!(read_all(&reader, &[]).len(), 2);
    filled(&writer, [record(2)]);
    writer.retain_on(day().next(), &NO_LIMITS).unwrap();
    assert_eq!(
        ids(&read_all(&reader, &[])),
        ["0000000000000001", "0000000000000002", "0000000000000003"]
    );
    writer.purge(None).unwrap();
    assert!(read_all(&reader, &[]).is_empty());
}

#[test]
fn a_directory_that_was_removed_is_made_again_and_has_one_writer_still() {
    let (engine, stage) = fresh();
    filled(&engine, [record(1)]);
    fs::remove_dir_all(stage.path()).unwrap();
    filled(&engine, [record(2)]);
    assert_eq!(read_all(&engine, &[]), [record(2)]);
    assert!(Directory::lock(stage.path(), "another").is_err());
    fs::remove_file(day_file(&stage)).unwrap();
    filled(&engine, [record(3)]);
    assert_eq!(read_all(&engine, &[]), [record(3)]);
}

#[test]
fn a_directory_that_another_tap_made_again_is_its_own() {
    let (engine, stage) = fresh();
    fs::remove_dir_all(stage.path()).unwrap();
    let other = Directory::lock(stage.path(), "the other tap").unwrap();
    let mut batch = vec![record(1)];
    let Err(StoreError::Failed(text)) = engine.write(&mut batch) else {
        panic!("written")
    };
    assert!(text.contains("the other tap") && batch.len() == 1, "{text}");
    drop(other);
    filled(&engine, batch);
    assert_eq!(read_all(&engine, &[]), [record(1)]);
}
