//! Which history a question reads where none is named and no tap runs, and what is left as it is.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::terminal::purged_on_a_terminal;
use crate::harness::ollama::json as ok;
use crate::harness::{
    FakeOllama, Options, SIGTERM, TIMEOUT, assert_contains, post, require_tool, run_expecting, text,
};

const REPLY: &str =
    r#"{"model":"phi4","response":"a","done":true,"prompt_eval_count":1,"eval_count":1}"#;

/// The state directory of a user, and directories for histories.
struct Home(TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().expect("a temporary directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Taps of this user note where they write, and questions look there; none finds a tap that runs.
    fn with(&self, options: Options) -> Options {
        options
            .env("XDG_STATE_HOME", text(&self.path("state")))
            .env("OLLAMA_TAP_LISTEN", "127.0.0.1:1")
    }

    /// Runs a tap that writes one record here, to its end. Returns what it said.
    fn written(&self, name: &str, backend: &str) -> String {
        let ollama = FakeOllama::always(ok(REPLY));
        let options = self.with(Options::to(&ollama));
        let dir = self.path(name);
        let args = [
            "--analytics-dir",
            text(&dir),
            "--analytics-backend",
            backend,
        ];
        let mut tap = options.args(&args).start();
        tap.ask(
            "POST",
            post("/api/generate", r#"{"model":"phi4","prompt":"Why?"}"#),
        );
        tap.signal(SIGTERM);
        assert_eq!(tap.wait_exit(TIMEOUT).code(), Some(0));
        tap.log()
    }

    fn asked(&self, words: &[&str], code: i32) -> (String, String) {
        run_expecting(self.with(Options::bare(words)), code)
    }

    /// Asks from this directory.
    fn asked_in(&self, dir: &Path, words: &[&str]) -> (String, String) {
        let script = format!("cd '{}'; exec \"$0\" \"$@\"", dir.display());
        let options = self.with(Options::bare(words));
        run_expecting(options.behind(&["sh", "-c", &script]), 0)
    }
}

/// Everything in a directory, with the mode of each file and of the directory itself.
fn everything(dir: &Path) -> BTreeMap<PathBuf, u32> {
    let entries = fs::read_dir(dir).expect("list it");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mode = |path: &Path| fs::metadata(path).expect("its mode").permissions().mode();
    paths
        .chain([dir.to_owned()])
        .map(|path| (path.clone(), mode(&path)))
        .collect()
}

#[test]
fn a_history_elsewhere_that_does_not_answer_holds_up_no_request() {
    let home = Home::new();
    home.written("first", "jsonl");
    home.written("gone", "jsonl");
    let gone = home.path("gone/ollama_20261120.jsonl.gz");
    let made = Command::new("mkfifo").arg(&gone).status();
    assert!(made.expect("run mkfifo").success());
    for entry in fs::read_dir(home.path("gone")).expect("list it") {
        let path = entry.expect("an entry").path();
        if path != gone && text(&path).ends_with(".gz") {
            fs::remove_file(path).expect("remove it");
        }
    }
    let said = home.written("second", "jsonl");
    assert!(said.contains("dashboard http://"), "{said}");
    assert!(!said.contains("also a history in"), "{said}");
}

#[test]
fn a_question_from_anywhere_reads_the_history_written_last_and_names_the_others() {
    let home = Home::new();
    home.written("first", "jsonl");
    let said = home.written("second", "sqlite");
    let [first, second] = ["first", "second"].map(|name| text(&home.path(name)).to_owned());
    assert_contains(
        &said,
        &[
            &format!("storing in {second} (sqlite)"),
            &format!("also a history in: {first} (jsonl)"),
        ],
    );
    let (stdout, stderr) = home.asked(&["stats", "--json"], 0);
    let answer: Value = serde_json::from_str(&stdout).expect("JSON alone");
    assert_eq!(answer["source"]["data_dir"], second.as_str());
    let way_out = "(--analytics-dir says which one)";
    assert_eq!(
        stderr,
        format!("ollama-tap: reading {second} (sqlite); also there: {first} (jsonl) {way_out}\n")
    );

    // The one in the working directory is the obvious one.
    fs::create_dir(home.path("here")).expect("make a directory");
    home.written("here/ollama_analytics", "jsonl");
    let (stdout, stderr) = home.asked_in(&home.path("here"), &["search"]);
    assert_contains(&stdout, &["phi4"]);
    assert_eq!(
        stderr,
        format!("ollama-tap: also there: {second} (sqlite), {first} (jsonl) {way_out}\n")
    );

    fs::remove_dir_all(home.path("here")).expect("remove it");
    let purge = ["purge", "--all", "--yes", "--analytics-dir", &second];
    home.asked(&purge, 0);
    let (_, stderr) = home.asked(&["stats"], 0);
    assert_eq!(
        stderr,
        format!("ollama-tap: reading {first} (jsonl)\n"),
        "what is empty or gone is passed over"
    );
    fs::remove_dir_all(&first).expect("remove it");
    fs::remove_dir_all(&second).expect("remove it");
    assert_contains(&home.asked(&["stats"], 1).1, &["nothing to read"]);
}

#[test]
fn the_notes_of_where_taps_wrote_are_few_and_private_and_no_demo_leaves_one() {
    let home = Home::new();
    let notes = home.path("state/ollama-tap/histories");
    let lines = || fs::read_to_string(&notes).expect("the notes");
    fs::create_dir_all(notes.parent().expect("a directory")).expect("make it");
    let many: String = (0..50).map(|n| format!("{n} jsonl /gone/{n}\n")).collect();
    fs::write(&notes, many).expect("write notes");
    let kept = home.path("kept");
    home.written("kept", "jsonl");
    assert!(
        lines()
            .lines()
            .next()
            .is_some_and(|line| line.ends_with(&format!(" jsonl {}", text(&kept))))
    );
    assert_eq!(lines().lines().count(), 20);
    assert_eq!(
        fs::metadata(&notes).expect("a file").permissions().mode() & 0o777,
        0o600
    );
    let before = lines();
    let demo = home.with(Options::bare(&["demo", "--listen", "127.0.0.1:0"]));
    let mut demo = demo.start();
    demo.signal(SIGTERM);
    demo.wait_exit(TIMEOUT);
    assert_eq!(lines(), before);
    home.written("kept", "sqlite");
    assert_eq!(lines().lines().count(), 20, "a directory is noted once");
}

#[test]
fn a_tap_that_can_note_nothing_works_as_ever() {
    let home = Home::new();
    fs::write(home.path("state"), "no directory").expect("write a file");
    let said = home.written("kept", "jsonl");
    assert!(
        !said.contains("WARN") && !said.contains("histories"),
        "{said}"
    );
    let (stdout, _) = home.asked(&["search", "--analytics-dir", text(&home.path("kept"))], 0);
    assert_contains(&stdout, &["phi4"]);
}

#[test]
fn a_directory_that_cannot_be_written_is_named_whole_with_the_way_out() {
    let ollama = FakeOllama::always(ok(REPLY));
    let script = "cd /sys; exec \"$0\" \"$@\"";
    let tap = Options::to(&ollama).behind(&["sh", "-c", script]);
    let (_, stderr) = run_expecting(tap, 1);
    assert_contains(
        &stderr,
        &[
            "open the history in /sys/ollama_analytics: ",
            "; name a directory that can be written with --analytics-dir",
        ],
    );
}

#[test]
fn a_purge_that_is_answered_with_no_or_matches_nothing_changes_nothing() {
    let home = Home::new();
    for backend in ["jsonl", "sqlite"] {
        home.written(backend, backend);
        let dir = home.path(backend);
        for name in [".gitignore", ".holder", ".lock"] {
            fs::remove_file(dir.join(name)).expect("remove a file");
        }
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).expect("open it to all");
        let before = everything(&dir);
        for flags in [&["--model", "none"][..], &["--before", "2020-01-01"]] {
            let words = [&["purge", "--analytics-dir", text(&dir)], flags].concat();
            let (stdout, _) = home.asked(&words, 0);
            assert_contains(&stdout, &["deleted 0 records"]);
            assert_eq!(everything(&dir), before, "{backend} {flags:?}");
        }
        if require_tool("script", &["--version"]) {
            let flags = format!("--all --analytics-dir {}", text(&dir));
            let (code, shown) = purged_on_a_terminal(&flags, "n\n");
            assert_eq!(code, Some(1), "{shown}");
            assert_contains(&shown, &["delete 1 record in ", "nothing was deleted"]);
            assert_eq!(everything(&dir), before, "{backend}");
        }
        let (stdout, _) = home.asked(&["purge", "--all", "--analytics-dir", text(&dir)], 0);
        assert_contains(&stdout, &["deleted 1 record in "]);
    }
}

#[test]
fn a_purge_counts_what_another_backend_left_too() {
    let home = Home::new();
    home.written("both", "jsonl");
    home.written("both", "sqlite");
    let dir = home.path("both");
    let place = |backend| {
        [
            "--analytics-dir",
            text(&dir),
            "--analytics-backend",
            backend,
        ]
    };
    let purge = ["purge", "--model", "phi4"];
    if require_tool("script", &["--version"]) {
        let flags = [&purge[1..], &place("sqlite")].concat().join(" ");
        let (_, shown) = purged_on_a_terminal(&flags, "n\n");
        assert_contains(&shown, &["delete 2 records in "]);
    }
    home.asked(&[&purge[..], &place("sqlite")].concat(), 0);
    for backend in ["jsonl", "sqlite"] {
        let export = [&["export"][..], &place(backend)].concat();
        let (code, stdout, _) = home.with(Options::bare(&export)).run();
        assert!(stdout.is_empty(), "{backend} {code}: {stdout}");
    }
}

#[test]
fn nothing_found_is_no_failure_for_numbers_and_exports_and_one_for_a_search() {
    let home = Home::new();
    home.written("kept", "sqlite");
    let dir = home.path("kept");
    let ends = |words: &[&str], code| {
        let words = [words, &["--analytics-dir", text(&dir)]].concat();
        home.asked(&words, code).0
    };
    let both = |is_empty: bool| {
        assert_eq!(ends(&["export", "--model", "none"], 0), "");
        ends(&["search", "no such words"], 1);
        ends(&["why", "ffff"], 1);
        ends(&["purge", "ffff"], 1);
        ends(&["purge", "--model", "none"], 0);
        let numbers: Value = serde_json::from_str(&ends(&["stats", "--json"], 0)).expect("JSON");
        assert_eq!(numbers["totals"]["requests"], u64::from(!is_empty));
    };
    both(false);
    ends(&["purge", "--all"], 0);
    both(true);
    assert_eq!(ends(&["export"], 0), "");
}
