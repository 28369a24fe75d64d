//! HISTORIES: where the taps of this user wrote, so that questions find it from any directory.
//!
//! They are lines of a file in the user's state directory, the newest first: when the tap began (Unix
//! seconds), its backend, and the path, which `install.sh` reads too.

use std::cmp::Reverse;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::read;
use super::registration::{PRIVATE, put};
use crate::config::{Backend, HistoryConfig};
use crate::history::on_disk::{HistoryOnDisk, with_records};
use crate::history::record::now;
use crate::platform::folders;
use crate::util::sanitize::escape_control_chars;

const FILE: &str = "histories";

/// The most lines of the file.
const HISTORIES_MAX: usize = 20;

/// A history that this user, or the service, has on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHistory {
    pub directory: PathBuf,
    pub found: HistoryOnDisk,
}

/// As people are told of it.
impl fmt::Display for KnownHistory {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let directory = self.directory.display().to_string();
        let backend = self.found.backend.as_str();
        write!(f, "{} ({backend})", escape_control_chars(&directory))
    }
}

/// Notes where this tap writes. What cannot be noted is none of a tap's concern.
pub fn note(history: &HistoryConfig) {
    if !matches!(history.backend, Backend::Jsonl | Backend::Sqlite) {
        return;
    }
    if let Err(cause) = add(&history.dir, history.backend) {
        log::debug!("note where this tap writes: {cause}");
    }
}

fn add(dir: &Path, backend: Backend) -> io::Result<()> {
    let (Some(file), Some(text)) = (file(), dir.to_str()) else {
        return Ok(());
    };
    let is_known = usual().iter().any(|usual| usual == dir);
    if is_known || text.contains(char::is_control) {
        return Ok(());
    }
    let mut text = format!("{} {} {text}\n", now() as u64, backend.as_str());
    let others = lines(&file).into_iter();
    for line in others
        .filter(|line| directory_of(line) != Some(dir))
        .take(HISTORIES_MAX - 1)
    {
        text += &line;
        text.push('\n');
    }
    put(&file, text.as_bytes(), PRIVATE)
}

/// Lists the histories that can be read and have records, those of `named` if that is given: the one that was written last first.
pub fn known(named: Option<Backend>) -> Vec<KnownHistory> {
    beside(Vec::new(), named)
}

/// Lists those that are not in `here`, which is not looked at.
pub fn elsewhere(here: &Path, named: Option<Backend>) -> Vec<KnownHistory> {
    beside(here.canonicalize().into_iter().collect(), named)
}

/// Lists those in other directories than were `seen`.
fn beside(mut seen: Vec<PathBuf>, named: Option<Backend>) -> Vec<KnownHistory> {
    let noted = file().map(|file| lines(&file)).unwrap_or_default();
    let noted = noted.iter().filter_map(|line| directory_of(line));
    let mut directories: Vec<PathBuf> = noted.map(Path::to_owned).chain(usual()).collect();
    directories.retain(|dir| is_new(dir, &mut seen));
    let known = directories.into_iter().filter_map(|directory| {
        let found = with_records(&directory, named)?;
        Some(KnownHistory { directory, found })
    });
    let mut known: Vec<KnownHistory> = known.collect();
    known.sort_by_key(|known| Reverse(known.found.written));
    known
}

/// The histories that need no note.
fn usual() -> Vec<PathBuf> {
    let of_commands = folders::command_history().into_iter();
    of_commands.chain([folders::service_history()]).collect()
}

fn is_new(dir: &Path, seen: &mut Vec<PathBuf>) -> bool {
    let Ok(real) = dir.canonicalize() else {
        return false;
    };
    let is_new = !seen.contains(&real);
    seen.push(real);
    is_new
}

fn file() -> Option<PathBuf> {
    folders::state_directory().map(|dir| dir.join(FILE))
}

/// Reads the lines of the file; none where it cannot be read.
fn lines(file: &Path) -> Vec<String> {
    let text = read(file).map(|(_, text)| text).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::to_owned).collect()
}

/// Returns the path on a line; `None` where it is not one of ours.
fn directory_of(line: &str) -> Option<&Path> {
    let path = Path::new(line.splitn(3, ' ').nth(2)?);
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_path_with_blanks_and_nothing_else_is_taken_for_one() {
        let path = std::env::temp_dir().join("my files");
        let line = format!("1796040000 jsonl {}", path.display());
        assert_eq!(directory_of(&line), Some(&*path));
        for line in ["", "1796040000 jsonl", "1796040000 jsonl here", "/a /b"] {
            assert_eq!(directory_of(line), None, "{line}");
        }
    }
}
