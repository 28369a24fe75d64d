//! Killed under load, and told to stop under load: what was answered is in the history, once, and its files are whole.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::kept::lines;
use super::{BACKENDS, LOCAL, REPLY, TestHistory, asking, files};
use crate::harness::ollama::json;
use crate::harness::runner::{under_wine, within};
use crate::harness::sample::{random, rounds};
use crate::harness::{FakeOllama, Proxy, SIGKILL, SIGTERM, TIMEOUT, metric, require_tool};

/// Every so many kills come late enough for records to be older than `SAFE`.
const LATE: usize = 10;

/// A record whose request was answered this long before the kill must be there.
const SAFE: Duration = Duration::from_secs(1);

/// Clients that ask one thing after the other.
const CLIENTS: usize = 3;

/// The prompts that were answered, and when.
type Answered = Vec<(String, Instant)>;

/// Asks from several clients until the tap is gone, and meanwhile does what `end` does.
fn under_load(tap: &Proxy, round: usize, end: impl FnOnce()) -> Answered {
    let answered = Mutex::new(Answered::new());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let answered = &answered;
            scope.spawn(move || ask_on(tap, &format!("{round}/{client}"), answered));
        }
        end();
    });
    answered.into_inner().unwrap()
}

fn ask_on(tap: &Proxy, name: &str, answered: &Mutex<Answered>) {
    let mut client = tap.connect();
    for n in 0.. {
        let prompt = format!("why {name}/{n}?");
        let reply = client
            .try_send(asking(&prompt))
            .and_then(|()| client.try_reply("POST"));
        match reply {
            Ok(reply) if reply.status() == 200 => {
                answered.lock().unwrap().push((prompt, Instant::now()))
            }
            _ => return,
        }
    }
}

/// Records that were written, as the tap counts them.
fn written(tap: &Proxy) -> usize {
    metric("ollama_analytics_writes_total")
        .label("status", "success")
        .sum(&tap.scrape()) as usize
}

#[test]
fn days_survive_kills_under_load() {
    survives_kills("jsonl", &|dir| {
        for path in files(dir)
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        {
            says(
                "",
                Command::new("zcat").arg(path).output().map(without_stdout),
            );
        }
    });
}

#[test]
fn a_database_survives_kills_under_load() {
    survives_kills("sqlite", &|dir| {
        says(
            "ok\n",
            Command::new("sqlite3")
                .arg(dir.join("ollama_analytics.db"))
                .arg("PRAGMA integrity_check")
                .output(),
        );
    });
}

/// Asserts that a foreign program ends well and says just this.
fn says(text: &str, output: std::io::Result<Output>) {
    let output = output.expect("run it");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
}

fn without_stdout(output: Output) -> Output {
    Output {
        stdout: Vec::new(),
        ..output
    }
}

fn survives_kills(backend: &str, is_whole: &dyn Fn(&Path)) {
    let tool = if backend == "jsonl" {
        "zcat"
    } else {
        "sqlite3"
    };
    let has_tool = require_tool(tool, &["--version"]);
    let history = TestHistory::new(backend);
    let ollama = FakeOllama::always(json(REPLY));
    let mut must_be_there = HashSet::new();
    let (mut answered_ever, mut written_ever) = (0, 0);
    let mut tap = history.start(&ollama);
    let kills = rounds(if under_wine() { 10 } else { 20 }, 200); // a start takes Wine a second or two
    let mut random = random();
    for round in 0..kills {
        let mut killed = None;
        let answered = under_load(&tap, round, || {
            let after = if round % LATE == LATE - 1 {
                within(SAFE) * 3 / 2
            } else {
                Duration::from_millis(random.u64(20..160))
            };
            thread::sleep(after); // a kill may come at any moment, the later the more is at stake
            written_ever += written(&tap);
            killed = Some(Instant::now());
            tap.signal(SIGKILL);
        });
        tap.wait_exit(TIMEOUT); // connections end before their process does, and its lock
        tap = history.start(&ollama);
        if has_tool {
            is_whole(&history.history());
        }
        let safe = killed.expect("a kill") - within(SAFE);
        answered_ever += answered.len();
        must_be_there.extend(
            answered
                .into_iter()
                .filter(|(_, at)| *at < safe)
                .map(|(prompt, _)| prompt),
        );
    }
    let there = prompts_once(&lines(&tap.get("/analytics/export?format=jsonl").text()));
    let may_be_late = under_wine(); // there a write to the disk may take seconds, which all others wait for
    assert!(
        may_be_late || there.is_superset(&must_be_there),
        "lost: {:?}",
        must_be_there.difference(&there).take(5).collect::<Vec<_>>()
    );
    assert!(
        !must_be_there.is_empty() && there.len() >= written_ever,
        "{} of {written_ever} that were written",
        there.len()
    );
    println!(
        "{backend}: {answered_ever} answered, {} safe, {written_ever} written, {} there",
        must_be_there.len(),
        there.len()
    );
}

/// The prompts of records, none of which may be there twice.
fn prompts_once(records: &[Value]) -> HashSet<String> {
    let field = |name: &str| {
        records
            .iter()
            .map(|record| record[name].as_str().expect("a text").to_owned())
            .collect::<HashSet<_>>()
    };
    let prompts = field("prompt_full");
    assert_eq!(
        (prompts.len(), field("interaction_id").len()),
        (records.len(), records.len()),
        "some are there twice"
    );
    prompts
}

#[test]
fn requests_answered_before_a_stop_are_recorded() {
    for backend in BACKENDS {
        let history = TestHistory::new(backend);
        let ollama = FakeOllama::always(json(REPLY));
        let mut tap = history.start(&ollama);
        let answered = under_load(&tap, 0, || {
            tap.scrape_until("a busy history", |scrape| {
                metric("ollama_analytics_writes_total").sum(scrape) > 50.0
            });
            tap.signal(SIGTERM);
        });
        assert_eq!(tap.wait_exit(TIMEOUT).code(), Some(0));
        let (code, stdout, stderr) = history.ask(&["export", "--format", "jsonl"]);
        assert_eq!(code, 0, "{stderr}");
        let there = prompts_once(&lines(&stdout));
        let lost: Vec<_> = answered
            .iter()
            .filter(|(prompt, _)| !there.contains(prompt))
            .collect();
        assert!(
            lost.is_empty(),
            "{backend}: {} of {} lost",
            lost.len(),
            answered.len()
        );
        tap.wait_log("is complete");
    }
}

#[test]
fn a_torn_file_is_mended_at_the_start() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let ollama = FakeOllama::always(json(REPLY));
        let mut tap = history.start(&ollama);
        super::talk(&tap, "first");
        super::wait_for_records(&tap, 1);
        super::talk(&tap, "second");
        super::wait_for_records(&tap, 2);
        tap.signal(SIGKILL);
        tap.wait_exit(TIMEOUT);
        for path in files(&history.history())
            .iter()
            .filter(|path| is_written_at_its_end(path))
        {
            let bytes = fs::read(path).expect("a file");
            fs::write(path, &bytes[..bytes.len() - 5]).expect("tear it");
        }
        let tap = history.start(&ollama);
        super::talk(&tap, "third");
        tap.scrape_until("the third", |scrape| {
            metric("ollama_analytics_writes_total")
                .label("status", "success")
                .sum(scrape)
                == 1.0
        });
        let there = prompts_once(&lines(&tap.get("/analytics/export?format=jsonl").text()));
        assert!(
            there.contains("first") && there.contains("third"),
            "{backend}: {there:?}"
        );
        assert!(
            backend == "sqlite" || there.contains("second"),
            "its line was whole, only what closes the member was torn"
        );
    }
}

fn is_written_at_its_end(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "gz" || extension == "db-wal")
}
