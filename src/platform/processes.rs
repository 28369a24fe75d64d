//! Processes that we start: their group, their signals, their end; and the files that they are started from.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

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
/// the number of its group from meaning anybody else.
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
/// Without one, each ends this process as it would have.
pub fn leave_signals_to(command: Arc<Mutex<Option<u32>>>) -> io::Result<()> {
    let wanted = [SIGHUP, SIGINT, SIGQUIT, SIGTERM]
        .into_iter()
        .filter(|signal| !is_ignored(*signal));
    let mut signals = Signals::new(wanted)?;
    let heed = move |signal| match (
        *command.lock().unwrap_or_else(PoisonError::into_inner),
        signal,
    ) {
        (None, signal) => std::process::exit(128 + signal),
        (_, SIGINT | SIGQUIT) => {}
        // SAFETY: kill takes no memory of ours.
        (Some(id), signal) => drop(unsafe { libc::kill(id as libc::pid_t, signal) }),
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || signals.forever().for_each(heed))?;
    Ok(())
}

/// Whether whoever started us wants this signal ignored, as `nohup` does, by us and by what we start.
pub fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the pointer is valid and writable for the call, which sets nothing.
    let failed = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) } != 0;
    // SAFETY: the call has filled it in where it did not fail.
    !failed && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// Our standard error once more, for what we start.
pub fn own_stderr() -> io::Result<Stdio> {
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}

/// Becomes the program of `command`. Returns only where that cannot be.
pub fn become_program(command: &mut Command) -> io::Error {
    command.exec()
}

/// Becomes this program anew, with these arguments and one more variable. Returns only where that cannot be.
pub fn start_anew(args: &[String], (name, value): (&str, &str)) {
    if let Ok(program) = own_executable() {
        let mut command = Command::new(program);
        command
            .arg0(std::env::args_os().next().unwrap_or_default())
            .args(args)
            .env(name, value);
        let _ = command.exec(); // who cannot become another goes on as it is
    }
}

/// The exit code that a shell gives for this end: death by a signal is 128 and its number.
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// This very program, also where its file was replaced or removed since it was started.
pub fn own_executable() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let running = PathBuf::from("/proc/self/exe");
    Ok(if path.exists() || !running.exists() {
        path
    } else {
        running
    })
}

/// Whether there is a file that may be run.
pub fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Whether both names lead to one file.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let id = |path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    id(one).is_some_and(|id_of_one| Some(id_of_one) == id(other))
}
