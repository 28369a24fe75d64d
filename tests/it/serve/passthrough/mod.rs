//! A command of Ollama's through the tap: which server it asks, what is started for it, and how it ends.

/// The end of a command: its exit code, signals, and what is stopped after it.
mod ending;
/// What was found of a command's requests.
mod findings;
/// Words that are close to ours.
mod misspelt;

use std::time::Duration;

use serde_json::Value;

use super::{Machine, port, ready};
use crate::harness::ollama::json;
use crate::harness::{FakeOllama, metric, run_expecting};

/// The records that commands left in the user's state directory.
fn records(machine: &Machine) -> Vec<Value> {
    let (stdout, _) = run_expecting(
        machine.tap(&[
            "export",
            "--format",
            "json",
            "--analytics-dir",
            &machine.history(),
        ]),
        0,
    );
    serde_json::from_str(&stdout).expect("JSON")
}

#[test]
fn a_command_finds_ollama_started_for_it_and_stopped_after_it() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (stdout, stderr) = run_expecting(
        machine.command(&["list"]).env("STANDIN", "parent,chatty"),
        0,
    );
    assert_eq!(
        (stdout.as_str(), stderr.as_str()),
        ("talk:latest\n", ""),
        "the terminal is the command's"
    );
    assert_eq!(machine.runs().len(), 1);
    assert!(machine.run(1).is_gone());
}

#[test]
fn requests_of_a_command_are_recorded_in_the_users_own_history() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (stdout, _) = run_expecting(machine.command(&["run", "talk", "Why is the sky blue?"]), 0);
    assert_eq!(stdout, "It is blue.\n");
    let records = records(&machine);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["model"], "talk");
    assert!(
        records[0]["metadata"]["user_agent"]
            .as_str()
            .is_some_and(|agent| agent.starts_with("ollama/")),
        "{}",
        records[0]
    );
    let (stdout, _) = run_expecting(
        machine
            .words(&["search", "sky"])
            .env("PROXY_PORT", &port().to_string()),
        0,
    );
    assert!(stdout.contains("talk"), "{stdout}");
}

#[test]
fn a_command_asks_the_tap_that_is_there_and_starts_nothing() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("").start();
    ready(&tap);
    for variable in ["OLLAMA_TAP_LISTEN", "OLLAMA_HOST"] {
        let (stdout, stderr) = run_expecting(
            machine
                .words(&["run", "talk", "Why?"])
                .env(variable, &tap.addr.to_string()),
            0,
        );
        assert_eq!((stdout.as_str(), stderr.as_str()), ("It is blue.\n", ""));
    }
    tap.scrape_until("two requests", |scrape| {
        metric("ollama_requests_total").sum(scrape) == 2.0
    });
    assert_eq!(machine.runs().len(), 1);
}

#[test]
fn a_plain_ollama_is_tapped_for_as_long_as_the_command_runs() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = FakeOllama::start(|conn| {
        let stream = [
            crate::harness::ollama::STREAM_HEAD.as_bytes(),
            &crate::harness::ollama::done(3, 2),
        ]
        .concat();
        conn.answer(if conn.head.path() == "/api/generate" {
            stream
        } else {
            json("{}")
        })
    });
    let (_, stderr) = run_expecting(
        machine
            .words(&["run", "talk", "Why?"])
            .env("OLLAMA_HOST", &ollama.url()),
        0,
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in [
        "an Ollama 0.33.0 answers",
        &ollama.addr.to_string(),
        "`ollama-tap serve`",
    ] {
        assert!(stderr.contains(word), "no {word:?} in {stderr}");
    }
    assert_eq!(records(&machine).len(), 1);
    assert!(
        machine.runs().is_empty(),
        "an Ollama was started beside the one that is there"
    );
    let (stdout, _) = run_expecting(machine.words(&["ps"]).env("OLLAMA_HOST", &ollama.url()), 0);
    let environment: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_ne!(
        environment["OLLAMA_HOST"].as_str(),
        Some(&*ollama.url()),
        "the command went past its tap"
    );
}

#[test]
fn two_commands_at_once_both_run_though_one_history_has_one_writer() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = FakeOllama::always(
        [
            crate::harness::ollama::STREAM_HEAD.as_bytes(),
            &crate::harness::ollama::done(3, 2),
        ]
        .concat(),
    );
    let holder = machine.tap(&[
        "proxy",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        &ollama.url(),
    ]);
    let _holder = holder
        .args(&["--analytics-dir", &machine.history()])
        .start();
    let (_, stderr) = run_expecting(
        machine
            .words(&["run", "talk", "Why?"])
            .env("OLLAMA_HOST", &ollama.url()),
        0,
    );
    assert!(
        stderr.contains("measured and not recorded") && stderr.contains("writes it"),
        "{stderr}"
    );
}

#[test]
fn words_that_need_no_server_start_nothing() {
    let Some(machine) = Machine::new() else {
        return;
    };
    for (words, code) in [
        (&["--", "help"][..], 0),
        (&["--", "-v"], 0),
        (&["--", "help", "run"], 0),
        (&["--", "search", "x", "--json"], 0),
        (&["frobnicate"], 1),
    ] {
        let (stdout, stderr) = run_expecting(machine.command(words), code);
        let shown: Vec<&str> = words.iter().copied().filter(|word| *word != "--").collect();
        assert!(
            code != 0 || stdout == format!("these words: {}\n", shown.join(" ")),
            "{stdout}"
        );
        assert_eq!(stderr.contains("unknown command"), code == 1, "{stderr}");
    }
    assert!(machine.runs().is_empty());
}

#[test]
fn a_command_that_stores_the_address_gets_one_that_lasts() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let ollama = FakeOllama::always(json("{}"));
    let (stdout, stderr) = run_expecting(
        machine
            .words(&["launch", "editor"])
            .env("OLLAMA_HOST", &ollama.url()),
        0,
    );
    assert_eq!(stdout, "these words: launch editor\n");
    assert!(
        stderr.contains("not measured") && stderr.contains("`ollama-tap serve`"),
        "{stderr}"
    );
}

#[test]
fn our_secrets_are_not_the_commands() {
    let Some(machine) = Machine::new() else {
        return;
    };
    for words in [&["ps"][..], &["--", "ps"]] {
        let options = machine
            .command(words)
            .env("OLLAMA_TAP_TOKEN", "s3cr3t")
            .env("LOKI_PASSWORD", "s3cr3t");
        let (stdout, _) = run_expecting(options, 0);
        assert!(
            stdout.contains("OLLAMA_HOST") && !stdout.contains("s3cr3t"),
            "{stdout}"
        );
    }
}

#[test]
fn a_command_waits_for_an_ollama_that_is_being_started() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tap = machine.serve("late").start();
    machine.run(1);
    let mut command = machine
        .words(&["stop", "0"])
        .env("OLLAMA_TAP_LISTEN", &tap.addr.to_string())
        .spawn();
    let refused = metric("ollama_tap_refused_total").label("reason", "starting");
    tap.scrape_until("a question of the command's", |scrape| {
        refused.sum(scrape) >= 1.0
    });
    assert!(command.is_running());
    machine.touch("go");
    assert_eq!(command.wait_exit(Duration::from_secs(5)).code(), Some(0));
}
