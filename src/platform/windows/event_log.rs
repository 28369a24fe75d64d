//! Windows' event log, where administrators look for what became of a service. Its own log has more.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::ERROR_FILE_NOT_FOUND;
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, RegisterEventSourceW,
    ReportEventW,
};
use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, REG_EXPAND_SZ, RegDeleteKeyW, RegSetKeyValueW,
};

use super::text::wide;
use crate::platform::service::SERVICE;

/// What Windows knows of our events, below the machine's part of the registry.
const SOURCE: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application\OllamaTap";

/// The file that has the texts of our events: a program of every Windows, whose texts 1 to 1000 are the words of the event and
/// nothing else. One of ours would be held open by whoever looks at the log.
const TEXTS: &str = r"%SystemRoot%\System32\EventCreate.exe";

/// What an event tells; Windows keeps its number.
#[derive(Clone, Copy, PartialEq)]
pub enum Event {
    Running = 1,
    Ended = 2,
    /// What needs a person.
    Failure = 3,
}

/// Has Windows know us as a source of events.
pub fn add_source() -> io::Result<()> {
    let texts = wide(TEXTS);
    // SAFETY: all texts end in 0 and live until the end of the call, which reads as many bytes of the last one as it has.
    succeeded(unsafe {
        RegSetKeyValueW(
            HKEY_LOCAL_MACHINE,
            wide(SOURCE).as_ptr(),
            wide("EventMessageFile").as_ptr(),
            REG_EXPAND_SZ,
            texts.as_ptr().cast(),
            size_of_val(&*texts) as u32,
        )
    })
}

/// One that is not there is removed.
pub fn remove_source() -> io::Result<()> {
    // SAFETY: the text ends in 0 and lives until the end of the call.
    match unsafe { RegDeleteKeyW(HKEY_LOCAL_MACHINE, wide(SOURCE).as_ptr()) } {
        ERROR_FILE_NOT_FOUND => Ok(()),
        code => succeeded(code),
    }
}

/// Writes an event. Where that fails, the service's own log has it still.
pub fn report(event: Event, text: &str) {
    let kind = match event {
        Event::Failure => EVENTLOG_ERROR_TYPE,
        Event::Running | Event::Ended => EVENTLOG_INFORMATION_TYPE,
    };
    // SAFETY: the name ends in 0 and lives until the end of the call.
    let source = unsafe { RegisterEventSourceW(ptr::null(), wide(SERVICE).as_ptr()) };
    if source.is_null() {
        return;
    }
    let text = wide(without_places(text));
    // SAFETY: opened above, and closed once; there is one text, which ends in 0 and lives until the end of the call, and nothing else.
    unsafe {
        ReportEventW(
            source,
            kind,
            0,
            event as u32,
            ptr::null_mut(),
            1,
            0,
            &text.as_ptr(),
            ptr::null(),
        );
        DeregisterEventSource(source);
    }
}

/// `%1` in a text would be the place of another: a space keeps both letters.
fn without_places(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_digit() && plain.ends_with('%') {
            plain.push(' ');
        }
        plain.push(letter);
    }
    plain
}

fn succeeded(code: u32) -> io::Result<()> {
    match code {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code as i32)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_zone_is_no_place_of_a_text() {
        assert_eq!(
            without_places("[fe80::1%12]:80, %TEMP%"),
            "[fe80::1% 12]:80, %TEMP%"
        );
    }

    #[test]
    fn a_source_that_is_not_there_is_removed() {
        remove_source().unwrap();
    }
}
