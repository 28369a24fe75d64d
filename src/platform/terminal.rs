//! The terminal that an output of this process may be.

#[cfg(test)]
pub use super::system::terminal::run_on_a_terminal;
pub use super::system::terminal::{shows_sequences, size};

/// An output of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Stdout,
    Stderr,
}
