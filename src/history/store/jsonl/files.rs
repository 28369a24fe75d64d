//! The day files of a directory, opened for reading. The index of a file is kept for as long as the
//! file stays as it is.

use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard};

use super::day::{self, Day};
use super::index::Index;
use crate::history::store::{Result, failed};
use crate::util::threads::lock;

pub struct DayFiles {
    pub directory: PathBuf,
    known: Mutex<HashMap<Day, Arc<Index>>>,
}

/// A day file as it was when it was opened. It can be read even when it is replaced or deleted
/// meanwhile.
pub struct DayFile {
    pub day: Day,
    pub path: PathBuf,
    pub file: Mutex<File>,
    pub index: Arc<Index>,
    unreadable: AtomicU64,
}

impl DayFiles {
    pub fn new(directory: PathBuf) -> DayFiles {
        DayFiles {
            directory,
            known: Mutex::default(),
        }
    }

    /// Lists the days that have a file, oldest first.
    pub fn days(&self) -> Result<Vec<Day>> {
        day::list(&self.directory).map_err(failed(format!(
            "read the history in {}",
            self.directory.display()
        )))
    }

    /// Opens the file of `day`; `None` where it was deleted since it was listed.
    pub fn open(&self, day: Day) -> Result<Option<Arc<DayFile>>> {
        let path = day.path(&self.directory);
        let operation = format!("read {}", path.display());
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                self.known().remove(&day);
                return Ok(None);
            }
            Err(e) => return Err(failed(&operation)(e)),
        };
        let before = self.known().get(&day).cloned();
        let index = Index::of(&file, before.as_ref()).map_err(failed(&operation))?;
        self.known().insert(day, index.clone());
        Ok(Some(Arc::new(DayFile {
            day,
            path,
            file: Mutex::new(file),
            index,
            unreadable: AtomicU64::new(0),
        })))
    }

    /// Returns the index of each day, oldest first.
    pub fn indexes(&self) -> Result<Vec<(Day, Arc<Index>)>> {
        let mut indexes = Vec::new();
        for day in self.days()? {
            indexes.extend(self.open(day)?.map(|file| (day, file.index.clone())));
        }
        Ok(indexes)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Day, Arc<Index>>> {
        lock(&self.known)
    }
}

impl DayFile {
    /// Counts lines, or ends of damaged blocks, that could not be read.
    pub fn count_unreadable(&self, count: u64) {
        self.unreadable.fetch_add(count, Relaxed);
    }

    pub fn unreadable(&self) -> u64 {
        self.unreadable.load(Relaxed)
    }
}

impl Drop for DayFile {
    fn drop(&mut self) {
        let count = self.unreadable();
        if count > 0 && !self.index.reported.swap(true, Relaxed) {
            log::warn!(
                "left out {count} lines of {} that cannot be read",
                self.path.display()
            );
        }
    }
}
