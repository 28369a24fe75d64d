//! Several taps and one Loki, and a Loki that is not there when it is needed.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::{REPLY, TestHistory, page, prompts, talk, wait_for_records};
use crate::harness::ollama::json;
use crate::harness::runner::within;
use crate::harness::{FakeOllama, Proxy, eventually, metric};

/// The file in the directory of the history that the next start reads.
fn unsent(history: &TestHistory) -> Vec<String> {
    let names = fs::read_dir(history.history())
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a file").file_name());
    names
        .map(|name| name.into_string().expect("UTF-8"))
        .filter(|name| name.starts_with("loki-unsent-"))
        .collect()
}

fn stop(tap: &mut Proxy) {
    tap.signal(15);
    tap.wait_exit(Duration::from_secs(20));
}

#[test]
fn records_that_loki_had_not_accepted_are_sent_at_the_next_start() {
    let history = TestHistory::new("loki");
    let ollama = FakeOllama::always(json(REPLY));
    let mut tap = history
        .options(&ollama)
        .args(&["--name", "gpu box", "--shutdown-grace", "1"])
        .start();
    history.loki.refuse();
    for prompt in ["one", "two", "three"] {
        talk(&tap, prompt);
    }
    tap.wait_log("it is tried again");
    stop(&mut tap);
    let left = unsent(&history);
    assert!(
        left.len() == 1
            && left[0].starts_with("loki-unsent-gpu_box-")
            && left[0].ends_with(".jsonl.gz"),
        "{left:?} {}",
        tap.log()
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(history.history().join(&left[0]))
            .expect("the file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    tap.wait_log("stopping: 3 records are left to the next start");
    tap.wait_log("sent at the next start");
    assert!(
        !tap.log().contains("is complete") && !tap.log().contains("are lost"),
        "{}",
        tap.log()
    );
    history.loki.listen_again();
    let next = history.start(&ollama);
    talk(&next, "four");
    eventually("all of them", || {
        prompts(&page(&next, "/analytics/export")) == ["one", "two", "three", "four"]
    });
    let records = page(&next, "/analytics/export");
    assert_eq!(
        (&records[0]["host"], unsent(&history).len()),
        (&"gpu box".into(), 0)
    );
    assert_eq!(
        metric("ollama_tap_analytics_dropped_total").sum(&next.scrape()),
        0.0
    );
}

#[test]
fn a_loki_that_hangs_takes_neither_pages_nor_the_end_with_it() {
    let history = TestHistory::new("loki");
    let ollama = FakeOllama::always(json(REPLY));
    let mut tap = history
        .options(&ollama)
        .args(&["--shutdown-grace", "1"])
        .start();
    talk(&tap, "before");
    wait_for_records(&tap, 1);
    let held = history.loki.hold();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| tap.get("/analytics/messages").status());
        }
        talk(&tap, "meanwhile");
        tap.scrape_until("what waits", |scrape| {
            metric("ollama_analytics_queue_size").sum(scrape) == 1.0
        });
        for page in ["/test", "/analytics", "/healthz", "/metrics"] {
            let began = Instant::now();
            assert!(
                tap.get(page).status() < 600 && began.elapsed() < within(Duration::from_secs(5)),
                "{page} took {:?}",
                began.elapsed()
            );
        }
    });
    stop(&mut tap);
    assert_eq!(unsent(&history).len(), 1, "{}", tap.log());
    drop(held);
}

#[test]
fn taps_that_share_a_loki_are_distinguished_by_machine_and_port() {
    let history = TestHistory::new("loki");
    let ollama = FakeOllama::always(json(REPLY));
    let tap = |name: &str| history.options(&ollama).args(&["--name", name]).start();
    let (one, other) = (tap("red"), tap("blue"));
    for prompt in ["a", "b"] {
        talk(&one, prompt);
    }
    talk(&other, "c");
    eventually("all of them", || {
        page(&one, "/analytics/search")
            .as_array()
            .is_some_and(|records| records.len() == 3)
    });
    assert_eq!(prompts(&page(&one, "/analytics/search?host=blue")), ["c"]);
    let port = one.addr.port();
    assert_eq!(
        prompts(&page(&other, &format!("/analytics/search?tap={port}"))),
        ["b", "a"]
    );
    let by_host = page(&other, "/analytics/stats/enhanced?hours=1")["by_host"].clone();
    let hosts: Vec<(&str, u64)> = by_host
        .as_array()
        .expect("groups")
        .iter()
        .map(|group| {
            (
                group["name"].as_str().unwrap(),
                group["requests"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        (format!("red:{port}"), 2),
        (format!("blue:{}", other.addr.port()), 1),
    ];
    assert_eq!(
        hosts,
        expected
            .each_ref()
            .map(|(name, count)| (name.as_str(), *count))
    );
    assert!(
        prompts(&page(&one, "/analytics/search?tap=1")).is_empty()
            && one.get("/analytics/search?tap=x").status() == 400
    );
}

#[test]
fn a_wrong_password_waits_for_the_right_one_and_says_so() {
    let history = TestHistory::new("loki");
    let ollama = FakeOllama::always(json(REPLY));
    let tap = history.start(&ollama);
    history.loki.fail(3, 401, "no org id");
    talk(&tap, "kept");
    let line = tap.wait_log("it is tried again");
    assert!(
        line.contains("401 no org id") && line.contains("LOKI_PASSWORD"),
        "{line}"
    );
    wait_for_records(&tap, 1);
    assert_eq!(prompts(&page(&tap, "/analytics/search")), ["kept"]);
    assert!(page(&tap, "/analytics/stats")["write_error"].is_null());
    history.loki.fail(usize::from(u16::MAX), 403, "");
    talk(&tap, "waits");
    tap.scrape_until("what waits", |scrape| {
        metric("ollama_analytics_queue_size").sum(scrape) == 1.0
    });
    let told = |tap: &Proxy| {
        page(tap, "/analytics/stats")["write_error"]
            .as_str()
            .is_some_and(|why| why.contains("403"))
    };
    eventually("the reason in the statistics", || told(&tap));
    history.loki.state().faults.clear();
    wait_for_records(&tap, 2);
}
