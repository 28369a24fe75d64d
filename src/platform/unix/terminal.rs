//! A terminal's size.

use std::io::IsTerminal;
use std::os::fd::AsRawFd;
#[cfg(test)]
use std::process::Command;

use crate::platform::terminal::Output;

/// Returns columns and rows, where the output is a terminal that knows them.
pub fn size(output: Output) -> Option<(usize, usize)> {
    let descriptor = match output {
        Output::Stdout => std::io::stdout().as_raw_fd(),
        Output::Stderr => std::io::stderr().as_raw_fd(),
    };
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: `size` is a valid, writable winsize for the whole call.
    if unsafe { libc::ioctl(descriptor, libc::TIOCGWINSZ, &mut size) } != 0 || size.ws_col == 0 {
        return None;
    }
    Some((size.ws_col.into(), size.ws_row.into()))
}

/// Returns whether the output is a terminal, which obeys escape sequences.
pub fn shows_sequences(output: Output) -> bool {
    match output {
        Output::Stdout => std::io::stdout().is_terminal(),
        Output::Stderr => std::io::stderr().is_terminal(),
    }
}

/// Runs a command to its end on a terminal of its own. Returns what that showed, and whether it ended in the mode that it began in.
#[cfg(test)]
pub fn run_on_a_terminal(mut command: Command) -> Option<(String, bool)> {
    use std::io::Read;
    let (mut person, terminal) = pair();
    let before = mode(&terminal);
    let end = || terminal.try_clone().expect("a terminal");
    command.stdin(end()).stdout(end()).stderr(end());
    let mut running = command.spawn().expect("start the command");
    drop(command); // and its ends of the terminal
    let reader = std::thread::spawn(move || {
        let mut shown = Vec::new();
        let _ = person.read_to_end(&mut shown); // an error says that nobody has the terminal any more
        String::from_utf8_lossy(&shown).into_owned()
    });
    running.wait().expect("wait for the command");
    let is_as_before = mode(&terminal) == before;
    drop(terminal);
    Some((reader.join().expect("what was shown"), is_as_before))
}

/// A new terminal: the end of who looks at it, and that of programs.
#[cfg(test)]
fn pair() -> (std::fs::File, std::fs::File) {
    use std::os::fd::FromRawFd;
    use std::ptr::null_mut;
    let (mut person, mut terminal) = (-1, -1);
    // SAFETY: both numbers are writable for the whole call; null asks for no name, and for the usual mode and size.
    let failed = unsafe {
        libc::openpty(
            &mut person,
            &mut terminal,
            null_mut(),
            null_mut(),
            null_mut(),
        )
    };
    assert_eq!(failed, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: opened above, and owned here alone.
    unsafe {
        (
            std::fs::File::from_raw_fd(person),
            std::fs::File::from_raw_fd(terminal),
        )
    }
}

#[cfg(test)]
fn mode(terminal: &std::fs::File) -> [libc::tcflag_t; 4] {
    let mut mode = std::mem::MaybeUninit::<libc::termios>::uninit();
    // SAFETY: `mode` is writable for the whole call.
    let failed = unsafe { libc::tcgetattr(terminal.as_raw_fd(), mode.as_mut_ptr()) };
    assert_eq!(failed, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the call did not fail, so it has filled it in.
    let mode = unsafe { mode.assume_init() };
    [mode.c_iflag, mode.c_oflag, mode.c_cflag, mode.c_lflag]
}
