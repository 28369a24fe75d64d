//! Databases that others made.

use super::*;

/// A database as the tap's forerunner made it, with what may have got into it over the years.
fn seeded(dir: &Path) -> PathBuf {
    let path = dir.join("history");
    fs::create_dir(&path).unwrap();
    let seed = Connection::open(path.join(DATABASE_FILE)).unwrap();
    seed.execute_batch(include_str!("../001_seed.sql")).unwrap();
    seed.execute_batch(
        r#"CREATE INDEX idx_timestamp ON interactions (timestamp);
        INSERT INTO interactions VALUES
            ('a1', 1700000000.25, 'phi4', 'api/chat', 'question', 'Why is the sky blue?', 5, 7, 41.7, 1.5, 0.5, 0.25, 'success', NULL,
             '{"client_ip": "127.0.0.1"}'),
            ('a2', 1700000001, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'error', 'Traceback', 'no json {'),
            ('a3', 'yesterday', x'ff00', 3, 4.5, x'c3a9ff', 'many', -1, 'fast', 2, 9e999, '1.5', NULL, x'00', ''),
            (NULL, NULL, 'm', 'e', 'c', 'nameless', 1, 2, 3, 4, 5, 6, 's', 'e', 'null');"#,
    )
    .unwrap();
    path
}

fn first() -> Record {
    Record {
        interaction_id: "a1".to_owned(),
        timestamp: 1_700_000_000.25,
        model: Some("phi4".to_owned()),
        endpoint: "api/chat".to_owned(),
        prompt_category: "question".to_owned(),
        prompt_full: Some("Why is the sky blue?".to_owned()),
        prompt_tokens: Some(5),
        generated_tokens: Some(7),
        tokens_per_second: Some(41.7),
        duration_seconds: Some(1.5),
        eval_duration_seconds: Some(0.5),
        load_duration_seconds: Some(0.25),
        status: "success".to_owned(),
        metadata: serde_json::json!({"client_ip": "127.0.0.1"}),
        ..Record::default()
    }
}

fn has_it_all(sqlite: &Sqlite) {
    assert_eq!(sqlite.get("a1").unwrap(), Some(first()));
    let second = sqlite.get("a2").unwrap().unwrap();
    assert_eq!(
        (second.model, second.error, second.metadata),
        (None, Some("Traceback".to_owned()), "no json {".into())
    );
    let third = sqlite.get("a3").unwrap().unwrap();
    assert_eq!(
        (
            third.prompt_full.as_deref(),
            third.prompt_tokens,
            third.generated_tokens
        ),
        (Some("é\u{fffd}"), None, None)
    );
    assert_eq!(newest(sqlite, &[("limit", "2")]).len(), 2);
    assert_eq!(newest(sqlite, &[("prompt_search", "SKY")]), ["a1"]);
    assert_eq!(newest(sqlite, &[("model", "unknown")]), ["a2"]);
    assert_eq!(read_all(sqlite, &[]).len(), 4);
    let mut summary = 0;
    sqlite
        .for_each_summary(&Query::default(), &mut |_| summary += 1)
        .unwrap();
    assert_eq!(
        (summary, sqlite.extent(f64::INFINITY).unwrap().records),
        (4, 4)
    );
}

#[test]
fn a_database_of_before_the_tap_is_read_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = seeded(dir.path());
    let before = fs::read(path.join(DATABASE_FILE)).unwrap();
    has_it_all(&Sqlite::reader(&path).unwrap());
    assert_eq!(fs::read(path.join(DATABASE_FILE)).unwrap(), before);
}

#[test]
fn a_database_of_before_the_tap_is_carried_on() {
    let dir = tempfile::tempdir().unwrap();
    seeded(dir.path());
    let sqlite = opened(dir.path());
    has_it_all(&sqlite);
    caught_up(&sqlite);
    has_it_all(&sqlite);
    filled(&sqlite, [record(1)]);
    assert_eq!(newest(&sqlite, &[("limit", "1")]), [id(1)]);
    assert!(schema::shrinks(&stranger(&sqlite)).unwrap());
    for record in read_all(&sqlite, &[]) {
        assert!(
            !record.interaction_id.is_empty()
                && sqlite.get(&record.interaction_id).unwrap().is_some()
        );
    }
}

#[test]
fn a_reader_of_before_goes_on_reading_what_is_carried_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = seeded(dir.path());
    let reader = Sqlite::reader(&path).unwrap();
    let sqlite = opened(dir.path());
    filled(&sqlite, [record(1)]);
    assert_eq!(newest(&reader, &[("limit", "1")]), [id(1)]);
}

#[test]
fn a_database_of_a_newer_tap_is_refused() {
    let (sqlite, dir) = fresh();
    stranger(&sqlite)
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(sqlite);
    for refused in [
        Sqlite::reader(&dir.path().join("history")),
        Sqlite::writer(directory(dir.path())),
    ] {
        let text = complaint(refused);
        assert!(
            text.contains("newer") && text.contains("99") && text.contains(DATABASE_FILE),
            "{text}"
        );
    }
}

/// A database as 0.1.0 made it: all migrations, none of the columns that came later.
fn of_the_version_before(dir: &Path) -> PathBuf {
    let path = seeded(dir);
    let old = Connection::open(path.join(DATABASE_FILE)).unwrap();
    for migration in [
        include_str!("../002_columns.sql"),
        include_str!("../003_search.sql"),
        include_str!("../004_client.sql"),
    ] {
        old.execute_batch(migration).unwrap();
    }
    old.pragma_update(None, "user_version", 4).unwrap();
    path
}

#[test]
fn columns_that_came_later_are_added_and_the_version_before_goes_on_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = of_the_version_before(dir.path());
    has_it_all(&Sqlite::reader(&path).unwrap());
    let sqlite = opened(dir.path());
    has_it_all(&sqlite);
    filled(&sqlite, [record(1)]);
    assert_eq!(sqlite.get(&id(1)).unwrap(), Some(record(1)));
    let old = stranger(&sqlite);
    assert_eq!(schema::pragma(&old, "user_version").unwrap(), 4);
    old.execute("INSERT INTO interactions (interaction_id, timestamp, status) VALUES ('of the old one', 1.0, 'success')", []).unwrap();
    assert_eq!(
        sqlite
            .get("of the old one")
            .unwrap()
            .map(|record| record.prompt_cached_tokens),
        Some(None)
    );
    let plan: String = old
        .query_row("EXPLAIN QUERY PLAN SELECT timestamp, prompt_cached_tokens, metadata FROM interactions WHERE timestamp > 5", [], |row| {
            row.get(3)
        })
        .unwrap();
    assert!(plan.contains("COVERING INDEX interactions_facts"), "{plan}");
}
