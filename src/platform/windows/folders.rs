//! Folders that Windows has a place for on every machine. It is asked itself: the variables that name them can be anything.

use std::ffi::OsString;
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;
use windows_sys::Win32::System::Com::CoTaskMemFree;
use windows_sys::Win32::UI::Shell::{
    FOLDERID_ProgramData, FOLDERID_ProgramFiles, SHGetKnownFolderPath,
};
use windows_sys::core::GUID;

use crate::platform::folders::absolute;

/// More directories of programs, for PATH: none.
pub const MORE_PATH: &str = "";

/// The service's own directory.
pub fn service_directory() -> PathBuf {
    program_data().join("OllamaTap")
}

/// Returns the directory of the service's log, which everybody may read: it never holds a prompt.
pub fn service_logs() -> PathBuf {
    service_directory().join("logs")
}

/// Returns the path of the copy of this program that the service can always find.
pub fn service_program() -> PathBuf {
    program_files().join("OllamaTap").join("ollama-tap.exe")
}

/// Programs below these stay where they are, and everybody may run them; one in a home or a build directory comes and goes.
pub fn program_places() -> Vec<PathBuf> {
    vec![program_files()]
}

/// Returns the directory of the instance files that all users may read. Installing the service makes it; a tap does not.
pub fn runtime_directory() -> PathBuf {
    service_directory().join("run")
}

/// Returns the directory where taps keep files of the user who starts them; `None` for a user without a home.
pub fn state_directory() -> Option<PathBuf> {
    Some(absolute("LOCALAPPDATA")?.join("OllamaTap"))
}

/// Returns the directory where services and programs of all users keep their data.
fn program_data() -> PathBuf {
    known(&FOLDERID_ProgramData).unwrap_or_else(|| r"C:\ProgramData".into())
}

/// Returns the directory of the programs of all users.
fn program_files() -> PathBuf {
    known(&FOLDERID_ProgramFiles).unwrap_or_else(|| r"C:\Program Files".into())
}

fn known(folder: &GUID) -> Option<PathBuf> {
    let mut path = ptr::null_mut();
    // SAFETY: the number lives until the end of the call, which puts a text there that is ours to free.
    let is_known = unsafe { SHGetKnownFolderPath(folder, 0, ptr::null_mut(), &mut path) } == 0;
    // SAFETY: where it is known, the text ends in 0.
    let letters = || {
        (0..)
            .map(|at| unsafe { *path.add(at) })
            .take_while(|letter| *letter != 0)
            .collect::<Vec<u16>>()
    };
    let found = is_known.then(|| PathBuf::from(OsString::from_wide(&letters())));
    // SAFETY: ours, or null, and freed once.
    unsafe { CoTaskMemFree(path.cast()) };
    found
}
