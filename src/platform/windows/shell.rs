//! Services of the desktop for a user without a terminal: opens a page, copies text, shows a message, asks for an administrator's rights.

use super::text::wide;
use std::ffi::OsString;
use std::io;
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::ptr;
use windows_sys::Win32::Foundation::{CloseHandle, GlobalFree, HANDLE};
use windows_sys::Win32::Storage::FileSystem::{MOVEFILE_DELAY_UNTIL_REBOOT, MoveFileExW};
use windows_sys::Win32::System::Console::GetConsoleWindow;
use windows_sys::Win32::System::DataExchange::{
    CloseClipboard, EmptyClipboard, OpenClipboard, SetClipboardData,
};
use windows_sys::Win32::System::Memory::{GMEM_MOVEABLE, GlobalAlloc, GlobalLock, GlobalUnlock};
use windows_sys::Win32::System::Threading::{
    DETACHED_PROCESS, GetExitCodeProcess, INFINITE, WaitForSingleObject,
};
use windows_sys::Win32::UI::Shell::{
    SEE_MASK_NOASYNC, SEE_MASK_NOCLOSEPROCESS, SHELLEXECUTEINFOW, ShellExecuteExW,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    MB_ICONWARNING, MB_OK, MessageBoxW, SW_HIDE, SW_SHOWNORMAL,
};

/// Returns whether this process has a console window, alone or shared.
pub fn has_console() -> bool {
    // SAFETY: takes nothing.
    unsafe { !GetConsoleWindow().is_null() }
}

/// Starts this program again, without a window, and leaves it to itself.
pub fn start_without_console(args: impl Iterator<Item = OsString>) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.creation_flags(DETACHED_PROCESS).spawn().map(drop)
}

/// Opens a page or a file with what the user opens such with.
pub fn open(what: &Path) -> io::Result<()> {
    let what = wide(what);
    execute(SHELLEXECUTEINFOW {
        lpFile: what.as_ptr(),
        nShow: SW_SHOWNORMAL,
        ..Default::default()
    })
    .map(drop)
}

/// Runs this program with an administrator's rights, for which the user is asked, and waits for its exit code.
pub fn run_as_administrator(words: &[&str]) -> io::Result<u32> {
    let (verb, file, words) = (
        wide("runas"),
        wide(std::env::current_exe()?),
        wide(words.join(" ")),
    );
    let process = execute(SHELLEXECUTEINFOW {
        fMask: SEE_MASK_NOCLOSEPROCESS | SEE_MASK_NOASYNC,
        lpVerb: verb.as_ptr(),
        lpFile: file.as_ptr(),
        lpParameters: words.as_ptr(),
        nShow: SW_HIDE,
        ..Default::default()
    })?;
    let mut code = 0;
    // SAFETY: the process is ours to wait for; the code is writable for the call.
    let is_known = unsafe {
        WaitForSingleObject(process, INFINITE) == 0 && GetExitCodeProcess(process, &mut code) != 0
    };
    // SAFETY: ours, and closed once.
    unsafe { CloseHandle(process) };
    if is_known {
        Ok(code)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Asks the desktop to perform a verb; returns the process, if that was requested.
fn execute(what: SHELLEXECUTEINFOW) -> io::Result<HANDLE> {
    let mut what = SHELLEXECUTEINFOW {
        cbSize: size_of::<SHELLEXECUTEINFOW>() as u32,
        ..what
    };
    // SAFETY: it says how large it is, and its texts end in 0 and live in the caller until the end of the call.
    match unsafe { ShellExecuteExW(&mut what) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(what.hProcess),
    }
}

/// Puts a text where the user can paste it from.
pub fn copy_text(text: &str) -> io::Result<()> {
    /// Text as Windows has it, which ends in 0.
    const CF_UNICODETEXT: u32 = 13;
    let text = wide(text);
    // SAFETY: takes no memory of ours.
    if unsafe { OpenClipboard(ptr::null_mut()) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let done = memory_of(&text).and_then(|memory| {
        // SAFETY: the clipboard is open, and takes the memory where it does not fail.
        if unsafe { EmptyClipboard() != 0 && !SetClipboardData(CF_UNICODETEXT, memory).is_null() } {
            return Ok(());
        }
        let cause = io::Error::last_os_error();
        // SAFETY: the clipboard has not taken it.
        unsafe { GlobalFree(memory) };
        Err(cause)
    });
    // SAFETY: opened above, and closed once.
    unsafe { CloseClipboard() };
    done
}

/// A copy of a text in memory that the system can take over.
fn memory_of(text: &[u16]) -> io::Result<HANDLE> {
    // SAFETY: takes no memory of ours.
    let memory = unsafe { GlobalAlloc(GMEM_MOVEABLE, size_of_val(text)) };
    // SAFETY: null for null, else where that memory is.
    let place = unsafe { GlobalLock(memory) };
    if place.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is as large as the text, and owned here alone.
    unsafe { ptr::copy_nonoverlapping(text.as_ptr(), place.cast(), text.len()) };
    // SAFETY: locked above.
    unsafe { GlobalUnlock(memory) };
    Ok(memory)
}

/// Has a file removed when Windows starts the next time. It leaves its place at once, in which there may be another one by then.
pub fn remove_at_restart(path: &Path) -> io::Result<()> {
    let aside = path.with_extension(format!("{}.old", std::process::id()));
    std::fs::rename(path, &aside)?;
    // SAFETY: the path ends in 0 and lives until the end of the call.
    match unsafe {
        MoveFileExW(
            wide(aside).as_ptr(),
            ptr::null(),
            MOVEFILE_DELAY_UNTIL_REBOOT,
        )
    } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Tells something in a window, and waits until it is closed.
pub fn show_message(text: &str) {
    // SAFETY: both texts end in 0 and live until the end of the call.
    unsafe {
        MessageBoxW(
            ptr::null_mut(),
            wide(text).as_ptr(),
            wide("Ollama Tap").as_ptr(),
            MB_OK | MB_ICONWARNING,
        )
    };
}
