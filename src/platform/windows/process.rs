//! Processes that we start: what they share, and their end.
//!
//! A reaper makes a job, in which all is that it starts from then on. Windows ends what is in it once the last handle to it closes,
//! and the reaper alone has one. Its console, which has no window, is shared by these processes alone: a Ctrl-Break
//! there asks them to end, also where we are a service and have none, and no Ctrl-C of a user's gets there.

use super::console::{Signal, sharers_of_console, tell_signals_apart};
pub use super::console::{owns_console, wait_for_signals};
use super::text::checked;
use crate::platform::terminal_command::TerminalCommand;
use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::ptr;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, OnceLock};
use windows_sys::Win32::Foundation::{HANDLE, STATUS_CONTROL_C_EXIT};
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, GenerateConsoleCtrlEvent,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
    SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NO_WINDOW, GetCurrentProcess, TerminateProcess,
};

/// The exit code of a program that is killed.
const KILLED: u32 = 1;

/// The job that this process leads. Only the end of the process closes it.
static OWN_GROUP: OnceLock<Job> = OnceLock::new();

/// Gives what `command` starts a console of its own, without a window.
pub fn lead_group(command: &mut Command) {
    command.creation_flags(CREATE_NO_WINDOW);
}

/// Makes this process the leader of all that it starts from now on, which outlives the usual signals.
pub fn become_leader() -> io::Result<()> {
    if sharers_of_console() > 1 {
        return Err(io::Error::other("this process shares its console"));
    }
    wait_for_signals(|| ())?;
    let job = Job::new(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)?;
    // SAFETY: takes nothing; it returns a pseudo handle that need not be closed.
    job.take(unsafe { GetCurrentProcess() })?;
    let _ = OWN_GROUP.set(job);
    Ok(())
}

/// Ends the leader at once, and with it the job of those that it leads.
pub fn kill_group(leader: &Child) {
    // SAFETY: the handle is open as long as `leader` lives.
    unsafe { TerminateProcess(leader.as_raw_handle(), KILLED) };
}

/// Asks every process of our own group to end. In both ways: a Ctrl-C is ignored where our parent disabled it, and Wine knows
/// no Ctrl-Break.
pub fn ask_own_group_to_end() {
    const ALL_AT_OUR_CONSOLE: u32 = 0;
    for event in [CTRL_BREAK_EVENT, CTRL_C_EVENT] {
        // SAFETY: takes no memory of ours.
        unsafe { GenerateConsoleCtrlEvent(event, ALL_AT_OUR_CONSOLE) };
    }
}

/// Ends every process of our own group at once, this one too.
pub fn kill_own_group() {
    if let Some(job) = OWN_GROUP.get() {
        // SAFETY: the handle is never closed.
        unsafe { TerminateJobObject(job.0.as_raw_handle(), KILLED) };
    }
}

/// While a command runs, leaves the signals of the console to it, which gets them anyway. Without one, each ends this process.
pub fn leave_signals_to(command: Arc<TerminalCommand>) -> io::Result<()> {
    tell_signals_apart(move |signal| {
        if command.id().is_none() {
            std::process::exit(INTERRUPTED.into());
        }
        command
            .is_told_to_end
            .fetch_or(signal == Signal::End, SeqCst);
    })
}

/// Starts `command`, which ends when we do, in any way. Its own children go on.
pub fn spawn_to_end_with_us(command: &mut Command) -> io::Result<Child> {
    static OURS: OnceLock<Option<Job>> = OnceLock::new();
    let child = command.spawn()?;
    let limits = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    if let Some(job) = OURS.get_or_init(|| Job::new(limits).ok()) {
        let _ = job.take(child.as_raw_handle()); // it may have ended
    }
    Ok(child)
}

/// Duplicates our standard error for a child.
pub fn own_stderr() -> io::Result<Stdio> {
    Ok(io::stderr().as_handle().try_clone_to_owned()?.into())
}

/// Runs `command` to its end, and ends with its exit code. Returns only if it cannot be started.
pub fn become_program(command: &mut Command) -> io::Error {
    let ended = wait_for_signals(|| ()).and_then(|()| spawn_to_end_with_us(command)?.wait());
    match ended {
        Ok(status) => std::process::exit(exit_code(status).into()),
        Err(cause) => cause,
    }
}

/// Does nothing: no process here can become another program.
pub fn start_anew(_args: &[String], _variable: (&str, &str)) {}

/// The exit code that a Unix shell gives for an end by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Returns the exit code for this end, as far as a byte holds it.
pub fn exit_code(status: ExitStatus) -> u8 {
    match status.code() {
        Some(STATUS_CONTROL_C_EXIT) => INTERRUPTED,
        code => code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
    }
}

/// Returns the path of this program.
pub fn own_executable() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// Processes that have limits in common.
struct Job(OwnedHandle);

impl Job {
    /// Makes a job without processes.
    fn new(limits: JOB_OBJECT_LIMIT) -> io::Result<Job> {
        // SAFETY: null means no name and the usual rights.
        let handle = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: opened above, and owned here alone.
        let job = Job(unsafe { OwnedHandle::from_raw_handle(handle) });
        let mut all = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        all.BasicLimitInformation.LimitFlags = limits;
        // SAFETY: pointer and size are those of a valid structure of the kind that is named.
        checked(unsafe {
            SetInformationJobObject(
                handle,
                JobObjectExtendedLimitInformation,
                (&raw const all).cast(),
                size_of_val(&all) as u32,
            )
        })?;
        Ok(job)
    }

    fn take(&self, process: HANDLE) -> io::Result<()> {
        // SAFETY: an invalid handle is an error and nothing else.
        checked(unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process) })
    }
}

/// Sets variables of this process. Call it before the first thread starts.
pub fn set_variables<'a>(values: impl IntoIterator<Item = (&'a String, &'a String)>) {
    for (name, value) in values {
        // SAFETY: Windows guards the environment by a lock of its own.
        unsafe { std::env::set_var(name, value) };
    }
}
