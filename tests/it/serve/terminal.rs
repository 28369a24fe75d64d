//! `ollama-tap run` and `serve` as a person meets them: in a real terminal, driven by tmux.

use super::{Machine, port};
use crate::harness::process::lives;
use crate::harness::terminal::Terminal;

/// Types a command and what shows its exit code.
fn type_command(machine: &Machine, terminal: &Terminal, words: &str) {
    let path = format!(
        "{}:{}",
        machine.path("bin").display(),
        super::python()
            .map(|dir| dir.display().to_string())
            .unwrap_or_default()
    );
    let set = [
        format!(
            "export PATH={path}:$PATH STANDIN_DIR={} XDG_STATE_HOME={}",
            machine.path("").display(),
            machine.path("state").display()
        ),
        format!(
            "export STANDIN=parent OLLAMA_TAP_LISTEN=127.0.0.1:{} OLLAMA_BACKEND_PORT={}",
            port(),
            port()
        ),
    ];
    for line in set.iter() {
        terminal.type_line(line);
    }
    terminal.type_line(&format!(
        "{} {words}; echo ended with $?",
        env!("CARGO_BIN_EXE_ollama-tap")
    ));
}

/// Types a command that starts Ollama and chats, and waits for its prompt.
fn chatting(machine: &Machine, terminal: &Terminal) {
    type_command(machine, terminal, "run talk");
    terminal.shows(">>> ", 1);
}

#[test]
fn a_person_chats_presses_ctrl_c_chats_on_and_leaves() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let Some(terminal) = Terminal::open(100, 30) else {
        return;
    };
    chatting(&machine, &terminal);
    terminal.type_line("Why is the sky blue?");
    terminal.shows("It is blue.", 1);
    terminal.press("--", "C-c");
    terminal.shows("Use Ctrl + d or /bye to exit.", 1);
    terminal.type_line("And the sea?");
    terminal.shows("It is blue.", 2);
    terminal.type_line("/bye");
    terminal.shows("ended with 0", 1);
    machine.nothing_is_left();
    let text = terminal.text();
    assert!(
        !text.contains("INFO") && !text.contains("listening"),
        "the terminal is the command's:\n{text}"
    );
}

#[test]
fn ctrl_c_ends_serve_on_a_terminal() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let Some(terminal) = Terminal::open(100, 30) else {
        return;
    };
    let dir = machine.path("history");
    type_command(
        &machine,
        &terminal,
        &format!("serve --analytics-dir {}", dir.display()),
    );
    terminal.shows("ollama answers", 1);
    assert!(!machine.run(1).is_gone());
    terminal.press("--", "C-c");
    terminal.shows("ended with 0", 1);
    assert!(machine.run(1).is_gone());
}

#[test]
fn a_terminal_that_closes_leaves_no_process() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let Some(terminal) = Terminal::open(100, 30) else {
        return;
    };
    chatting(&machine, &terminal);
    let run = machine.run(1);
    assert!(lives(run.ollama));
    drop(terminal);
    machine.nothing_is_left();
}

#[test]
fn ctrl_z_and_fg_leave_the_chat_as_it_was() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let Some(terminal) = Terminal::open(100, 30) else {
        return;
    };
    chatting(&machine, &terminal);
    terminal.press("--", "C-z");
    terminal.shows("topped", 1); // each shell has its own words around it
    terminal.type_line("fg");
    terminal.type_line("Why?");
    terminal.shows("It is blue.", 1);
    terminal.type_line("/bye");
    machine.nothing_is_left();
}
