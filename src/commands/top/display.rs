//! The whole terminal, taken for as long as `top` runs: a screen of its own, on which lines are overwritten in place.

use std::io::{self, Write};
use std::panic;

use crate::platform::keyboard;

/// Another screen, and no cursor; and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

const CLEAR_ALL: &str = "\u{1b}[2J";
const CLEAR_REST_OF_LINE: &str = "\u{1b}[K";

/// A terminal that shows our lines. It is as before once this is dropped.
pub struct Display {
    shown: Vec<String>,
    size: (usize, usize),
}

impl Display {
    pub fn open() -> io::Result<Display> {
        restore_on_panic();
        let display = Display {
            shown: Vec::new(),
            size: (0, 0),
        };
        enter()?;
        Ok(display)
    }

    /// Shows these lines on a terminal of this size, in one write, and nothing where they are there already.
    pub fn draw(&mut self, lines: Vec<String>, size: (usize, usize)) -> io::Result<()> {
        let mut text = String::new();
        if self.size != size {
            text += CLEAR_ALL;
            self.shown.clear();
        }
        text += &changes(&self.shown, &lines);
        (self.shown, self.size) = (lines, size);
        write(&text)
    }

    /// Gives the terminal back until this process goes on.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        keyboard::suspend();
        self.size = (0, 0);
        enter()
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        restore();
    }
}

/// The sequences that turn one screen of lines into another.
fn changes(before: &[String], after: &[String]) -> String {
    let mut text = String::new();
    for row in 0..before.len().max(after.len()) {
        let line = after.get(row).map_or("", String::as_str);
        if before.get(row).map_or("", String::as_str) != line {
            text += &format!("\u{1b}[{};1H{line}{CLEAR_REST_OF_LINE}", row + 1);
        }
    }
    text
}

fn enter() -> io::Result<()> {
    keyboard::begin_raw()?;
    write(ENTER)
}

/// Makes the terminal as it was, whatever happens to it.
pub fn restore() {
    _ = write(LEAVE);
    keyboard::end_raw();
}

fn write(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Has a panic on any thread be read on the terminal as it was, and end all.
fn restore_on_panic() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        restore();
        tell(info);
        std::process::exit(101);
    }));
}

#[cfg(test)]
mod tests {
    use std::{env, process, thread};

    use super::*;
    use crate::platform::terminal::run_on_a_terminal;

    #[test]
    fn a_panic_is_read_on_the_terminal_as_it_was() {
        const INSIDE: &str = "OLLAMA_TAP_TEST_INSIDE";
        if env::var_os(INSIDE).is_some() {
            let _display = Display::open().unwrap();
            panic!("out of luck");
        }
        let name = thread::current().name().unwrap().to_owned();
        let mut inside = process::Command::new(env::current_exe().unwrap());
        inside
            .args(["--exact", &name, "--nocapture"])
            .env(INSIDE, "1");
        let Some((shown, is_as_before)) = run_on_a_terminal(inside) else {
            return crate::skips::skip("what a console shows cannot be read");
        };
        let (taken, left) = shown.split_once(LEAVE).expect(&shown);
        assert!(taken.contains(ENTER), "{shown}");
        assert!(left.contains("out of luck"), "{shown}");
        assert!(is_as_before);
    }

    #[test]
    fn only_lines_that_have_changed_are_written_and_all_are_cleared_to_their_end() {
        let lines = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(changes(&lines("a|b|c"), &lines("a|b|c")), "");
        assert_eq!(
            changes(&lines("a|b|c"), &lines("a|x")),
            "\u{1b}[2;1Hx\u{1b}[K\u{1b}[3;1H\u{1b}[K"
        );
        assert_eq!(changes(&[], &lines("a")), "\u{1b}[1;1Ha\u{1b}[K");
    }
}
