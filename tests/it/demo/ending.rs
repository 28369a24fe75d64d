//! However the demo is told to end, its records are gone, unless somebody named a place for them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{MARK, TEXTS, demo, started};
use crate::harness::process::asking_to_end;
use crate::harness::runner::{under_wine, within};
use crate::harness::{Options, Proxy, SIGINT, SIGTERM, eventually, metric, post};

/// Returns whether nothing is there, not even a directory; but for Wine, which keeps the name of a removed file until that is closed, so that the
/// directories around it stay.
fn is_empty(directory: &Path) -> bool {
    let is_nothing = |path: &Path| under_wine() && path.is_dir() && is_empty(path);
    fs::read_dir(directory).map_or(true, |mut entries| {
        entries.all(|entry| is_nothing(&entry.expect("an entry").path()))
    })
}

/// Nothing is left in the temporary directory, nor where the history was. What was open goes a moment after the end there.
fn leaves_nothing(tap: &Proxy, temporary: &tempfile::TempDir) {
    let line = tap.wait_log("storing in ");
    let place = line
        .split("storing in ")
        .nth(1)
        .and_then(|rest| rest.split(" (").next())
        .expect("a place");
    eventually("all is gone", || {
        is_empty(temporary.path()) && is_empty(Path::new(place))
    });
}

#[test]
fn its_records_are_deleted_however_it_ends() {
    for signal in asking_to_end() {
        let (mut tap, dir) = started();
        assert_eq!(tap.ask("POST", post(TEXTS[0].0, TEXTS[0].1)).status(), 200);
        assert!(!is_empty(dir.path()), "there is a history while it runs");
        tap.signal(signal);
        assert_eq!(tap.wait_exit(Duration::from_secs(5)).code(), Some(0));
        leaves_nothing(&tap, &dir);
    }
}

#[test]
fn a_second_ctrl_c_ends_it_at_once_and_leaves_nothing_either() {
    let (mut tap, dir) = demo(&["--listen", "127.0.0.1:0"])
        .env("OLLAMA_TAP_TEST_DEMO_SPEED_UP", "0.2")
        .start();
    let mut client = tap.connect();
    client.send(post(TEXTS[0].0, TEXTS[0].1));
    let active = metric("ollama_active_requests").value(1.0);
    tap.scrape_until("the request", |scrape| active.is_in(scrape));
    tap.signal(SIGINT);
    tap.wait_log("stopping");
    tap.signal(SIGINT);
    assert_eq!(tap.wait_exit(Duration::from_secs(2)).code(), Some(1));
    leaves_nothing(&tap, &dir);
}

#[test]
fn traffic_does_not_hold_up_the_end() {
    let (mut tap, dir) = demo(&["--listen", "127.0.0.1:0", "--traffic"])
        .env("OLLAMA_TAP_TEST_DEMO_SPEED_UP", "0.2")
        .start();
    let active = metric("ollama_active_requests");
    tap.scrape_until("traffic", |scrape| active.sum(scrape) >= 6.0);
    let told = Instant::now();
    tap.signal(SIGTERM);
    assert_eq!(tap.wait_exit(Duration::from_secs(5)).code(), Some(0));
    assert!(
        told.elapsed() < within(Duration::from_secs(2)),
        "took {:?}",
        told.elapsed()
    );
    leaves_nothing(&tap, &dir);
}

#[test]
fn a_history_that_was_named_stays() {
    let kept = tempfile::tempdir().expect("a temporary directory");
    let path = kept.path().join("history");
    let (mut tap, dir) = demo(&[
        "--listen",
        "127.0.0.1:0",
        "--analytics-dir",
        &path.to_string_lossy(),
    ])
    .start();
    assert_eq!(tap.ask("POST", post(TEXTS[0].0, TEXTS[0].1)).status(), 200);
    tap.signal(SIGTERM);
    tap.wait_exit(Duration::from_secs(5));
    assert!(!tap.log().contains("deleted at the end") && is_empty(dir.path()));
    let (exit, stdout, _) = Options::bare(&[
        "search",
        "Why",
        "--json",
        "--analytics-dir",
        &path.to_string_lossy(),
    ])
    .run();
    assert!(exit == 0 && stdout.contains(MARK), "{stdout}");
}
