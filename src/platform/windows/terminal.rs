//! A console's size, and its obedience to escape sequences.

use std::os::windows::io::AsRawHandle;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Console::{
    CONSOLE_SCREEN_BUFFER_INFO, ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode,
    GetConsoleScreenBufferInfo, SetConsoleMode,
};

use crate::platform::terminal::Output;

/// Returns columns and rows of the window, where the output is a console.
pub fn size(output: Output) -> Option<(usize, usize)> {
    let mut info = CONSOLE_SCREEN_BUFFER_INFO::default();
    // SAFETY: the handle is that of an output of ours, and `info` is writable for the whole call.
    if unsafe { GetConsoleScreenBufferInfo(handle(output), &mut info) } == 0 {
        return None;
    }
    let window = info.srWindow;
    let length = |from: i16, to: i16| usize::try_from(i32::from(to) - i32::from(from) + 1).ok();
    Some((
        length(window.Left, window.Right)?,
        length(window.Top, window.Bottom)?,
    ))
}

/// Has the console obey escape sequences, and returns whether it does: one before Windows 10 shows them as text.
pub fn shows_sequences(output: Output) -> bool {
    let handle = handle(output);
    let mut mode = 0;
    // SAFETY: the handle is that of an output of ours, and `mode` is writable for the whole call.
    if unsafe { GetConsoleMode(handle, &mut mode) } == 0 {
        return false;
    }
    let wanted = mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING;
    // SAFETY: the handle is that of an output of ours.
    mode == wanted || unsafe { SetConsoleMode(handle, wanted) } != 0
}

/// Returns `None`: what a console shows cannot be read here.
#[cfg(test)]
pub fn run_on_a_terminal(_command: std::process::Command) -> Option<(String, bool)> {
    None
}

fn handle(output: Output) -> HANDLE {
    match output {
        Output::Stdout => std::io::stdout().as_raw_handle(),
        Output::Stderr => std::io::stderr().as_raw_handle(),
    }
}
