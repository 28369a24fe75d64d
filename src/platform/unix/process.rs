//! Processes that we start: their group, their signals, their end.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use crate::platform::terminal_command::TerminalCommand;

pub use super::kernel::spawn_to_end_with_us;

/// Makes what `command` starts the leader of a process group of its own, which no Ctrl-C of a terminal reaches.
pub fn lead_group(command: &mut Command) {
    command.process_group(0);
}

/// Makes sure that this process leads a group of its own, and lets it outlive the usual signals. Programs that it starts get them as
/// ever: a handler does not pass on to them.
pub fn become_leader() -> io::Result<()> {
    // SAFETY: both take nothing and cannot fail.
    if unsafe { libc::getpgrp() != libc::getpid() } {
        return Err(io::Error::other("this process leads no group of its own"));
    }
    [SIGHUP, SIGINT, SIGQUIT, SIGTERM]
        .into_iter()
        .try_for_each(|signal| signal_hook::flag::register(signal, Arc::default()).map(drop))
}

/// Ends every process of the group that `leader` leads, at once. As long as `leader` was not waited for, even a dead one keeps
/// the number of its group from meaning another one.
pub fn kill_group(leader: &Child) {
    // SAFETY: kill takes no memory of ours.
    unsafe { libc::kill(-(leader.id() as libc::pid_t), libc::SIGKILL) };
}

/// Asks every process of our own group to end.
pub fn ask_own_group_to_end() {
    // SAFETY: kill takes no memory of ours.
    unsafe { libc::kill(0, libc::SIGTERM) };
}

/// Ends every process of our own group at once, this one too.
pub fn kill_own_group() {
    // SAFETY: kill takes no memory of ours.
    unsafe { libc::kill(0, libc::SIGKILL) };
}

/// While a command runs, leaves the signals of the terminal to it, which gets them anyway, and passes on those that ask to end.
/// Without a running command, each signal ends this process as usual.
pub fn leave_signals_to(command: Arc<TerminalCommand>) -> io::Result<()> {
    let heeded = [SIGHUP, SIGINT, SIGQUIT, SIGTERM]
        .into_iter()
        .filter(|signal| !is_ignored(*signal));
    let mut signals = Signals::new(heeded)?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                let running = command.id();
                let is_key = [SIGINT, SIGQUIT].contains(&signal);
                command.is_told_to_end.fetch_or(!is_key, SeqCst);
                pass_on(signal, *running);
            }
        })?;
    Ok(())
}

fn pass_on(signal: i32, command: Option<u32>) {
    match (command, signal) {
        (None, signal) => std::process::exit(128 + signal),
        (Some(_), SIGINT | SIGQUIT) => {}
        // SAFETY: kill takes no memory of ours.
        (Some(id), signal) => drop(unsafe { libc::kill(id as libc::pid_t, signal) }),
    }
}

/// Returns whether our parent made us ignore this signal, as `nohup` does; our children inherit that.
pub fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the pointer is valid and writable for the call, which sets nothing.
    let failed = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) } != 0;
    // SAFETY: the call has filled it in where it did not fail.
    !failed && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// Duplicates our standard error for a child.
pub fn own_stderr() -> io::Result<Stdio> {
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}

/// Replaces this process by `command`. Returns only if that fails.
pub fn become_program(command: &mut Command) -> io::Error {
    command.exec()
}

/// Starts this program anew in this process, with these arguments and one more variable. Returns only if that fails.
pub fn start_anew(args: &[String], (name, value): (&str, &str)) {
    if let Ok(program) = own_executable() {
        let mut command = Command::new(program);
        command
            .arg0(std::env::args_os().next().unwrap_or_default())
            .args(args)
            .env(name, value);
        let _ = command.exec(); // without it, this process goes on as it is
    }
}

/// Returns the exit code that a shell gives for this end: death by a signal is 128 and its number.
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Returns the path of this program, also where its file was replaced or removed since the start.
pub fn own_executable() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let running = PathBuf::from("/proc/self/exe");
    Ok(if path.exists() || !running.exists() {
        path
    } else {
        running
    })
}

/// Calls `on_signal` for each SIGINT and SIGTERM, on a thread of its own; and for each SIGHUP, which a terminal sends that closes,
/// unless we are to outlive that.
pub fn wait_for_signals(on_signal: impl Fn() + Send + 'static) -> io::Result<()> {
    let hang_up = Some(SIGHUP).filter(|signal| !is_ignored(*signal));
    let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hang_up))?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for _ in signals.forever() {
                on_signal();
            }
        })?;
    Ok(())
}

/// Returns whether our console was made for us: no Unix does that.
pub fn owns_console() -> bool {
    false
}

/// Sets variables of this process. Call it before the first thread starts.
pub fn set_variables<'a>(values: impl IntoIterator<Item = (&'a String, &'a String)>) {
    for (name, value) in values {
        // SAFETY: no other thread runs yet that could read the environment at the same time; on Windows the system guards it.
        unsafe { std::env::set_var(name, value) };
    }
}
