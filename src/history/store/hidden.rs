//! HIDDEN: the groups of findings that people do not want to be told of for a while. A small file
//! beside the store, the same for every backend, read anew for each question.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::directory::replace_side_file;
use super::error::failed_io;
use super::{Result, StoreError};
use crate::platform;
use crate::util::threads::lock;

/// The name of the file, in the directory of the history.
pub const HIDDEN_FILE: &str = ".hidden-findings";

/// How many groups can be hidden at once.
const HIDDEN_MAX: usize = 1000;

/// The most that is read of the file (bytes).
const FILE_MAX: u64 = 4 * 1024 * 1024;

/// Keys of groups, each with the time until which it is hidden (Unix seconds).
pub type HiddenKeys = BTreeMap<String, f64>;

/// What hiding a group has done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HideReport {
    pub key: String,
    /// Unix seconds; `None` where it is told again.
    pub hidden_until: Option<f64>,
    /// How many groups are hidden now.
    pub hidden: u64,
}

/// The file of the hidden groups.
#[derive(Debug)]
pub struct HiddenFindings {
    /// `None` where there is no place for it.
    directory: Option<PathBuf>,
    /// Held while the file is changed.
    writing: Mutex<()>,
}

impl HiddenFindings {
    pub fn new(directory: Option<&Path>) -> HiddenFindings {
        HiddenFindings {
            directory: directory.map(Path::to_owned),
            writing: Mutex::default(),
        }
    }

    /// Returns what is hidden at `now` (Unix seconds). A file that cannot be read hides nothing.
    pub fn keys(&self, now: f64) -> HiddenKeys {
        let Some(path) = self.path() else {
            return HiddenKeys::new();
        };
        let mut keys = read(&path).unwrap_or_else(|cause| {
            log::warn!(
                "read which findings are hidden in {}: {cause}",
                path.display()
            );
            HiddenKeys::new()
        });
        keys.retain(|_, until| *until > now);
        keys
    }

    /// Hides a group until then (Unix seconds), or shows it again.
    pub fn hide(&self, key: &str, until: Option<f64>, now: f64) -> Result<HideReport> {
        let operation = "hide findings";
        let Some((directory, path)) = self.directory.as_deref().zip(self.path()) else {
            return Err(StoreError::Failed(format!(
                "{operation}: there is no directory to note it in; name one with --analytics-dir"
            )));
        };
        let _writing = lock(&self.writing);
        let mut keys = self.keys(now);
        match until.filter(|until| *until > now) {
            Some(until) if keys.len() < HIDDEN_MAX || keys.contains_key(key) => {
                keys.insert(key.to_owned(), until);
            }
            Some(_) => {
                return Err(StoreError::Failed(format!(
                    "{operation}: {HIDDEN_MAX} groups are hidden already; show some again first"
                )));
            }
            None => drop(keys.remove(key)),
        }
        let operation = format!("{operation}: write {}", path.display());
        platform::files::create_private_directory(directory).map_err(failed_io(&operation))?;
        let text = serde_json::to_vec(&keys).unwrap_or_default();
        replace_side_file(&path, &text).map_err(failed_io(&operation))?;
        Ok(HideReport {
            key: key.to_owned(),
            hidden_until: keys.get(key).copied(),
            hidden: keys.len() as u64,
        })
    }

    fn path(&self) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.join(HIDDEN_FILE))
    }
}

fn read(path: &Path) -> io::Result<HiddenKeys> {
    let file = match File::open(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(HiddenKeys::new()),
        file => file?,
    };
    let mut text = Vec::new();
    file.take(FILE_MAX).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_hidden_until_its_time_and_can_be_shown_again() {
        let dir = tempfile::tempdir().unwrap();
        let hidden = HiddenFindings::new(Some(dir.path()));
        assert!(hidden.keys(0.0).is_empty());
        let report = hidden.hide("a", Some(10.0), 0.0).unwrap();
        assert_eq!((report.hidden_until, report.hidden), (Some(10.0), 1));
        hidden.hide("b", Some(20.0), 0.0).unwrap();
        let again = HiddenFindings::new(Some(dir.path()));
        assert_eq!(again.keys(0.0).len(), 2);
        assert_eq!(again.keys(10.0), HiddenKeys::from([("b".to_owned(), 20.0)]));
        let report = hidden.hide("b", None, 0.0).unwrap();
        assert_eq!((report.hidden_until, report.hidden), (None, 1));
        assert!(!again.keys(0.0).contains_key("b"));
    }

    #[test]
    fn what_is_over_goes_from_the_file_with_the_next_change() {
        let dir = tempfile::tempdir().unwrap();
        let hidden = HiddenFindings::new(Some(dir.path()));
        hidden.hide("old", Some(10.0), 0.0).unwrap();
        hidden.hide("new", Some(100.0), 50.0).unwrap();
        assert_eq!(
            hidden.keys(0.0),
            HiddenKeys::from([("new".to_owned(), 100.0)])
        );
    }

    #[test]
    fn the_number_of_hidden_groups_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let hidden = HiddenFindings::new(Some(dir.path()));
        let keys: HiddenKeys = (0..HIDDEN_MAX).map(|n| (n.to_string(), 10.0)).collect();
        let text = serde_json::to_vec(&keys).unwrap();
        replace_side_file(&dir.path().join(HIDDEN_FILE), &text).unwrap();
        let refused = hidden.hide("one more", Some(10.0), 0.0).unwrap_err();
        assert!(refused.to_string().contains("hidden already"), "{refused}");
        hidden.hide("7", Some(20.0), 0.0).unwrap();
        hidden.hide("one more", Some(20.0), 10.0).unwrap();
    }

    #[test]
    fn a_damaged_file_hides_nothing_and_no_place_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(HIDDEN_FILE), "{\"a\"").unwrap();
        let hidden = HiddenFindings::new(Some(dir.path()));
        assert!(hidden.keys(0.0).is_empty());
        hidden.hide("a", Some(10.0), 0.0).unwrap();
        assert_eq!(hidden.keys(0.0).len(), 1);
        let nowhere = HiddenFindings::new(None);
        let refused = nowhere.hide("a", Some(10.0), 0.0).unwrap_err();
        assert!(refused.to_string().contains("--analytics-dir"), "{refused}");
    }
}
