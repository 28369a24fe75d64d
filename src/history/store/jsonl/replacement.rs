//! A new version of a day file, written beside the old one, which takes its place all at once.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::day::Day;
use super::files::DayFile;
use crate::platform;
use crate::util::threads::lock;

/// Numbers the names: a file may be repaired while it is being rewritten.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A file that is removed again unless it is given its final name.
pub struct Replacement {
    path: PathBuf,
    pub file: File,
    placed: bool,
}

impl Replacement {
    pub fn create(directory: &Path, day: Day) -> io::Result<Replacement> {
        let mut path = day.path_of_replacement(directory).into_os_string();
        path.push(NEXT.fetch_add(1, Relaxed).to_string());
        let path = PathBuf::from(path);
        let file = platform::files::private_file()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        platform::files::give_to_owner_of_directory(&file, &path)?;
        Ok(Replacement {
            path,
            file,
            placed: false,
        })
    }

    /// Appends the bytes of an old file from `start` to `end`.
    pub fn copy(&mut self, old: &DayFile, start: u64, end: u64) -> io::Result<()> {
        let mut old = lock(&old.file);
        old.seek(SeekFrom::Start(start))?;
        self.file.seek(SeekFrom::End(0))?;
        let copied = io::copy(&mut (&mut *old).take(end - start), &mut self.file)?;
        if copied == end - start {
            Ok(())
        } else {
            Err(ErrorKind::UnexpectedEof.into())
        }
    }

    /// Replaces `old` durably; an empty file deletes it. `old` is closed first: not every system
    /// and disk replaces a file that is open.
    pub fn replace(self, old: Arc<DayFile>) -> io::Result<()> {
        let path = old.path.clone();
        drop(old);
        if self.file.metadata()?.len() == 0 {
            fs::remove_file(&path)?;
            return platform::files::sync_directory(path.parent().unwrap_or(Path::new(".")));
        }
        self.keep_as(&path)
    }

    /// Gives it its final name, durably.
    pub fn keep_as(mut self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, path)?;
        self.placed = true;
        platform::files::sync_directory(path.parent().unwrap_or(Path::new(".")))
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.placed {
            _ = fs::remove_file(&self.path); // else the next start does it
        }
    }
}
