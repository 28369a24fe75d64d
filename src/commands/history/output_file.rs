//! A file that only its owner may read, and that takes its name when it is whole: a broken export never looks like one.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::platform;

pub enum OutputFile {
    /// The file that is written, and the name that it takes when it is whole.
    File {
        part: NamedTempFile,
        target: PathBuf,
    },
    /// A device or a pipe, which is never replaced.
    Device(File),
}

impl OutputFile {
    pub fn create(path: &Path) -> io::Result<OutputFile> {
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Ok(OutputFile::Device(File::options().write(true).open(path)?));
        }
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = target.file_name().ok_or(ErrorKind::InvalidInput)?;
        let directory = target
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        if !directory.is_dir() {
            let missing = format!("there is no directory {}", directory.display());
            return Err(io::Error::new(ErrorKind::NotFound, missing));
        }
        let part = tempfile::Builder::new()
            .prefix(name)
            .suffix(".part")
            .tempfile_in(directory)
            // Its own text names the temporary file.
            .map_err(|cause| io::Error::from(cause.kind()))?;
        Ok(OutputFile::File { part, target })
    }

    /// The name that it has until it is whole; `None` for a device or a pipe.
    pub fn part(&self) -> Option<&Path> {
        match self {
            OutputFile::File { part, .. } => Some(part.path()),
            OutputFile::Device(_) => None,
        }
    }

    pub fn writer(&mut self) -> &mut dyn Write {
        match self {
            OutputFile::File { part, .. } => part,
            OutputFile::Device(file) => file,
        }
    }

    /// Gives the file its name, in the place of one that has it.
    pub fn persist(self) -> io::Result<()> {
        let OutputFile::File { part, target } = self else {
            return Ok(());
        };
        platform::files::replace(part, &target).map(drop)
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
        let mut broken = OutputFile::create(&path).unwrap();
        broken.writer().write_all(b"ne").unwrap();
        drop(broken);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let mut whole = OutputFile::create(&path).unwrap();
        whole.writer().write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        whole.persist().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_a_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(OutputFile::create(dir.path()).is_err());
        let missing = dir.path().join("missing");
        let error = OutputFile::create(&missing.join("a.csv")).err().unwrap();
        let expected = format!("there is no directory {}", missing.display());
        assert_eq!(error.to_string(), expected);
        assert!(OutputFile::create(Path::new("")).is_err());
    }
}
