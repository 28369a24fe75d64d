//! ON DISK: which history a directory holds, as its files' names say.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::SystemTime;

use super::store::{Query, Store, StoreError};
use crate::config::{Backend, HistoryConfig};

/// The history that a directory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryOnDisk {
    pub backend: Backend,
    /// When a file of it was last written.
    pub written: SystemTime,
}

/// A file of a history, as a directory lists it.
struct HistoryFile {
    name: String,
    found: HistoryOnDisk,
}

/// Finds the history in `dir`, or that of this backend; `None` where there is none. Of two, the one that was written last.
pub fn newest_in(dir: &Path, named: Option<Backend>) -> io::Result<Option<HistoryOnDisk>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(backend) = backend_of(&name) {
            let written = entry.metadata()?.modified()?;
            let found = HistoryOnDisk { backend, written };
            files.push(HistoryFile { name, found });
        }
    }
    let Some(file) = newest(files, named) else {
        return Ok(None);
    };
    File::open(dir.join(&file.name))?;
    Ok(Some(file.found))
}

/// Finds the history in `dir` if it can be read and has records.
pub fn with_records(dir: &Path, named: Option<Backend>) -> Option<HistoryOnDisk> {
    let found = newest_in(dir, named).ok()??;
    if found.backend == Backend::Jsonl {
        return Some(found); // a day's file goes with its last record
    }
    let history = HistoryConfig::on_disk(dir, found.backend);
    let store = Store::open_for_reading(&history).ok()??;
    let mut has_records = false;
    // A count would read the whole index, and a tap that starts waits for this.
    let read = store.for_each(&Query::default(), &mut |_| {
        has_records = true;
        ControlFlow::Break(())
    });
    (read.is_ok() && has_records).then_some(found)
}

/// Finds what the other backend left in the directory of this history. What is there and cannot be read is told by reading it.
pub fn left_behind(history: &HistoryConfig) -> Option<HistoryConfig> {
    let other = match history.backend {
        Backend::Jsonl => Backend::Sqlite,
        Backend::Sqlite => Backend::Jsonl,
        Backend::Loki | Backend::None => return None,
    };
    let left = HistoryConfig::on_disk(&history.dir, other);
    match Store::open_for_reading(&left) {
        Err(StoreError::NotFound(_)) => None,
        _ => Some(left),
    }
}

/// Returns the backend that a file belongs to. SQLite's files beside a database are newer than the database.
fn backend_of(name: &str) -> Option<Backend> {
    if name.starts_with("ollama_analytics.db") {
        Some(Backend::Sqlite)
    } else if name.starts_with("ollama_") && name.ends_with(".jsonl.gz") {
        Some(Backend::Jsonl)
    } else {
        None
    }
}

fn newest(files: Vec<HistoryFile>, named: Option<Backend>) -> Option<HistoryFile> {
    let is_meant = |file: &HistoryFile| named.is_none_or(|named| named == file.found.backend);
    let files = files.into_iter().filter(is_meant);
    files.max_by_key(|file| file.found.written)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn history_file(name: &str, second: u64) -> HistoryFile {
        let backend = backend_of(name).unwrap();
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        HistoryFile {
            name: name.to_owned(),
            found: HistoryOnDisk { backend, written },
        }
    }

    #[test]
    fn of_two_histories_the_one_written_last_is_meant_unless_one_is_named() {
        let both = || {
            vec![
                history_file("ollama_analytics.db", 1),
                history_file("ollama_20261120.jsonl.gz", 2),
                history_file("ollama_analytics.db-wal", 3),
            ]
        };
        let backend = newest(both(), None).unwrap().found.backend;
        assert_eq!(backend, Backend::Sqlite);
        assert_eq!(
            newest(both(), Some(Backend::Jsonl)).unwrap().name,
            "ollama_20261120.jsonl.gz"
        );
        let one = vec![history_file("ollama_analytics.db", 1)];
        assert!(newest(one, Some(Backend::Jsonl)).is_none());
    }

    #[test]
    fn a_history_without_records_has_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(with_records(&dir.path().join("missing"), None), None);
        let history = HistoryConfig::on_disk(dir.path(), Backend::Sqlite);
        let store = Store::open_for_writing(&history, "a test")
            .unwrap()
            .unwrap();
        assert!(newest_in(dir.path(), None).unwrap().is_some());
        assert_eq!(with_records(dir.path(), None), None);
        store.write(&mut vec![Default::default()]).unwrap();
        let found = with_records(dir.path(), None).unwrap();
        assert_eq!(found.backend, Backend::Sqlite);
        assert_eq!(with_records(dir.path(), Some(Backend::Jsonl)), None);
    }

    #[test]
    fn a_file_named_like_one_of_a_history_is_not_left_behind_by_a_backend() {
        let dir = tempfile::tempdir().unwrap();
        let [jsonl, sqlite] = [Backend::Jsonl, Backend::Sqlite]
            .map(|backend| HistoryConfig::on_disk(dir.path(), backend));
        for name in [
            "ollama_analytics.db-wal",
            "ollama_analytics.db",
            "ollama_x.jsonl.gz",
        ] {
            fs::write(dir.path().join(name), "").unwrap();
            for history in [&jsonl, &sqlite] {
                assert!(left_behind(history).is_none(), "{name}");
            }
        }
        fs::write(dir.path().join("ollama_analytics.db"), "no database").unwrap();
        let left = left_behind(&jsonl).unwrap();
        assert!(Store::open_for_reading(&left).is_err());
        fs::write(dir.path().join("ollama_20261120.jsonl.gz"), "").unwrap();
        assert_eq!(left_behind(&sqlite).unwrap().backend, Backend::Jsonl);
    }
}
