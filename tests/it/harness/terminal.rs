//! A real terminal, driven by tmux as a person would.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::{eventually, require_tool};

/// A terminal of its own, which nobody looks at, with a shell in it.
pub struct Terminal {
    dir: tempfile::TempDir,
}

impl Terminal {
    /// Of so many columns and rows. `None` where there is no tmux, which is said aloud.
    pub fn open(columns: usize, rows: usize) -> Option<Terminal> {
        if !require_tool("tmux", &["-V"]) {
            return None;
        }
        let terminal = Terminal {
            dir: tempfile::tempdir().expect("a temporary directory"),
        };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let opened = terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &rows,
            "sh",
        ]);
        assert!(opened.status.success(), "{opened:?}");
        Some(terminal)
    }

    /// A file beside it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn tmux(&self, words: &[&str]) -> Output {
        Command::new("tmux")
            .arg("-S")
            .arg(self.path("tmux"))
            .args(words)
            .env("PS1", "$ ")
            .output()
            .expect("run tmux")
    }

    pub fn type_line(&self, line: &str) {
        self.press("-l", line);
        self.press("--", "Enter");
    }

    pub fn press(&self, how: &str, keys: &str) {
        assert!(self.tmux(&["send-keys", how, keys]).status.success());
    }

    pub fn resize(&self, columns: usize, rows: usize) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let resized = self.tmux(&["resize-window", "-x", &columns, "-y", &rows]);
        assert!(resized.status.success(), "{resized:?}");
    }

    /// All that was shown so far, without the lines' ends.
    pub fn text(&self) -> String {
        self.shown(&["capture-pane", "-p", "-J", "-S", "-"])
    }

    /// What stands on the screen now, line by line.
    pub fn screen(&self) -> String {
        self.shown(&["capture-pane", "-p"])
    }

    /// A property of the terminal, such as `cursor_flag`, by tmux's name for it.
    pub fn property(&self, name: &str) -> String {
        let text = self.shown(&["display-message", "-p", &format!("#{{{name}}}")]);
        text.trim().to_owned()
    }

    fn shown(&self, words: &[&str]) -> String {
        String::from_utf8_lossy(&self.tmux(words).stdout).into_owned()
    }

    pub fn shows(&self, text: &str, times: usize) {
        eventually(&format!("{text:?} on the terminal, {times} times"), || {
            self.text().matches(text).count() >= times
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the terminal ---\n{}", self.text());
        }
        self.tmux(&["kill-server"]);
    }
}
