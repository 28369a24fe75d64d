//! Keys as a console tells them.

use std::io;
use std::os::windows::io::AsRawHandle;
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Console::{
    ENABLE_ECHO_INPUT, ENABLE_LINE_INPUT, ENABLE_PROCESSED_INPUT, ENABLE_VIRTUAL_TERMINAL_INPUT,
    ENABLE_WINDOW_INPUT, GetConsoleMode, INPUT_RECORD, KEY_EVENT, KEY_EVENT_RECORD,
    ReadConsoleInputW, SetConsoleMode, WINDOW_BUFFER_SIZE_EVENT,
};

use crate::platform::keyboard::{Keystroke, keystroke_of};

/// The mode of the console before.
static BEFORE: Mutex<Option<u32>> = Mutex::new(None);

/// Has the console of standard input tell every key at once, unseen; Ctrl-C too.
pub fn begin_raw() -> io::Result<()> {
    let mut before = 0;
    // SAFETY: the handle is that of our standard input, and `before` is writable for the whole call.
    if unsafe { GetConsoleMode(input(), &mut before) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let left_out = ENABLE_ECHO_INPUT
        | ENABLE_LINE_INPUT
        | ENABLE_PROCESSED_INPUT
        | ENABLE_VIRTUAL_TERMINAL_INPUT;
    // SAFETY: the handle is that of our standard input.
    if unsafe { SetConsoleMode(input(), before & !left_out | ENABLE_WINDOW_INPUT) } == 0 {
        return Err(io::Error::last_os_error());
    }
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
    Ok(())
}

/// Makes the console as it was before `begin_raw`. Does nothing without.
pub fn end_raw() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // SAFETY: the handle is that of our standard input.
        unsafe { SetConsoleMode(input(), before) };
    }
}

/// Does nothing: no console stops a program.
pub fn suspend() {}

/// The keys of the console of standard input, and its changes of size.
pub struct Keyboard;

impl Keyboard {
    pub fn open() -> io::Result<Keyboard> {
        Ok(Keyboard)
    }

    /// Waits for what is done next. An error says that nothing more will come.
    pub fn next(&mut self) -> io::Result<Keystroke> {
        let mut record = INPUT_RECORD::default();
        let mut number = 0;
        // SAFETY: the handle is that of our standard input; both are writable for the whole call.
        if unsafe { ReadConsoleInputW(input(), &mut record, 1, &mut number) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(match u32::from(record.EventType) {
            // SAFETY: the type says which member of the union it is.
            KEY_EVENT => key(unsafe { &record.Event.KeyEvent }),
            WINDOW_BUFFER_SIZE_EVENT => Keystroke::Resized,
            _ => Keystroke::Other,
        })
    }
}

fn key(event: &KEY_EVENT_RECORD) -> Keystroke {
    if event.bKeyDown == 0 {
        return Keystroke::Other;
    }
    match event.wVirtualKeyCode {
        0x1b => Keystroke::Escape,
        0x21 => Keystroke::PageUp,
        0x22 => Keystroke::PageDown,
        0x23 => Keystroke::End,
        0x24 => Keystroke::Home,
        0x26 => Keystroke::Up,
        0x28 => Keystroke::Down,
        // SAFETY: the function with W at its end fills in this member of the union.
        _ => match char::from_u32(unsafe { event.uChar.UnicodeChar }.into()) {
            Some(c) => keystroke_of(c),
            None => Keystroke::Other,
        },
    }
}

fn input() -> HANDLE {
    io::stdin().as_raw_handle()
}
