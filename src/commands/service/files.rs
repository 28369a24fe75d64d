//! What a step does to files: each of these may be done again, and an interrupted one leaves nothing that stops the next.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::step::complain;
use crate::platform;

/// So long the processes of a service that was stopped may need to be gone, and so often it is looked whether they are.
const LEAVING: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(50);

/// Puts a file in its place whole: whoever looks sees the old one or the new one, also after a power cut. One that is there
/// already just so is not touched.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    let new = unfinished(path);
    unless_gone(fs::remove_file(&new))?;
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
    unless_gone(fs::remove_file(unfinished(path)))?;
    unless_gone(fs::remove_file(path))
}

/// Does something with the file of a program. Windows refuses that while a process of it lives, and those that were told to end
/// may need a moment.
pub fn patiently(mut done: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let deadline = Instant::now() + LEAVING;
    loop {
        match done() {
            Err(cause)
                if cause.kind() == ErrorKind::PermissionDenied && Instant::now() < deadline =>
            {
                thread::sleep(LOOK)
            }
            done => return done,
        }
    }
}

/// Windows removes no program that runs; when it starts the next time, it does.
pub fn later(path: &Path, cause: io::Error) -> io::Result<()> {
    if cause.kind() != ErrorKind::PermissionDenied {
        return Err(cause);
    }
    platform::files::remove_at_restart(path)?;
    complain(format_args!(
        "{} runs now; it goes when the system starts the next time",
        path.display()
    ));
    Ok(())
}

/// Where a file is written before it takes its place.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// What is gone already need not be removed.
pub fn unless_gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(())
        }
        done => done,
    }
}
