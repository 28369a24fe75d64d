//! `ollama-tap export`: its formats, and that a file is written whole or not at all.

use std::fs;

use serde_json::Value;

use super::{GREETING, about, ask, lines, next_request, record, tap_of};
use crate::harness::ollama::json as ok;
use crate::harness::{
    AfterReply, FakeOllama, Latch, SIGINT, TIMEOUT, assert_contains, chunk, eventually,
    run_expecting,
};

#[test]
fn export_writes_the_format_that_the_file_is_called() {
    let records = [record("00", "=1+1"), record("01", "a,\"b\"")];
    let tap = tap_of(vec![
        ("/analytics/export", ok(&lines(&records))),
        ("/analytics/stats", about(2)),
    ]);
    let dir = tempfile::tempdir().unwrap();
    for (name, expected) in [
        ("a.csv", ",'=1+1,'=1+1,12,"),
        ("a.json", "[\n{"),
        ("a.jsonl", "{\"interaction_id\":\"00\""),
    ] {
        let path = dir.path().join(name);
        let (stdout, stderr) = run_expecting(
            ask(
                &tap,
                &["export", "--search", "x y", "-o", path.to_str().unwrap()],
            ),
            0,
        );
        assert_eq!(stdout, "");
        assert_contains(&stderr, &["wrote 2 records to ", name]);
        assert_contains(&fs::read_to_string(&path).unwrap(), &[expected]);
        assert_eq!(
            next_request(&tap, "/analytics/export").head.target(),
            "/analytics/export?format=jsonl&prompt_search=x%20y"
        );
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    let (stdout, stderr) = run_expecting(ask(&tap, &["export"]), 0);
    assert_eq!(
        stdout
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["interaction_id"].clone())
            .collect::<Vec<_>>(),
        ["00", "01"]
    );
    assert_eq!(stderr, "");
}

#[test]
fn an_export_with_a_limit_ends_there() {
    let records = [record("00", "a"), record("01", "b"), record("02", "c")];
    let tap = tap_of(vec![("/analytics/export", ok(&lines(&records)))]);
    for (limit, count) in [("1", 1), ("2", 2), ("3", 3), ("1000000", 3)] {
        let (stdout, _) = run_expecting(ask(&tap, &["export", "-n", limit]), 0);
        assert_eq!(stdout.lines().count(), count, "{stdout}");
    }
    for limit in ["0", "x", ""] {
        let (_, stderr) = run_expecting(ask(&tap, &["export", "--limit", limit]), 2);
        assert_contains(&stderr, &["bad value for --limit", "from 1 on"]);
    }
}

#[test]
fn a_broken_export_leaves_the_old_file() {
    let tap = FakeOllama::start(|conn| {
        conn.body()?;
        if conn.head.path() == "/healthz" {
            conn.write(ok(GREETING))?;
            return Ok(AfterReply::KeepAlive);
        }
        conn.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        conn.write(chunk(lines(&[record("00", "x")])))?;
        conn.write("broken\r\n")?;
        Ok(AfterReply::Close)
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    fs::write(&path, "old").unwrap();
    let (_, stderr) = run_expecting(ask(&tap, &["export", "-o", path.to_str().unwrap()]), 1);
    assert_contains(
        &stderr,
        &["read the export of the tap at http://127.0.0.1:"],
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    run_expecting(ask(&tap, &["export"]), 1);
}

#[test]
fn an_interrupted_export_leaves_nothing_of_its_own() {
    let latch = Latch::default();
    let (released, head) = (
        latch.clone(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    let tap = FakeOllama::start(move |conn| {
        conn.body()?;
        if conn.head.path() == "/healthz" {
            conn.write(ok(GREETING))?;
            return Ok(AfterReply::KeepAlive);
        }
        conn.write(head)?;
        released.wait();
        Ok(AfterReply::Close)
    });
    let dir = tempfile::tempdir().unwrap();
    let (path, users) = (dir.path().join("a.csv"), dir.path().join("a.csv.part"));
    fs::write(&users, "somebody's").unwrap();
    let mut export = ask(&tap, &["export", "-o", path.to_str().unwrap()]).spawn();
    next_request(&tap, "/analytics/export");
    eventually("a file is begun", || {
        fs::read_dir(dir.path()).unwrap().count() == 2
    });
    export.signal(SIGINT);
    assert_eq!(export.wait_exit(TIMEOUT).code(), Some(130));
    assert_eq!(fs::read_to_string(&users).unwrap(), "somebody's");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    latch.release();
}

#[cfg(unix)]
#[test]
fn an_exported_file_is_private_a_link_to_it_stays_one_and_a_device_is_not_replaced() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let tap = tap_of(vec![(
        "/analytics/export",
        ok(&lines(&[record("00", "x")])),
    )]);
    let dir = tempfile::tempdir().unwrap();
    let (path, link) = (dir.path().join("a.csv"), dir.path().join("link.csv"));
    fs::write(&path, "old").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    run_expecting(ask(&tap, &["export", "-o", link.to_str().unwrap()]), 0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .starts_with("interaction_id,")
    );
    run_expecting(ask(&tap, &["export", "-o", "/dev/null"]), 0);
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
}

#[test]
fn what_was_meant_is_said_of_a_name_without_its_flag_and_of_one_that_promises_no_format() {
    let tap = tap_of(vec![
        ("/analytics/export", ok(&lines(&[record("00", "x")]))),
        ("/analytics/stats", about(1)),
    ]);
    let (_, stderr) = run_expecting(ask(&tap, &["export", "out.json"]), 2);
    assert_contains(
        &stderr,
        &["unrecognized argument: out.json; say `-o out.json`"],
    );
    let (_, stderr) = run_expecting(ask(&tap, &["export", "-o", ""]), 2);
    assert_contains(&stderr, &["bad value for --output: ``"]);
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join("a.parquet");
    let (_, stderr) = run_expecting(ask(&tap, &["export", "-o", odd.to_str().unwrap()]), 0);
    assert_contains(
        &stderr,
        &[
            "a.parquet is written as jsonl",
            "wrote 1 record to ",
            " kB in ",
        ],
    );
    let missing = dir.path().join("missing");
    let path = missing.join("a.csv");
    let (_, stderr) = run_expecting(ask(&tap, &["export", "-o", path.to_str().unwrap()]), 1);
    let expected = format!("there is no directory {}", missing.display());
    assert_contains(&stderr, &[&expected]);
    assert!(!stderr.contains(".part"), "{stderr}");
}
