//! `ollama-tap top` as a person meets it: in a real terminal, driven by tmux.

use std::fs;

use super::{begin_request, busy_tap};
use crate::harness::terminal::Terminal;
use crate::harness::{Latch, Options, Proxy, SIGTERM, eventually, process, runner};

/// Types the command and what shows its exit code, behind a word that stands on the terminal; notes the number of its process.
pub fn type_top(terminal: &Terminal, tap: &Proxy) {
    let (top, note) = (runner::command().join(" "), terminal.path("pid"));
    let command = format!("exec {top} top --listen {}", tap.addr);
    terminal.type_line(&format!(
        "clear; echo before; sh -c 'echo $$ >{}; {command}'; echo ended with $?",
        note.display()
    ));
    shows(terminal, "under way");
}

/// Waits until the screen has this on it.
fn shows(terminal: &Terminal, text: &str) {
    eventually(&format!("{text:?} on the screen"), || {
        terminal.screen().contains(text)
    });
}

/// Waits until `top` has ended with 0, and looks whether the terminal is as it was.
pub fn expect_end(terminal: &Terminal) {
    shows(terminal, "ended with 0");
    assert_restored(terminal);
    terminal.type_line("echo typed");
    terminal.shows("echo typed", 1);
}

fn assert_restored(terminal: &Terminal) {
    let screen = terminal.screen();
    assert!(screen.starts_with("before"), "{screen}");
    assert!(!screen.contains("under way"), "{screen}");
    assert_eq!(terminal.property("alternate_on"), "0");
    assert_eq!(terminal.property("cursor_flag"), "1");
}

fn set(terminal: &Terminal, columns: usize, rows: usize) {
    terminal.resize(columns, rows);
    eventually("a frame of that size", || {
        let screen = terminal.screen();
        let lines: Vec<&str> = screen.lines().collect();
        lines.len() == rows && lines[rows - 1].starts_with("q quit")
    });
}

#[test]
fn it_shows_what_runs_in_eighty_columns_follows_the_size_and_heeds_keys() {
    let latch = Latch::default();
    let (_ollama, tap, _client) = busy_tap(&latch);
    let Some(terminal) = Terminal::open(80, 24) else {
        return;
    };
    type_top(&terminal, &tap);
    for words in [
        "Ollama Tap at http://127.0.0.1",
        "1 request under way",
        "talk   ollama-python  answering",
        "answering",
        "1 model loaded",
        "9.0 GB    50.0%    4,096   for ever",
        "q quit  p pause",
    ] {
        shows(&terminal, words);
    }
    assert_eq!(terminal.property("cursor_flag"), "0");
    assert_eq!(terminal.property("alternate_on"), "1");
    let more = [begin_request(&tap), begin_request(&tap)];
    shows(&terminal, "3 requests under way");
    terminal.press("-l", "p");
    shows(&terminal, ", paused");
    drop(more);
    terminal.press("-l", "p");
    shows(&terminal, "1 request under way");
    set(&terminal, 60, 10);
    shows(&terminal, "arrows scroll (0 above");
    terminal.press("--", "Down");
    shows(&terminal, "arrows scroll (1 above");
    terminal.press("--", "End");
    shows(&terminal, "9.0 GB");
    set(&terminal, 120, 30);
    terminal.press("-l", "q");
    expect_end(&terminal);
    latch.release();
}

#[test]
fn escape_ctrl_c_and_a_signal_end_it_and_leave_the_terminal_as_it_was() {
    let latch = Latch::default();
    let (_ollama, tap, _client) = busy_tap(&latch);
    for key in ["Escape", "C-c", ""] {
        let Some(terminal) = Terminal::open(80, 24) else {
            return;
        };
        type_top(&terminal, &tap);
        match key {
            "" => {
                let noted = fs::read_to_string(terminal.path("pid")).expect("a note");
                process::send(noted.trim().parse().expect("a number"), SIGTERM);
            }
            key => terminal.press("--", key),
        }
        expect_end(&terminal);
    }
    latch.release();
}

#[test]
fn ctrl_z_gives_the_terminal_back_until_it_goes_on() {
    let latch = Latch::default();
    let (_ollama, tap, _client) = busy_tap(&latch);
    let Some(terminal) = Terminal::open(80, 24) else {
        return;
    };
    terminal.type_line("set -m; clear");
    type_top(&terminal, &tap);
    terminal.press("--", "C-z");
    shows(&terminal, "topped"); // each shell has its own words around it
    assert_restored(&terminal);
    terminal.type_line("fg");
    shows(&terminal, "1 request under way");
    terminal.press("-l", "q");
    eventually("its end", || terminal.property("alternate_on") == "0");
    latch.release();
}

#[test]
fn a_tap_that_goes_away_is_told_and_asked_again() {
    let latch = Latch::default();
    let (ollama, tap, _client) = busy_tap(&latch);
    let Some(terminal) = Terminal::open(100, 24) else {
        return;
    };
    type_top(&terminal, &tap);
    let address = tap.addr.to_string();
    drop(tap);
    shows(&terminal, "asking again");
    let words = ["proxy", "--listen", &address, "--upstream", &ollama.url()];
    let _tap = Options::bare(&words).start();
    shows(&terminal, "0 requests under way");
    assert!(!terminal.screen().contains("asking again"));
    terminal.press("-l", "q");
    expect_end(&terminal);
    latch.release();
}
