//! The stand-in's calls to Windows.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use windows_sys::Win32::System::Console::{
    AttachConsole, CTRL_BREAK_EVENT, CTRL_C_EVENT, FreeConsole, GenerateConsoleCtrlEvent,
    SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::core::BOOL;

/// The process that started this one.
pub fn parent() -> io::Result<u32> {
    // SAFETY: takes no memory of ours; the handle, where it is one, is new and nobody else's.
    let processes =
        unsafe { OwnedHandle::from_raw_handle(CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0)) };
    let mut entry = PROCESSENTRY32W {
        dwSize: size_of::<PROCESSENTRY32W>() as u32,
        ..Default::default()
    };
    // SAFETY: the handle is open, and `entry` is writable and says how large it is.
    let mut is_one = unsafe { Process32FirstW(processes.as_raw_handle(), &mut entry) };
    while is_one != 0 {
        if entry.th32ProcessID == std::process::id() {
            return Ok(entry.th32ParentProcessID);
        }
        // SAFETY: as above.
        is_one = unsafe { Process32NextW(processes.as_raw_handle(), &mut entry) };
    }
    Err(io::Error::last_os_error())
}

/// Presses Ctrl-Break at the console of a process, which nobody can be told not to mind; or Ctrl-C, since Wine knows no other.
pub fn interrupt(id: u32) -> io::Result<()> {
    const ALL_THERE: u32 = 0;
    // SAFETY: these take no memory of ours, and the handler is a plain function, which lives for ever.
    unsafe {
        FreeConsole();
        checked(AttachConsole(id))?;
        checked(SetConsoleCtrlHandler(Some(not_meant), 1))?;
        checked(GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, ALL_THERE))
            .or_else(|_| checked(GenerateConsoleCtrlEvent(CTRL_C_EVENT, ALL_THERE)))
    }
}

extern "system" fn not_meant(_event: u32) -> BOOL {
    1
}

fn checked(result: BOOL) -> io::Result<()> {
    if result == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
