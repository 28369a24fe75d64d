//! Lines on standard error.

use std::fmt::Display;
use std::io::{self, Write};

/// Says a line on standard error. Where it cannot be written (a full device, a reader that left), it is lost, and nothing else happens:
/// `eprintln!` would end the thread.
pub fn say(line: impl Display) {
    write(format_args!("{line}\n"));
}

/// The same, without the end of the line.
pub fn write(text: impl Display) {
    // One write, so that lines of several processes do not mix.
    let mut stderr = io::stderr().lock();
    let _ = stderr
        .write_all(text.to_string().as_bytes())
        .and_then(|()| stderr.flush());
}
