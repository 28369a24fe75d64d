//! Words that are close to our commands, where there is an Ollama to ask.

use super::super::Machine;
use crate::harness::{assert_contains, run_expecting, stderr_expecting};

#[test]
fn a_word_that_ollama_lists_is_ollamas_and_of_any_other_nothing_is_started() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let stderr = stderr_expecting(machine.command(&["serach", "sky"]), 2);
    assert_contains(
        &stderr,
        &[
            "no such command `serach`; did you mean `search`?",
            "`ollama-tap -- serach`",
        ],
    );
    // The stand-in lists this one, which is as close.
    let (stdout, _) = run_expecting(machine.command(&["serch", "sky"]), 0);
    assert_eq!(stdout, "these words: serch sky\n");
    assert!(machine.runs().is_empty());
}
