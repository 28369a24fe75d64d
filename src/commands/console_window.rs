//! What somebody sees who started us with a double-click. The window is ours alone, and closes with us.

use std::io::{self, IsTerminal};

use crate::platform;

/// The window, if there is one that only we use.
pub struct Window {
    is_ours: bool,
}

impl Window {
    /// Says what this is. Whoever gives arguments knows, and may be a program that nobody watches.
    pub fn open() -> Window {
        let is_ours = std::env::args_os().len() == 1
            && platform::process::owns_console()
            && io::stdin().is_terminal();
        if is_ours {
            eprintln!(
                "Ollama Tap stands where applications expect Ollama, and shows what they ask of it."
            );
            eprintln!("It works as long as this window is open; Ctrl-C ends it.");
        }
        Window { is_ours }
    }

    /// Lets an error be read before the window closes.
    pub fn keep(&self) {
        if self.is_ours {
            eprintln!("Press Enter to close this window.");
            let _ = io::stdin().read_line(&mut String::new());
        }
    }
}
