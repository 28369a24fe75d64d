//! The stderr of a running executable, line by line.

use std::io::BufRead;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::TIMEOUT;
use super::runner::within;

/// The stderr of the executable so far.
#[derive(Default)]
pub struct Log {
    text: Mutex<String>,
    grown: Condvar,
    ended: Mutex<bool>,
}

impl Log {
    /// Reads the pipe to its end.
    pub fn fill(&self, mut pipe: impl BufRead) {
        let mut line = Vec::new();
        while pipe
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            self.text
                .lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&line));
            self.grown.notify_all();
            line.clear();
        }
        *self.ended.lock().unwrap() = true;
        self.grown.notify_all();
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.text
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone() // a failed wait poisons it
    }

    /// Waits for a line that contains this and returns it.
    pub fn wait(&self, wanted: &str) -> String {
        let deadline = Instant::now() + within(TIMEOUT);
        let mut text = self.text.lock().unwrap();
        loop {
            if let Some(line) = text.lines().find(|line| line.contains(wanted)) {
                return line.to_owned();
            }
            let over = *self.ended.lock().unwrap() || Instant::now() >= deadline;
            assert!(!over, "no line with {wanted:?} on stderr:\n{text}");
            text = self
                .grown
                .wait_timeout(text, Duration::from_millis(50))
                .unwrap()
                .0;
        }
    }
}
