//! One line of a day file: a record, as whichever program wrote it.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use serde::Deserialize;

use crate::history::record::{Position, Record};

/// The longest line that is read; the tap's records are far shorter. A longer one is unreadable.
const LINE_MAX: u64 = 64 << 20;

/// One record as it is in its file, without its line end.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordLine {
    pub position: Position,
    pub text: Vec<u8>,
}

#[derive(Deserialize)]
struct Key<'a> {
    #[serde(default, borrow)]
    interaction_id: Cow<'a, str>,
    #[serde(default)]
    timestamp: f64,
}

impl RecordLine {
    /// Reads a line; `None` where it is not a record.
    pub fn read(text: &[u8]) -> Option<RecordLine> {
        let position = position(text)?;
        Some(RecordLine {
            position,
            text: text.to_vec(),
        })
    }
}

/// Returns the position of the record on this line; `None` where it is not a record.
pub fn position(line: &[u8]) -> Option<Position> {
    match serde_json::from_slice::<Key>(line) {
        Ok(key) => Some(Position {
            timestamp: key.timestamp,
            id: key.interaction_id.into_owned(),
        }),
        Err(_) => Record::read(line).map(|record| record.position()),
    }
}

/// Reads to the end of a line. Returns the number of bytes.
pub fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let read = reader.take(LINE_MAX).read_until(b'\n', line)?;
    if read as u64 == LINE_MAX {
        Err(io::ErrorKind::InvalidData.into())
    } else {
        Ok(read)
    }
}

/// Returns the lines of a chunk that are not empty.
pub fn split(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = chunk;
    let lines = std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, behind) = rest.split_at_checked(end)?;
        let more = !rest.is_empty();
        rest = behind.get(1..).unwrap_or_default();
        more.then_some(line)
    });
    lines
        .map(without_mark)
        .filter(|line| !line.trim_ascii().is_empty())
}

/// Returns a line without the byte order mark that some editors and shells of Windows put in front
/// of a file.
pub fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}
