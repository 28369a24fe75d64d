//! The one icon of a session: the name that it holds, and its end when another process of the user asks for that.

use super::text::wide;
use std::io;
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ALREADY_EXISTS, ERROR_FILE_NOT_FOUND, GetLastError, HANDLE, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, CreateMutexW, EVENT_MODIFY_STATE, GetCurrentThreadId, INFINITE, OpenEventW,
    OpenMutexW, SYNCHRONIZATION_SYNCHRONIZE, SetEvent, WaitForSingleObject,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{PostThreadMessageW, WM_QUIT};

/// The name of the mutex that the process of an icon holds; install.ps1 knows it too.
const SHOWN: &str = r"Local\OllamaTapTray";

/// The name of the event that asks it to end.
const STOP: &str = r"Local\OllamaTapTrayStop";

/// The longest wait for the end of an icon, whose menu may be open, and the time between two looks.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// An object of Windows, closed when dropped.
struct Handle(HANDLE);

// SAFETY: the handle of a mutex or an event belongs to the process, not to a thread.
unsafe impl Send for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: ours, and closed once.
        unsafe { CloseHandle(self.0) };
    }
}

impl Handle {
    /// The object that a call has returned, or the call's error.
    fn of(object: HANDLE) -> io::Result<Handle> {
        if object.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(Handle(object))
    }
}

/// The name that one process of a session has.
pub struct Claim {
    _shown: Handle,
    stop: Handle,
}

/// Sees to it that there is one icon a session; `None` where there is one already.
pub fn claim_tray() -> io::Result<Option<Claim>> {
    // The event comes first, so that whoever finds the icon can end it.
    // SAFETY: the name ends in 0 and lives until the end of the call.
    let stop = Handle::of(unsafe { CreateEventW(ptr::null(), 0, 0, wide(STOP).as_ptr()) })?;
    // SAFETY: the same.
    let shown = Handle::of(unsafe { CreateMutexW(ptr::null(), 0, wide(SHOWN).as_ptr()) })?;
    // SAFETY: takes nothing; it is what the call above has left.
    let is_another = unsafe { GetLastError() } == ERROR_ALREADY_EXISTS;
    Ok((!is_another).then_some(Claim {
        _shown: shown,
        stop,
    }))
}

impl Claim {
    /// Holds the name until the message loop of this thread ends, which it does when another process asks for that.
    pub fn quit_when_asked(self) -> io::Result<()> {
        // SAFETY: takes nothing.
        let shows = unsafe { GetCurrentThreadId() };
        let wait = move || {
            let claim = self; // whole
            // SAFETY: the event is open as long as the claim is.
            if unsafe { WaitForSingleObject(claim.stop.0, INFINITE) } == WAIT_OBJECT_0 {
                // SAFETY: takes no memory of ours.
                unsafe { PostThreadMessageW(shows, WM_QUIT, 0, 0) };
            }
            std::mem::forget(claim); // the name is free when the process has ended
        };
        thread::Builder::new()
            .name("tray stop".into())
            .spawn(wait)
            .map(drop)
    }
}

/// Ends the icon of this session, and waits until it has ended; `false` where none is shown.
pub fn stop_tray() -> io::Result<bool> {
    if !is_shown()? {
        return Ok(false);
    }
    // SAFETY: the name ends in 0 and lives until the end of the call.
    let stop = unsafe { OpenEventW(EVENT_MODIFY_STATE, 0, wide(STOP).as_ptr()) };
    let stop = Handle::of(stop)
        .map_err(|_| io::Error::other("it is one of version 0.1.0, which only its menu ends"))?;
    // SAFETY: opened above.
    if unsafe { SetEvent(stop.0) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let deadline = Instant::now() + STOP_TIMEOUT;
    while is_shown()? {
        if Instant::now() > deadline {
            return Err(io::Error::other(format!(
                "it is still shown after {} s",
                STOP_TIMEOUT.as_secs()
            )));
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(true)
}

/// Returns whether a process of this session holds the name of the icon.
fn is_shown() -> io::Result<bool> {
    // SAFETY: the name ends in 0 and lives until the end of the call.
    let shown = unsafe { OpenMutexW(SYNCHRONIZATION_SYNCHRONIZE, 0, wide(SHOWN).as_ptr()) };
    match Handle::of(shown) {
        Ok(_) => Ok(true),
        Err(cause) if cause.raw_os_error() == Some(ERROR_FILE_NOT_FOUND as i32) => Ok(false),
        Err(cause) => Err(cause),
    }
}
