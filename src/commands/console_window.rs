//! The console window of a process that was started with a double-click; it closes with the process.

use std::io::{self, IsTerminal};

use crate::platform;
use crate::util::stderr;

/// The console window, if this process has one to itself.
pub struct Window {
    is_ours: bool,
}

impl Window {
    /// Introduces the program, unless it has arguments: then the user knows it, or another program started it unseen.
    pub fn open() -> Window {
        let is_ours = std::env::args_os().len() == 1
            && platform::process::owns_console()
            && io::stdin().is_terminal();
        if is_ours {
            stderr::say(
                "Ollama Tap stands where applications expect Ollama, and shows what they ask of it.",
            );
            stderr::say("It works as long as this window is open; Ctrl-C ends it.");
        }
        Window { is_ours }
    }

    /// Keeps the window open, so that an error can be read.
    pub fn wait_for_enter(&self) {
        if self.is_ours {
            stderr::say("Press Enter to close this window.");
            let _ = io::stdin().read_line(&mut String::new());
        }
    }
}
