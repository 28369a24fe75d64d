//! Files of records that Loki had not taken when the tap ended; they are sent before anything else
//! when a tap starts there again.
//!
//! A file is gzip members, each with some lines of JSON; those that were sent are removed from its
//! beginning. The tap that sends a file holds its lock.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use crate::history::record::{Record, TapIdentity};
use crate::platform;

const PREFIX: &str = "loki-unsent-";
const SUFFIX: &str = ".jsonl.gz";

/// The spool directory: writes the file of one tap, and finds those of all.
pub struct Spool {
    dir: PathBuf,
    /// This tap's own file.
    path: PathBuf,
}

/// A locked file that is being sent.
pub struct SpoolFile {
    path: PathBuf,
    /// `None` once the file is empty.
    file: Option<File>,
}

impl Spool {
    pub fn new(dir: &Path, writer: &TapIdentity) -> Spool {
        let host: String = writer
            .host
            .chars()
            .map(|c| {
                let is_plain = c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
                if is_plain { c } else { '_' }
            })
            .collect();
        Spool {
            dir: dir.to_owned(),
            path: dir.join(format!("{PREFIX}{host}-{}{SUFFIX}", writer.tap)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that a file can be written, for a warning while there is time.
    pub fn check(&self) -> io::Result<()> {
        platform::files::create_private_directory(&self.dir)?;
        NamedTempFile::new_in(&self.dir).map(drop)
    }

    /// Appends records to the file.
    pub fn save_unwritten(&self, records: &[Record]) -> io::Result<()> {
        platform::files::create_private_directory(&self.dir)?;
        let file = platform::files::private_file()
            .append(true)
            .create(true)
            .open(&self.path)?;
        platform::files::make_file_private(&self.path)?;
        let mut encoder = GzEncoder::new(&file, Compression::fast());
        for record in records {
            serde_json::to_writer(&mut encoder, record)?;
            encoder.write_all(b"\n")?;
        }
        encoder.finish()?;
        file.sync_data()
    }

    /// Locks every file of the directory that no running tap holds, whichever tap wrote it.
    pub fn lock_files(&self) -> Vec<SpoolFile> {
        let Ok(found) = fs::read_dir(&self.dir) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = found
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_spool_file(path))
            .collect();
        paths.sort();
        paths.into_iter().filter_map(SpoolFile::lock).collect()
    }
}

fn is_spool_file(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

impl SpoolFile {
    fn lock(path: PathBuf) -> Option<SpoolFile> {
        let file = File::options().read(true).write(true).open(&path);
        let locked = file.and_then(|file| match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(cause),
        });
        match locked {
            Ok(file) => Some(SpoolFile {
                path,
                file: Some(file?),
            }),
            Err(cause) => {
                log::warn!("read unsent records in {}: {cause}", path.display());
                None
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the first member, and returns the offset of the next; `None` at the end. Warns about a
    /// damaged rest and skips it.
    pub fn first(&mut self) -> io::Result<Option<(Vec<Record>, u64)>> {
        let Some(locked) = &mut self.file else {
            return Ok(None);
        };
        locked.seek(SeekFrom::Start(0))?;
        let mut file = BufReader::new(&*locked);
        if file.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut decoder = GzDecoder::new(&mut file);
        let mut text = Vec::new();
        let read = decoder.read_to_end(&mut text);
        let mut records: Vec<Record> = text
            .split(|byte| *byte == b'\n')
            .filter_map(Record::read)
            .collect();
        records.retain(|record| !record.interaction_id.is_empty());
        let end = match read {
            Ok(_) => file.stream_position()?,
            Err(cause) => {
                log::warn!(
                    "read unsent records in {}: {cause}; the {} readable ones are sent",
                    self.path.display(),
                    records.len()
                );
                locked.metadata()?.len()
            }
        };
        Ok(Some((records, end)))
    }

    /// Removes the bytes before `next`, and the file when it is empty. The new file is locked
    /// before it is visible.
    pub fn remove_up_to(&mut self, next: u64) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let rest = if next < file.metadata()?.len() {
            Some(rest_of(file, next, &self.path)?)
        } else {
            None
        };
        // Windows removes and replaces no file that is open.
        self.file = None;
        match rest {
            None => fs::remove_file(&self.path),
            Some(rest) => {
                self.file = Some(platform::files::replace(rest, &self.path)?);
                Ok(())
            }
        }
    }
}

/// Copies the bytes from `next` on to a new locked file beside this one.
fn rest_of(file: &mut File, next: u64, path: &Path) -> io::Result<NamedTempFile> {
    file.seek(SeekFrom::Start(next))?;
    let mut rest = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    io::copy(file, &mut rest)?;
    rest.as_file().sync_data()?;
    let _ = rest.as_file().try_lock();
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::store::suite;

    fn writer(host: &str) -> TapIdentity {
        TapIdentity {
            host: host.to_owned(),
            tap: 8000,
        }
    }

    fn records(numbers: std::ops::Range<u32>) -> Vec<Record> {
        numbers.map(suite::record).collect()
    }

    #[test]
    fn what_was_left_is_taken_piece_by_piece_and_gone_once_sent() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path(), &writer("a/b"));
        assert_eq!(
            spool.path().file_name().unwrap(),
            "loki-unsent-a_b-8000.jsonl.gz"
        );
        spool.save_unwritten(&records(0..3)).unwrap();
        spool.save_unwritten(&records(3..5)).unwrap();
        let other = Spool::new(dir.path(), &writer("other"));
        let mut held = other.lock_files();
        assert_eq!(
            (held.len(), other.lock_files().len()),
            (1, 0),
            "another tap's are taken, by one"
        );
        let (first, next) = held[0].first().unwrap().unwrap();
        assert_eq!(first, records(0..3));
        held[0].remove_up_to(next).unwrap();
        assert_eq!(other.lock_files().len(), 0, "what is left is held still");
        drop(held);
        let mut held = other.lock_files();
        let (second, next) = held[0].first().unwrap().unwrap();
        assert_eq!(second, records(3..5));
        held[0].remove_up_to(next).unwrap();
        assert!(!spool.path().exists());
    }

    #[test]
    fn a_file_that_was_cut_gives_what_can_be_read_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path(), &writer("box"));
        let long = |n: u32| Record {
            prompt_full: Some(format!("{n} ").repeat(50_000)),
            ..suite::record(n)
        };
        spool
            .save_unwritten(&(0..40).map(long).collect::<Vec<_>>())
            .unwrap();
        let length = fs::metadata(spool.path()).unwrap().len();
        File::options()
            .write(true)
            .open(spool.path())
            .unwrap()
            .set_len(length / 2)
            .unwrap();
        let mut held = spool.lock_files();
        let (read, end) = held[0].first().unwrap().unwrap();
        assert!(
            !read.is_empty() && read.len() < 40 && end == length / 2,
            "{}",
            read.len()
        );
        assert!(read.iter().zip(0..).all(|(record, n)| *record == long(n)));
    }

    #[test]
    fn only_files_of_that_name_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ollama_2026-11-29.jsonl.gz"), "somebody's").unwrap();
        let spool = Spool::new(&dir.path().join("made"), &writer("box"));
        spool.check().unwrap();
        spool.save_unwritten(&records(0..1)).unwrap();
        assert!(
            Spool::new(dir.path(), &writer("box"))
                .lock_files()
                .is_empty()
        );
    }
}
