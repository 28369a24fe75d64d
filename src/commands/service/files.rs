//! File operations of steps: each of these may be done again, and an interrupted one leaves nothing that stops the next.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::report::warn;
use crate::platform;

/// The longest wait for the processes of a stopped service to end, and the time between two attempts at their file.
const IN_USE_TIMEOUT: Duration = Duration::from_secs(3);
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Puts a file in its place whole: readers see the old one or the new one, also after a power cut. One that is there
/// already just so is not touched.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    let new = temporary_path(path);
    ignore_not_found(fs::remove_file(&new))?;
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return platform::files::set_mode(path, mode);
    }
    let mut file = platform::files::private_file()
        .write(true)
        .create_new(true)
        .open(&new)?;
    platform::files::set_mode(&new, mode)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, path)?;
    platform::files::sync_directory(directory)
}

/// Removes a file, and what an interrupted writing of it left behind.
pub fn remove(path: &Path) -> io::Result<()> {
    ignore_not_found(fs::remove_file(temporary_path(path)))?;
    ignore_not_found(fs::remove_file(path))
}

/// Tries an operation on the file of a program again while Windows refuses it: a process of it lives, and may need a moment to
/// end.
pub fn retry_while_in_use(mut operation: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let deadline = Instant::now() + IN_USE_TIMEOUT;
    loop {
        match operation() {
            Err(cause)
                if cause.kind() == ErrorKind::PermissionDenied && Instant::now() < deadline =>
            {
                thread::sleep(RETRY_INTERVAL)
            }
            done => return done,
        }
    }
}

/// Removes a running program at the next start of the system: Windows does not remove it now.
pub fn remove_at_restart(path: &Path, cause: io::Error) -> io::Result<()> {
    if cause.kind() != ErrorKind::PermissionDenied {
        return Err(cause);
    }
    platform::files::remove_at_restart(path)?;
    warn(format_args!(
        "{} is running; it is removed at the next start of the system",
        path.display()
    ));
    Ok(())
}

/// The name that a file has until it is whole.
fn temporary_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// Takes a file that was not there for one that was removed.
pub fn ignore_not_found(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(())
        }
        done => done,
    }
}
