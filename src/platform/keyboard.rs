//! Keys as they are typed at the terminal, one by one.

pub use super::system::keyboard::{Keyboard, begin_raw, end_raw, suspend};

/// What somebody does at the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keystroke {
    Letter(char),
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Escape,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
    /// The terminal has another size.
    Resized,
    Other,
}

/// Returns what a letter or a control character means.
pub(super) fn keystroke_of(c: char) -> Keystroke {
    match c {
        '\u{3}' => Keystroke::Interrupt,
        '\u{1a}' => Keystroke::Suspend,
        c if c.is_control() => Keystroke::Other,
        c => Keystroke::Letter(c),
    }
}
