//! Prints lines for the user who installs.

use std::fmt;
use std::io::{self, Write};

/// Prints a line on standard output. A reader that has gone must not stop an installation half-way.
pub fn print_line(line: impl fmt::Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints what went wrong on standard error.
pub fn warn(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "ollama-tap: {line}");
}
