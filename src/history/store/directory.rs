//! The directory of a history: private, kept out of version control, and written by one tap at a
//! time.
//!
//! Some files of it are not the history's: `.lock`, whose OS lock a writer holds for as long as it
//! lives (a kill frees it), `.holder`, which says who that is, `.expiry` (`expiry`),
//! `.hidden-findings` (`hidden`), `ollama_rollup_…` (`statistics::rollup`), and the token of a running
//! tap. No reader of records looks at them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::expiry::STATE_FILE;
use super::hidden::HIDDEN_FILE;
use super::{Result, StoreError, failed};
use crate::platform;
use crate::util::threads::lock;

const LOCK_FILE: &str = ".lock";
const HOLDER_FILE: &str = ".holder";
const GITIGNORE_FILE: &str = ".gitignore";

/// The end of the name of a token's file.
pub const TOKEN_SUFFIX: &str = ".token";

/// The name of root, with a table of users and without one.
const ROOT_NAMES: [&str; 2] = ["root", "#0"];

/// The users that the service may run as: one of its own, or Ollama's.
const SERVICE_USERS: [&str; 2] = ["ollama-tap", "ollama"];

/// The beginning of the names of a history's own files.
const HISTORY_FILE_PREFIX: &str = "ollama_";

/// A directory that only this process writes, as long as this value or a clone of it exists.
#[derive(Clone)]
pub struct Directory {
    pub path: PathBuf,
    holder: String,
    lock: Arc<Mutex<File>>,
}

impl Directory {
    /// Makes the directory where it is missing, and takes its lock. `holder` describes this tap to
    /// another one that wants the directory too.
    pub fn lock(path: &Path, holder: &str) -> Result<Directory> {
        let lock = Arc::new(Mutex::new(acquire(path, holder)?));
        Ok(Directory {
            path: path.to_owned(),
            holder: holder.to_owned(),
            lock,
        })
    }

    /// Makes the directory again, and takes its lock, if either was removed.
    pub fn ensure_held(&self) -> Result<()> {
        let mut lock_file = lock(&self.lock);
        let operation = format!("write the history in {}", self.path.display());
        if !platform::files::is_at(&lock_file, &self.path.join(LOCK_FILE))
            .map_err(failed(&operation))?
        {
            *lock_file = acquire(&self.path, &self.holder)?;
            log::warn!(
                "the history in {} was removed; it begins again",
                self.path.display()
            );
        }
        Ok(())
    }
}

fn acquire(path: &Path, holder: &str) -> Result<File> {
    let operation = format!("open the history in {}", path.display());
    platform::files::create_private_directory(path).map_err(unwritable(&operation))?;
    refuse_foreign(path)?;
    let lock = create_file(
        path.join(LOCK_FILE),
        platform::files::private_file()
            .write(true)
            .create(true)
            .truncate(false),
    )
    .map_err(unwritable(&operation))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(locked_by_other(path)),
        Err(TryLockError::Error(cause)) => {
            return Err(failed(format!("lock the history in {}", path.display()))(
                cause,
            ));
        }
    }
    match write_side_files(path, holder) {
        // A history on a full disk can still be read.
        Err(cause) if cause.kind() == ErrorKind::StorageFull => {
            log::warn!("{operation}: {cause}")
        }
        done => done.map_err(failed(&operation))?,
    }
    Ok(lock)
}

/// Makes the error of a directory that cannot be written, with the way out where that is another one.
fn unwritable(operation: &str) -> impl FnOnce(io::Error) -> StoreError {
    move |cause| match cause.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => failed(operation)(format!(
            "{cause}; name a directory that can be written with --analytics-dir"
        )),
        _ => failed(operation)(cause),
    }
}

/// Refuses a directory of another user, who could read what is written there. It may be root's, who
/// lends it; and root writes for the service's user.
fn refuse_foreign(path: &Path) -> Result<()> {
    let Some(owner) = platform::files::other_owner(path) else {
        return Ok(());
    };
    let is_of_service =
        || SERVICE_USERS.contains(&&*owner) || path == platform::folders::service_history();
    if ROOT_NAMES.contains(&&*owner) || platform::users::is_root() && is_of_service() {
        return Ok(());
    }
    let why = format!(
        "it belongs to user {owner}, who could read it; run this as {owner}, or give it another --analytics-dir"
    );
    Err(StoreError::Failed(format!(
        "open the history in {}: {why}",
        path.display()
    )))
}

/// Opens a file, and gives it to the owner of the directory.
fn create_file(path: PathBuf, options: &OpenOptions) -> io::Result<File> {
    let file = options.open(&path)?;
    platform::files::give_to_owner_of_directory(&file, &path)?;
    Ok(file)
}

/// Writes a file beside the history, whole or not at all, for the owner of the directory alone.
pub fn replace_side_file(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default();
    let mut part = tempfile::Builder::new()
        .prefix(name)
        .tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
    platform::files::give_to_owner_of_directory(part.as_file(), part.path())?;
    part.write_all(text)?;
    platform::files::replace(part, path).map(drop)
}

/// Writes the files beside the history.
fn write_side_files(path: &Path, holder: &str) -> io::Result<()> {
    if holds_a_history_only(path)? {
        make_private(path)?;
    }
    let mut file = create_file(
        path.join(HOLDER_FILE),
        platform::files::private_file()
            .write(true)
            .create(true)
            .truncate(true),
    )?;
    write!(file, "{holder}")?;
    match create_file(
        path.join(GITIGNORE_FILE),
        platform::files::private_file().write(true).create_new(true),
    ) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

/// Takes the rights of everyone else away, where that is permitted: a volume may belong to root and
/// be lent to a group.
fn make_private(path: &Path) -> io::Result<()> {
    match platform::files::make_directory_private(path) {
        Err(cause) if cause.kind() == ErrorKind::PermissionDenied => {
            log::warn!(
                "{} belongs to another user: all who may list it see the names of the history's files",
                path.display()
            );
            Ok(())
        }
        done => done,
    }
}

/// Returns whether the directory holds nothing else, so that its rights may be changed.
fn holds_a_history_only(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with(HISTORY_FILE_PREFIX)
            && !name.starts_with(STATE_FILE)
            && !name.starts_with(HIDDEN_FILE)
            && !name.ends_with(TOKEN_SUFFIX)
            && ![LOCK_FILE, HOLDER_FILE, GITIGNORE_FILE].contains(&&*name)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn locked_by_other(path: &Path) -> StoreError {
    let holder =
        fs::read_to_string(path.join(HOLDER_FILE)).unwrap_or_else(|_| "another tap".to_owned());
    StoreError::Failed(format!(
        "open the history in {}: {} writes it; stop that one, or give this one another --analytics-dir",
        path.display(),
        holder.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_writer_and_the_second_learns_who() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/history");
        let first = Directory::lock(&path, "ollama-tap (pid 7)").unwrap();
        let Err(StoreError::Failed(text)) = Directory::lock(&path, "x") else {
            panic!("locked twice")
        };
        assert!(
            text.contains("ollama-tap (pid 7) writes it") && text.contains("--analytics-dir"),
            "{text}"
        );
        drop(first);
        Directory::lock(&path, "x").unwrap();
        assert_eq!(
            fs::read_to_string(path.join(GITIGNORE_FILE)).unwrap(),
            "*\n"
        );
    }
}
