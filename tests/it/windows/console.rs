//! `top` in a console of Windows, which Wine draws on a terminal of this machine.

use super::on_windows;
use crate::harness::Latch;
use crate::harness::terminal::Terminal;
use crate::top::busy_tap;
use crate::top::terminal::{expect_end, type_top};

/// Wine passes escape sequences on to the terminal and takes each of their characters for a column: only in so many does it break no
/// line of the first frames.
const COLUMNS: usize = 9000;

#[test]
fn top_shows_what_runs_and_its_keys_end_it_and_leave_the_console_as_it_was() {
    if !on_windows() {
        return;
    }
    let latch = Latch::default();
    let (_ollama, tap, _client) = busy_tap(&latch);
    for key in ["q", "Escape", "C-c"] {
        let Some(terminal) = Terminal::open(COLUMNS, 24) else {
            return;
        };
        type_top(&terminal, &tap);
        terminal.press("--", key);
        expect_end(&terminal);
    }
    latch.release();
}
