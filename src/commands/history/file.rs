//! FILE: a file that only its owner may read, and that takes its name when it is whole: a broken export never looks like one.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::platform;

pub struct Output {
    file: File,
    /// The name until it is whole and the name from then on; `None` for a device or a pipe, which is never replaced.
    rename: Option<(PathBuf, PathBuf)>,
}

impl Output {
    pub fn create(path: &Path) -> io::Result<Output> {
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Ok(Output { file: File::options().write(true).open(path)?, rename: None });
        }
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut name = target.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{:08x}.part", fastrand::u32(..)));
        let part = target.with_file_name(name);
        let file = platform::private_file().write(true).create_new(true).open(&part)?;
        Ok(Output { file, rename: Some((part, target)) })
    }

    /// Its name until it is whole; `None` for a device or a pipe.
    pub fn part(&self) -> Option<&Path> {
        self.rename.as_ref().map(|(part, _)| part.as_path())
    }

    pub fn writer(&mut self) -> &mut dyn Write {
        &mut self.file
    }

    /// Gives the file its name, in the place of one that has it.
    pub fn keep(mut self) -> io::Result<()> {
        let Some((part, target)) = &self.rename else { return Ok(()) };
        self.file.sync_all()?;
        fs::rename(part, target)?;
        self.rename = None;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.rename {
            let _ = fs::remove_file(part);
        }
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
