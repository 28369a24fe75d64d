//! Processes of Unix.

#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

pub use libc::{SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM};

/// Sends a signal to a process that was not waited for yet, so that the number is still its own.
pub fn send(id: u32, signal: i32) {
    assert!(id > 0, "no process to send {signal} to");
    // SAFETY: kill takes no memory of ours.
    assert_eq!(
        unsafe { libc::kill(id as i32, signal) },
        0,
        "send {signal} to {id}: {}",
        std::io::Error::last_os_error()
    );
}

/// The signals that ask a program to end. The one of a closed terminal is none where we were told not to mind it (nohup), and so each
/// program that we start.
pub fn asking_to_end() -> Vec<i32> {
    // SAFETY: null asks without setting anything, and all zeros are a valid sigaction to be written to.
    let hangup = unsafe {
        let mut set: libc::sigaction = std::mem::zeroed();
        assert_eq!(
            libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut set),
            0,
            "ask for the handling of SIGHUP"
        );
        set.sa_sigaction
    };
    let hangup = (hangup != libc::SIG_IGN).then_some(libc::SIGHUP);
    [SIGTERM, SIGINT].into_iter().chain(hangup).collect()
}

/// Signals go to one process here, whoever else is at its terminal.
pub fn alone_at_its_console(_command: &mut Command) {}

/// Gives these descriptors to what `command` starts, the first as number 3, as systemd does.
#[cfg(target_os = "linux")]
pub fn hand_over(command: &mut Command, descriptors: &[OwnedFd]) {
    use std::os::unix::process::CommandExt;
    const FIRST: i32 = 3;
    /// Above all those that are to be theirs.
    const ASIDE: i32 = 64;
    if descriptors.is_empty() {
        return;
    }
    let numbers: Vec<i32> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let dup = move || {
        // SAFETY: between fork and exec only what is safe in a signal handler may run: these are system calls on numbers.
        let aside = numbers
            .iter()
            .map(|number| unsafe { libc::fcntl(*number, libc::F_DUPFD_CLOEXEC, ASIDE) });
        // Twice over all of them, so that none is overwritten before it was copied.
        let mut copies = [0; ASIDE as usize];
        for (copy, number) in copies.iter_mut().zip(aside) {
            *copy = number;
        }
        for (wanted, copy) in (FIRST..).zip(&copies[..numbers.len()]) {
            // SAFETY: as above.
            if unsafe { libc::dup2(*copy, wanted) } < 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: see above; nothing is allocated.
    unsafe { command.pre_exec(dup) };
}

/// Returns whether a process does anything yet; one that is dead and not yet waited for does not.
#[cfg(target_os = "linux")]
pub fn lives(id: u32) -> bool {
    crate::harness::proc::lives(id)
}

/// Returns whether a process does anything yet; one that is dead and not yet waited for does not.
#[cfg(not(target_os = "linux"))]
pub fn lives(id: u32) -> bool {
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &id.to_string()])
        .output()
        .expect("run ps");
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}
