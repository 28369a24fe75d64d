//! The tap that one command started and that others found: the first waits for them before it ends.
//!
//! Each of the others holds a lock on a file of the tap's port, in the user's state directory. Who cannot lock it (another user, a
//! read-only home) is not waited for.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::platform;
use crate::util::stderr;

/// The ending of the file, after the port.
const EXTENSION: &str = "users";

/// The file of a tap that is shared with other commands.
pub struct SharedTap {
    file: File,
    path: PathBuf,
}

/// The tap that another command started, if it is one.
pub enum Joined {
    /// It waits for us, as long as this is held.
    Shared(#[expect(dead_code, reason = "its lock is what it is held for")] File),
    /// It ended meanwhile.
    Ended,
    /// It does not end with a command, or it cannot be told of us.
    Lasting,
}

impl SharedTap {
    /// Lets others join the tap that will listen at this port.
    pub fn offer(port: u16) -> Option<SharedTap> {
        let path = path(port)?;
        platform::files::create_private_directory(path.parent()?).ok()?;
        drop(join(port)); // one that is ending has removed its file then
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .ok()?;
        Some(SharedTap { file, path })
    }

    /// Waits until no other command asks this tap, and says so where it has to; not where this one is told to end. From then on none
    /// joins it: who comes before `remove` waits for that, and starts over.
    pub fn close(&self, is_told_to_end: bool) {
        let is_asked = matches!(self.file.try_lock(), Err(TryLockError::WouldBlock));
        if is_asked && !is_told_to_end {
            stderr::say(format_args!(
                "ollama-tap: waiting for another command that asks the Ollama which this one started (Ctrl-C ends both)"
            ));
            let _ = self.file.lock(); // where it fails, it cannot be waited for
        }
    }

    /// Removes the file of a tap that has ended.
    pub fn remove(self) {
        let _ = fs::remove_file(&self.path); // one that stays only costs a look
    }
}

/// Has the tap at this port wait for us.
pub fn join(port: u16) -> Joined {
    let opened = path(port).and_then(|path| Some((File::open(&path).ok()?, path)));
    opened.map_or(Joined::Lasting, |(file, path)| lock(file, &path))
}

/// Locks the file, which has been opened at this path.
fn lock(file: File, path: &Path) -> Joined {
    match file.try_lock_shared() {
        Ok(()) if !path.exists() => Joined::Ended,
        Ok(()) => Joined::Shared(file),
        Err(TryLockError::WouldBlock) => {
            let _ = file.lock_shared(); // until it is gone
            Joined::Ended
        }
        Err(TryLockError::Error(_)) => Joined::Lasting,
    }
}

fn path(port: u16) -> Option<PathBuf> {
    let dir = platform::folders::state_directory().filter(|_| port != 0)?;
    Some(dir.join(format!("{port}.{EXTENSION}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_opened_the_file_before_it_was_removed_has_not_joined() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("11434.users");
        fs::write(&path, "").unwrap();
        let [first, second] = [(); 2].map(|()| File::open(&path).unwrap());
        assert!(matches!(lock(first, &path), Joined::Shared(_)));
        fs::remove_file(&path).unwrap();
        assert!(matches!(lock(second, &path), Joined::Ended));
    }
}
