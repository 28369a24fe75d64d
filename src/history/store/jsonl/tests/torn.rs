//! Files as a kill leaves them.

use super::*;

#[test]
fn a_member_torn_anywhere_is_cut_and_its_whole_lines_are_kept() {
    let (engine, stage) = fresh();
    filled(&engine, [record(0)]);
    let whole = fs::read(day_file(&stage)).unwrap().len();
    let small = |n| Record {
        interaction_id: record(n).interaction_id,
        timestamp: record(n).timestamp,
        ..Record::default()
    };
    filled(&engine, (1..4).map(small));
    let bytes = fs::read(day_file(&stage)).unwrap();
    let all = unzipped(&stage);
    drop(engine);
    let mut kept = 1;
    for length in whole..bytes.len() {
        fs::write(day_file(&stage), &bytes[..length]).unwrap();
        let engine = open(&stage);
        let found = unzipped(&stage);
        assert_eq!(found, all[..found.len()], "cut at {length}");
        assert!(
            found.len() >= kept,
            "cut at {length}: fewer lines than with less of the file"
        );
        kept = found.len();
        assert_eq!(ids(&read_all(&engine, &[])), found);
    }
    assert_eq!(kept, all.len(), "only the check sum was missing");
}

#[test]
fn a_file_that_was_made_and_not_written_is_removed() {
    let stage = tempfile::tempdir().unwrap();
    fs::write(day_file(&stage), "").unwrap();
    let engine = open(&stage);
    assert!(!day_file(&stage).exists());
    filled(&engine, [record(1)]);
    assert_eq!(read_all(&engine, &[]), [record(1)]);
}

#[test]
fn records_follow_where_a_torn_end_was_mended_and_no_second_mending_is_done() {
    let (engine, stage) = fresh();
    filled(&engine, [record(1)]);
    filled(&engine, [record(2)]);
    drop(engine);
    let bytes = fs::read(day_file(&stage)).unwrap();
    fs::write(day_file(&stage), &bytes[..bytes.len() - 1]).unwrap();
    let engine = open(&stage);
    filled(&engine, [record(3)]);
    assert_eq!(read_all(&engine, &[]), [record(1), record(2), record(3)]);
    drop(engine);
    let mended = fs::read(day_file(&stage)).unwrap();
    open(&stage);
    assert_eq!(fs::read(day_file(&stage)).unwrap(), mended);
}

#[test]
fn an_end_torn_while_we_write_is_mended_by_the_next_write() {
    let (engine, stage) = fresh();
    filled(&engine, [record(1)]);
    let bytes = fs::read(day_file(&stage)).unwrap();
    fs::write(day_file(&stage), [&bytes[..], &bytes[..20]].concat()).unwrap();
    filled(&engine, [record(2)]);
    assert_eq!(unzipped(&stage), ["0000000000000001", "0000000000000002"]);
}

#[test]
fn what_deleted_records_said_is_taken_out_of_a_torn_end_too() {
    let (engine, stage) = fresh();
    let of_talk = |n, said: &str| Record {
        session_id: Some("talk".to_owned()),
        messages: Some(vec![message(said)]),
        ..record(n)
    };
    let deleted = of_talk(1, "a secret");
    filled(&engine, [deleted.clone()]);
    filled(&engine, [of_talk(2, "a secret")]);
    let bytes = fs::read(day_file(&stage)).unwrap();
    fs::write(day_file(&stage), &bytes[..bytes.len() - 1]).unwrap();
    let mut redaction = Redaction::default();
    redaction.add(&deleted);
    assert_eq!(engine.redact(&redaction).unwrap(), 1);
    let left = read_all(&engine, &[]).pop().unwrap();
    let message = &left.messages.unwrap()[0];
    assert_eq!(
        (left.interaction_id, message.text.as_deref()),
        (record(2).interaction_id, None)
    );
}

#[test]
fn a_torn_foreign_member_is_mended_as_well() {
    let stage = tempfile::tempdir().unwrap();
    let lines: String = (0..50)
        .map(|n| serde_json::to_string(&record(n)).unwrap() + "\n")
        .collect();
    let bytes = gzip(&lines);
    fs::write(day_file(&stage), &bytes[..bytes.len() - 1]).unwrap();
    let engine = open(&stage);
    assert_eq!(read_all(&engine, &[]).len(), 50);
    assert_eq!(unzipped(&stage).len(), 50);
}

#[test]
fn what_lies_behind_a_damaged_member_is_found_and_nothing_is_thrown_away() {
    let (engine, stage) = fresh();
    let torn = gzip(
        &(0..9)
            .map(|n| serde_json::to_string(&record(n)).unwrap() + "\n")
            .collect::<String>(),
    );
    filled(&engine, [record(20)]);
    let whole = fs::read(day_file(&stage)).unwrap();
    drop(engine);
    let bytes = [
        &whole[..],
        &torn[..torn.len() - 30],
        &gzip(&(serde_json::to_string(&record(30)).unwrap() + "\n")),
        b"rubbish",
    ]
    .concat();
    fs::write(day_file(&stage), &bytes).unwrap();
    let engine = open(&stage);
    filled(&engine, [record(40)]);
    let found = read_all(&engine, &[]);
    let from_damaged = found.len() - 3;
    assert!(from_damaged > 0, "the lines before the damage are readable");
    assert_eq!(
        ids(&found[from_damaged..]),
        [20, 30, 40].map(|n| format!("{n:016x}"))
    );
    assert!(
        fs::read(day_file(&stage))
            .unwrap()
            .starts_with(&bytes[..bytes.len() - 7])
    );
    engine.retain_on(day().next(), &NO_LIMITS).unwrap();
    assert_eq!(read_all(&engine, &[]), found);
}

#[test]
fn what_was_being_written_beside_is_removed_at_the_next_start() {
    let (engine, stage) = fresh();
    filled(&engine, [record(1)]);
    drop(engine);
    fs::write(day().path_of_replacement(stage.path()), "half").unwrap();
    fs::write(stage.path().join("letter.tmp"), "not ours").unwrap();
    assert_eq!(
        read_all(&Jsonl::reader(stage.path()).unwrap(), &[]).len(),
        1
    );
    assert!(day().path_of_replacement(stage.path()).exists());
    open(&stage);
    assert!(
        !day().path_of_replacement(stage.path()).exists()
            && stage.path().join("letter.tmp").exists()
    );
}

fn plain_lines() -> String {
    (0..3)
        .map(|n| serde_json::to_string(&record(n)).unwrap() + "\n")
        .collect()
}

#[test]
fn what_is_no_gzip_is_kept_beside_and_never_deleted() {
    let stage = tempfile::tempdir().unwrap();
    let beside = |n: u32| PathBuf::from(format!("{}.broken{n}", day_file(&stage).display()));
    fs::write(day_file(&stage), plain_lines()).unwrap();
    let engine = open(&stage);
    assert_eq!(fs::read_to_string(beside(1)).unwrap(), plain_lines());
    assert!(!day_file(&stage).exists() && engine.files.days().unwrap().is_empty());
    filled(&engine, [record(7)]);
    File::options()
        .append(true)
        .open(day_file(&stage))
        .unwrap()
        .write_all(plain_lines().as_bytes())
        .unwrap();
    filled(&engine, [record(8)]);
    assert_eq!(fs::read_to_string(beside(2)).unwrap(), plain_lines());
    assert_eq!(unzipped(&stage), ["0000000000000007", "0000000000000008"]);
    engine.purge(Some(NOON)).unwrap();
    assert!(beside(1).exists(), "its day is not over by then");
    engine
        .retain_on(
            day(),
            &Limits {
                oldest: Some(day().end()),
                ..Limits::default()
            },
        )
        .unwrap();
    assert!(!beside(1).exists() && !beside(2).exists());
}
