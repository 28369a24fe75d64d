//! The output of Ollama: lines of our log at their level, and the last of them for when it dies.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};

use log::Level;

use crate::util::threads::lock;

/// A longer line becomes several (bytes): Go writes one for each goroutine, Ollama one for its whole configuration.
const LINE_MAX: u64 = 16 * 1024;

/// Lines that are kept for when it dies.
const TAIL_LINES: usize = 10;

/// Is told every line as it is read, and must not wait.
pub type LineSink = Arc<dyn Fn(&str) + Send + Sync>;

/// The end of what one run of Ollama has written so far.
pub struct OutputTail {
    last: Mutex<VecDeque<String>>,
    sink: LineSink,
}

impl OutputTail {
    pub fn new(sink: LineSink) -> OutputTail {
        OutputTail {
            last: Mutex::default(),
            sink,
        }
    }

    /// Reads to the end of the pipe, so that Ollama never waits for room in it.
    pub fn drain(&self, pipe: impl Read) {
        read_lines(pipe, |line| self.record(line));
    }

    fn record(&self, line: &str) {
        if line.is_empty() {
            return;
        }
        // First, so that who sees it in our log knows that it was told.
        (self.sink)(line);
        log::log!(level(line), "ollama: {line}");
        let mut last = lock(&self.last);
        if last.len() == TAIL_LINES {
            last.pop_front();
        }
        last.push_back(line.to_owned());
    }

    /// Returns its last lines, each on a line of its own and indented; empty where it wrote nothing.
    pub fn last(&self) -> String {
        let last = lock(&self.last);
        last.iter().map(|line| format!("\n  {line}")).collect()
    }
}

/// Reads a pipe to its end, line by line.
pub fn read_lines(pipe: impl Read, mut each: impl FnMut(&str)) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe
        .by_ref()
        .take(LINE_MAX)
        .read_until(b'\n', &mut line)
        .is_ok_and(|amount| amount > 0)
    {
        each(&without_control_characters(&line));
        line.clear();
    }
}

/// A line without what could move a terminal.
fn without_control_characters(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end()
        .chars()
        .map(|c| if c.is_control() && c != '\t' { ' ' } else { c })
        .collect()
}

/// The level that a line says it has. One request a line is what we log ourselves; llama.cpp and others name no level.
fn level(line: &str) -> Level {
    let named = line
        .split("level=")
        .nth(1)
        .and_then(|rest| rest.split([' ', '+', '-']).next());
    match named {
        Some("ERROR") => Level::Error,
        Some("WARN") => Level::Warn,
        Some("DEBUG" | "TRACE") => Level::Debug,
        None if ["Error:", "panic:", "fatal error:"]
            .iter()
            .any(|word| line.starts_with(word)) =>
        {
            Level::Error
        }
        None if line.starts_with("[GIN]") => Level::Debug,
        _ => Level::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_level_that_they_name() {
        for (line, expected) in [
            (
                "time=2026-11-21T08:49:09.000Z level=INFO source=routes.go:1 msg=\"Listening on 127.0.0.1:11435\"",
                Level::Info,
            ),
            (
                "time=2026-11-21T08:49:09.000Z level=WARN msg=x",
                Level::Warn,
            ),
            (
                "time=2026-11-21T08:49:09.000Z level=ERROR+2 msg=x",
                Level::Error,
            ),
            (
                "time=2026-11-21T08:49:09.000Z level=DEBUG-4 msg=x",
                Level::Debug,
            ),
            (
                "[GIN] 2026/11/21 - 08:49:09 | 200 | 1.2ms | 127.0.0.1 | HEAD \"/\"",
                Level::Debug,
            ),
            (
                "Error: listen tcp 127.0.0.1:11435: bind: address already in use",
                Level::Error,
            ),
            ("panic: runtime error: index out of range", Level::Error),
            ("llama_model_loader: loaded meta data", Level::Info),
        ] {
            assert_eq!(level(line), expected, "{line}");
        }
    }

    #[test]
    fn the_last_lines_are_kept_without_what_moves_a_terminal() {
        let output = OutputTail::new(Arc::new(|_| ()));
        let lines: String = (0..30)
            .map(|n| format!("line {n}\u{1b}[2J\r\n\n"))
            .collect();
        output.drain(lines.as_bytes());
        let last = output.last();
        assert_eq!(last.lines().count(), TAIL_LINES + 1);
        assert!(
            last.starts_with("\n  line 20 [2J\n") && last.ends_with("\n  line 29 [2J"),
            "{last:?}"
        );
    }

    #[test]
    fn a_line_without_end_is_not_held_in_memory() {
        let output = OutputTail::new(Arc::new(|_| ()));
        output.drain(std::io::repeat(b'x').take(LINE_MAX * 3));
        assert_eq!(
            output
                .last()
                .lines()
                .skip(1)
                .map(str::len)
                .collect::<Vec<_>>(),
            [LINE_MAX as usize + 2; 3]
        );
    }
}
