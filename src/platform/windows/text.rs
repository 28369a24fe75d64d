//! Text and results as Windows has them.

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt;

/// An error where a call of the system returned 0.
pub fn checked(result: i32) -> io::Result<()> {
    if result == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Encodes a text for Windows, with a 0 at its end.
pub fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}
