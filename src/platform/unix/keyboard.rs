//! Keys as a terminal sends them: a byte for a letter, a sequence for an arrow.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use libc::{ECHO, ICANON, IEXTEN, ISIG, IXON, STDIN_FILENO, TCSANOW, VMIN, VTIME};
use signal_hook::consts::SIGWINCH;

use crate::platform::keyboard::{Keystroke, keystroke_of};

/// The longest wait between two bytes of a sequence (milliseconds): Esc alone is the first byte of one.
const SEQUENCE_WAIT: i32 = 100;

/// The longest sequence that is read (bytes behind Esc).
const SEQUENCE_MAX: usize = 8;

const ESCAPE: u8 = 0x1b;

/// How the terminal was before.
static BEFORE: Mutex<Option<libc::termios>> = Mutex::new(None);

/// Has the terminal of standard input send every key at once, unseen; Ctrl-C and Ctrl-Z too.
pub fn begin_raw() -> io::Result<()> {
    let mut before = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: `before` is writable for the whole call.
    if unsafe { libc::tcgetattr(STDIN_FILENO, before.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call did not fail, so it has filled it in.
    let before = unsafe { before.assume_init() };
    let mut raw = before;
    raw.c_lflag &= !(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= !IXON;
    (raw.c_cc[VMIN], raw.c_cc[VTIME]) = (1, 0);
    // SAFETY: `raw` is valid for the whole call.
    if unsafe { libc::tcsetattr(STDIN_FILENO, TCSANOW, &raw) } != 0 {
        return Err(io::Error::last_os_error());
    }
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
    Ok(())
}

/// Makes the terminal as it was before `begin_raw`. Does nothing without.
pub fn end_raw() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // SAFETY: `before` is valid for the whole call.
        unsafe { libc::tcsetattr(STDIN_FILENO, TCSANOW, &before) };
    }
}

/// Stops this process as Ctrl-Z does, and returns when it goes on.
pub fn suspend() {
    // SAFETY: raise takes no memory of ours.
    unsafe { libc::raise(libc::SIGTSTP) };
}

/// The keys of the terminal of standard input, and its changes of size.
pub struct Keyboard {
    input: File,
    resized: UnixStream,
}

impl Keyboard {
    pub fn open() -> io::Result<Keyboard> {
        let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let (resized, signal) = UnixStream::pair()?;
        resized.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(SIGWINCH, signal)?;
        Ok(Keyboard { input, resized })
    }

    /// Waits for what is done next. An error says that nothing more will come.
    pub fn next(&mut self) -> io::Result<Keystroke> {
        let (is_typed, is_resized) = self.wait(-1)?;
        if is_resized {
            while self.resized.read(&mut [0; 64]).is_ok_and(|n| n > 0) {}
            return Ok(Keystroke::Resized);
        }
        if !is_typed {
            return Ok(Keystroke::Other);
        }
        match self.byte()? {
            ESCAPE => self.sequence(),
            byte if byte.is_ascii() => Ok(keystroke_of(byte.into())),
            _ => Ok(Keystroke::Other),
        }
    }

    /// Reads what follows Esc, if anything does.
    fn sequence(&mut self) -> io::Result<Keystroke> {
        let mut bytes = Vec::new();
        while !is_whole(&bytes) && self.wait(SEQUENCE_WAIT)?.0 {
            bytes.push(self.byte()?);
        }
        Ok(decode(&bytes))
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// Waits up to so many milliseconds, or for ever: whether something was typed, and whether the size has changed.
    fn wait(&self, milliseconds: i32) -> io::Result<(bool, bool)> {
        let descriptors = [self.input.as_raw_fd(), self.resized.as_raw_fd()];
        let mut polled = descriptors.map(|fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        });
        loop {
            // SAFETY: the pointer and the length are those of a valid array.
            if unsafe { libc::poll(polled.as_mut_ptr(), 2, milliseconds) } >= 0 {
                return Ok((polled[0].revents != 0, polled[1].revents != 0));
            }
            let error = io::Error::last_os_error();
            if error.kind() != ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

/// Is this all of a sequence? One ends in a letter or `~`; `[` and `O` begin it.
fn is_whole(bytes: &[u8]) -> bool {
    match bytes {
        [] | [b'[' | b'O'] => false,
        [.., last] => matches!(last, 0x40..=0x7e) || bytes.len() == SEQUENCE_MAX,
    }
}

/// The key of a sequence, without its Esc.
fn decode(bytes: &[u8]) -> Keystroke {
    match bytes {
        [] => Keystroke::Escape,
        b"[A" | b"OA" => Keystroke::Up,
        b"[B" | b"OB" => Keystroke::Down,
        b"[5~" => Keystroke::PageUp,
        b"[6~" => Keystroke::PageDown,
        b"[H" | b"OH" | b"[1~" | b"[7~" => Keystroke::Home,
        b"[F" | b"OF" | b"[4~" | b"[8~" => Keystroke::End,
        _ => Keystroke::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal sends behind Esc, cut off where it is whole.
    fn read(sent: &str) -> (Keystroke, usize) {
        let mut length = 0;
        while length < sent.len() && !is_whole(&sent.as_bytes()[..length]) {
            length += 1;
        }
        (decode(&sent.as_bytes()[..length]), length)
    }

    #[test]
    fn a_sequence_is_one_key_and_what_follows_it_another() {
        for (sent, key, length) in [
            ("", Keystroke::Escape, 0),
            ("[A", Keystroke::Up, 2),
            ("OBq", Keystroke::Down, 2),
            ("[5~q", Keystroke::PageUp, 3),
            ("[H[F", Keystroke::Home, 2),
            ("[4~", Keystroke::End, 3),
            ("[1;5Cq", Keystroke::Other, 5),
            ("q", Keystroke::Other, 1),
            ("[1111111111", Keystroke::Other, SEQUENCE_MAX),
        ] {
            assert_eq!(read(sent), (key, length), "{sent}");
        }
    }
}
