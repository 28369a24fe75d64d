//! A new version of a day file, written beside the old one, which takes its place all at once.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::day::Day;
use super::files::DayFile;
use crate::platform;
use crate::util::threads::lock;

/// A file that is removed again unless it is given its final name.
pub struct Replacement {
    part: NamedTempFile,
}

impl Replacement {
    pub fn create(directory: &Path, day: Day) -> io::Result<Replacement> {
        let path = day.path_of_replacement(directory);
        let part = tempfile::Builder::new()
            .prefix(path.file_name().unwrap_or_default())
            .tempfile_in(directory)?;
        platform::files::give_to_owner_of_directory(part.as_file(), part.path())?;
        Ok(Replacement { part })
    }

    pub fn file(&mut self) -> &mut File {
        self.part.as_file_mut()
    }

    /// Appends the bytes of an old file from `start` to `end`.
    pub fn copy(&mut self, old: &DayFile, start: u64, end: u64) -> io::Result<()> {
        let mut old = lock(&old.file);
        old.seek(SeekFrom::Start(start))?;
        self.file().seek(SeekFrom::End(0))?;
        let copied = io::copy(&mut (&mut *old).take(end - start), self.file())?;
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
        if self.part.as_file().metadata()?.len() == 0 {
            fs::remove_file(&path)?;
            return platform::files::sync_directory(path.parent().unwrap_or(Path::new(".")));
        }
        self.keep_as(&path)
    }

    /// Gives it its final name, durably.
    pub fn keep_as(self, path: &Path) -> io::Result<()> {
        platform::files::replace(self.part, path).map(drop)
    }
}
