//! FILE: a file that only its owner may read, and that takes its name when it is whole: a broken export never looks like one.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

pub enum Output {
    /// What is written, and the name that it takes when it is whole.
    File {
        part: NamedTempFile,
        target: PathBuf,
    },
    /// A device or a pipe, which is never replaced.
    Device(File),
}

impl Output {
    pub fn create(path: &Path) -> io::Result<Output> {
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Ok(Output::Device(File::options().write(true).open(path)?));
        }
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = target.file_name().ok_or(ErrorKind::InvalidInput)?;
        let directory = target
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let part = tempfile::Builder::new()
            .prefix(name)
            .suffix(".part")
            .tempfile_in(directory)?;
        Ok(Output::File { part, target })
    }

    /// Its name until it is whole; `None` for a device or a pipe.
    pub fn part(&self) -> Option<&Path> {
        match self {
            Output::File { part, .. } => Some(part.path()),
            Output::Device(_) => None,
        }
    }

    pub fn writer(&mut self) -> &mut dyn Write {
        match self {
            Output::File { part, .. } => part,
            Output::Device(file) => file,
        }
    }

    /// Gives the file its name, in the place of one that has it.
    pub fn keep(self) -> io::Result<()> {
        let Output::File { part, target } = self else {
            return Ok(());
        };
        part.as_file().sync_all()?;
        part.persist(target).map(drop).map_err(|cause| cause.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_when_it_is_whole_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        let mut broken = Output::create(&path).unwrap();
        broken.writer().write_all(b"ne").unwrap();
        drop(broken);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let mut whole = Output::create(&path).unwrap();
        whole.writer().write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        whole.keep().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_a_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Output::create(dir.path()).is_err());
        assert!(Output::create(&dir.path().join("missing/a.csv")).is_err());
        assert!(Output::create(Path::new("")).is_err());
    }
}
