//! The log of a service that nothing else keeps a log for: a file that begins anew at a bound, and one that was full before it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::service::SERVICE_LOG as FILE_NAME;

/// A file this long is put aside, in the place of the one before (bytes).
const LENGTH_MAX: u64 = 5 * 1024 * 1024;

const NAME_BEFORE: &str = "ollama-tap.old.log";

/// A log file that is being written.
pub struct LogFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl LogFile {
    /// Continues the file in this directory, which is made where it is missing.
    pub fn open(directory: &Path) -> io::Result<LogFile> {
        fs::create_dir_all(directory)?;
        let path = directory.join(FILE_NAME);
        let file = File::options().append(true).create(true).open(&path)?;
        let length = file.metadata()?.len();
        Ok(LogFile { path, file, length })
    }

    /// Begins a new file. A full file that cannot be renamed (another program has the previous one open, say) is emptied.
    fn begin_anew(&mut self) -> io::Result<()> {
        if fs::rename(&self.path, self.path.with_file_name(NAME_BEFORE)).is_ok() {
            self.file = File::options().append(true).create(true).open(&self.path)?;
        } else {
            self.file.set_len(0)?;
        }
        self.length = 0;
        Ok(())
    }
}

impl Write for LogFile {
    /// Writes a whole line, in one file.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.length > 0 && self.length + line.len() as u64 > LENGTH_MAX {
            self.begin_anew()?;
        }
        self.file.write_all(line)?;
        self.length += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_goes_on_where_it_was_and_begins_anew_at_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let logs = dir.path().join("OllamaTap/logs");
        let length = |name: &str| fs::metadata(logs.join(name)).map_or(0, |file| file.len());
        LogFile::open(&logs).unwrap().write_all(b"first\n").unwrap();
        let mut log = LogFile::open(&logs).unwrap();
        let line = vec![b'x'; 1 << 20];
        (0..4).for_each(|_| log.write_all(&line).unwrap());
        assert_eq!([length(FILE_NAME), length(NAME_BEFORE)], [6 + (4 << 20), 0]);
        log.write_all(&line).unwrap();
        assert_eq!(
            [length(FILE_NAME), length(NAME_BEFORE)],
            [1 << 20, 6 + (4 << 20)]
        );
        (0..50).for_each(|_| log.write_all(&line).unwrap());
        assert!(length(FILE_NAME) <= LENGTH_MAX && length(NAME_BEFORE) <= LENGTH_MAX);
    }

    #[test]
    fn a_log_that_cannot_be_put_aside_is_emptied() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(NAME_BEFORE)).unwrap();
        let mut log = LogFile::open(dir.path()).unwrap();
        let line = vec![b'x'; 1 << 20];
        (0..6).for_each(|_| log.write_all(&line).unwrap());
        assert_eq!(
            fs::metadata(dir.path().join(FILE_NAME)).unwrap().len(),
            1 << 20
        );
    }
}
