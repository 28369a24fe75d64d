//! A terminal's size.

use std::io::IsTerminal;
use std::os::fd::AsRawFd;

use crate::platform::terminal::Output;

/// Returns columns and rows, where the output is a terminal that knows them.
pub fn size(output: Output) -> Option<(usize, usize)> {
    let descriptor = match output {
        Output::Stdout => std::io::stdout().as_raw_fd(),
        Output::Stderr => std::io::stderr().as_raw_fd(),
    };
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: `size` is a valid, writable winsize for the whole call.
    if unsafe { libc::ioctl(descriptor, libc::TIOCGWINSZ, &mut size) } != 0 || size.ws_col == 0 {
        return None;
    }
    Some((size.ws_col.into(), size.ws_row.into()))
}

/// Returns whether the output is a terminal, which obeys escape sequences.
pub fn shows_sequences(output: Output) -> bool {
    match output {
        Output::Stdout => std::io::stdout().is_terminal(),
        Output::Stderr => std::io::stderr().is_terminal(),
    }
}
