//! Processes of Windows, which knows no signals: what comes nearest to each.

use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::process::Command;

use windows_sys::Win32::Foundation::{HANDLE, WAIT_TIMEOUT};
use windows_sys::Win32::System::Threading::{
    CREATE_NO_WINDOW, OpenProcess, PROCESS_SUSPEND_RESUME, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE,
    TerminateProcess, WaitForSingleObject,
};

use crate::harness::runner;

/// The numbers of Linux.
pub const SIGINT: i32 = 2;
pub const SIGKILL: i32 = 9;
pub const SIGTERM: i32 = 15;
pub const SIGCONT: i32 = 18;
pub const SIGSTOP: i32 = 19;

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "system" {
    fn NtSuspendProcess(process: HANDLE) -> i32;
    fn NtResumeProcess(process: HANDLE) -> i32;
}

/// Asks a process to end at its console, ends it, or halts it for a while.
pub fn send(id: u32, signal: i32) {
    // SAFETY: each handle is open until the end of its expression, and of a kind that the call takes.
    let done = match signal {
        SIGINT | SIGTERM => return interrupt(id),
        SIGKILL => unsafe {
            TerminateProcess(
                open(id, PROCESS_TERMINATE)
                    .expect("a process")
                    .as_raw_handle(),
                1,
            ) != 0
        },
        SIGSTOP => unsafe {
            NtSuspendProcess(
                open(id, PROCESS_SUSPEND_RESUME)
                    .expect("a process")
                    .as_raw_handle(),
            ) >= 0
        },
        SIGCONT => unsafe {
            NtResumeProcess(
                open(id, PROCESS_SUSPEND_RESUME)
                    .expect("a process")
                    .as_raw_handle(),
            ) >= 0
        },
        _ => panic!("Windows has nothing like the signal {signal}"),
    };
    assert!(
        done,
        "send {signal} to {id}: {}",
        std::io::Error::last_os_error()
    );
}

/// What asks a program to end: one thing here, at its console.
pub fn asking_to_end() -> Vec<i32> {
    vec![SIGINT]
}

/// Gives it a console, without a window, which nobody shares but what it starts: there it is told to end.
pub fn alone_at_its_console(command: &mut Command) {
    command.creation_flags(CREATE_NO_WINDOW);
}

/// Presses Ctrl-C at the console of a process. Whoever does that has to be at that console, so another process does.
fn interrupt(id: u32) {
    let program = runner::fake_ollama_program().expect("a program for Windows");
    let done = Command::new(program)
        .args(["interrupt", &id.to_string()])
        .creation_flags(CREATE_NO_WINDOW)
        .output()
        .expect("start it");
    assert!(
        done.status.success(),
        "interrupt {id}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Returns whether a process has not ended yet.
pub fn lives(id: u32) -> bool {
    // SAFETY: the handle is open during the call, which does not wait.
    open(id, PROCESS_SYNCHRONIZE).is_some_and(
        |process| unsafe { WaitForSingleObject(process.as_raw_handle(), 0) } == WAIT_TIMEOUT,
    )
}

fn open(id: u32, rights: u32) -> Option<OwnedHandle> {
    // SAFETY: takes no memory of ours; a handle that is not null is new and nobody else's.
    unsafe {
        let handle = OpenProcess(rights, 0, id);
        (!handle.is_null()).then(|| OwnedHandle::from_raw_handle(handle))
    }
}
